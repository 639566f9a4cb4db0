from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from typer.testing import CliRunner

from infra.errors import InvalidInput
from infra.qbo.simulator.files.company_checks import check_company
from infra.qbo.simulator.files.company_file import CompanyFile, read_company_file
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.generator import demo_company, generate_large, write_large
from infra.qbo.simulator.files.generator_command import generate
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.unit.infra.qbo.simulator.documents_read_twice import balances, movements, open_amounts

TODAY = date(2026, 11, 21)
OTHER_DAYS = [date(2027, 1, 1), date(2027, 2, 28), date(2027, 5, 3), date(2027, 8, 17), date(2028, 2, 29)]


@pytest.fixture(scope="module")
def demo() -> CompanyFile:
    return demo_company(TODAY)


def of_kind(company: CompanyFile, entity: str) -> list[dict[str, object]]:
    return [t.body for t in company.transactions if t.entity == entity]


def bank_by_day(company: CompanyFile) -> dict[str, dict[date, Decimal]]:
    moves: dict[str, dict[date, Decimal]] = {account: defaultdict(Decimal) for account in profile.BANKS}
    for day, account, debit in movements(company):
        if account in moves:
            moves[account][day] += debit
    return moves


def assert_cash_is_plausible(company: CompanyFile, today: date) -> None:
    cash, burn = Decimal(0), Decimal(0)
    for account, moves in bank_by_day(company).items():
        balance = Decimal(0)
        for day in sorted(moves):
            balance += moves[day]
            assert balance >= 0, f"account {account} on {day}"
            burn -= moves[day] if day >= today - timedelta(days=90) else 0
        cash += balance
    assert 60 <= cash / (burn / 90) <= 200


def test_the_demo_is_a_consistent_company(demo: CompanyFile) -> None:
    check_company(demo, source="demo")
    assert sum(balances(demo).values()) == 0


def test_the_demo_has_18_months_up_to_yesterday(demo: CompanyFile) -> None:
    days = [day for day, _, _ in movements(demo)]
    assert max(days) == TODAY - timedelta(days=1) == demo.last_day
    assert min(days) <= date(2025, 5, 21)
    months = Counter((d.year, d.month) for d in days)
    assert all(months[m // 12, m % 12 + 1] > 200 for m in range(2025 * 12 + 4, 2026 * 12 + 10))


def test_the_demo_has_the_size_of_a_small_business(demo: CompanyFile) -> None:
    assert (len(demo.vendors), len(demo.items)) == (40, 15)
    assert 60 <= len(demo.customers) <= 61
    counts = Counter(t.entity for t in demo.transactions)
    assert len(counts) == 11
    assert min(counts.values()) >= 10
    assert 5_000 < counts.total() < 10_000
    names = [str(body["DisplayName"]) for body in (*demo.vendors, *demo.customers)]
    assert len(set(names)) == len(names)


def test_the_demos_cash_is_never_negative_and_lasts_a_plausible_time(demo: CompanyFile) -> None:
    assert_cash_is_plausible(demo, TODAY)


@pytest.mark.parametrize("today", OTHER_DAYS)
def test_the_demo_is_plausible_on_any_day(today: date) -> None:
    company = demo_company(today)
    assert today - timedelta(days=3) <= max(day for day, _, _ in movements(company)) < today
    assert_cash_is_plausible(company, today)


def test_the_demos_open_documents_add_up(demo: CompanyFile) -> None:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for entity, amount in open_amounts(demo).values():
        assert amount >= 0
        totals[entity] += amount
    books = balances(demo)
    assert books[profile.RECEIVABLE] == totals["Invoice"] - totals["CreditMemo"] - totals["Payment"]
    assert books[profile.PAYABLE] == -(totals["Bill"] - totals["VendorCredit"] - totals["BillPayment"])
    assert totals["Payment"] == 1500
    assert totals["VendorCredit"] > 0


@pytest.mark.parametrize("entity", ["Bill", "Invoice"])
def test_the_demo_has_open_overdue_and_partly_paid_documents(demo: CompanyFile, entity: str) -> None:
    left = open_amounts(demo)
    documents = of_kind(demo, entity)
    still_open = [d for d in documents if left[str(d["Id"])][1]]
    overdue = [d for d in still_open if str(d["DueDate"]) < TODAY.isoformat()]
    links = Counter(
        line["LinkedTxn"][0]["TxnId"]
        for t in demo.transactions
        if t.entity in {"Payment", "BillPayment"}
        for line in t.body["Line"]
    )
    assert len(overdue) >= 3
    assert len(still_open) - len(overdue) >= 10
    assert [d for d in still_open if links[str(d["Id"])]], "one partly paid and still open"
    assert [d for d in documents if links[str(d["Id"])] > 1], "one paid in parts"


def test_one_customer_of_the_demo_always_pays_late(demo: CompanyFile) -> None:
    late = next(b.id for b in profile.BUYERS if b.name == profile.ALWAYS_LATE)
    due = {str(d["Id"]): str(d["DueDate"]) for d in of_kind(demo, "Invoice")}
    delays = [
        (date.fromisoformat(t.body["TxnDate"]) - date.fromisoformat(due[line["LinkedTxn"][0]["TxnId"]])).days
        for t in demo.transactions
        if t.entity == "Payment" and t.body["CustomerRef"]["value"] == late
        for line in t.body["Line"]
        if line["LinkedTxn"][0]["TxnType"] == "Invoice"
    ]
    assert len(delays) > 50
    assert min(delays) >= 20


def test_the_demos_payroll_and_sales_tax_bypass_bills(demo: CompanyFile) -> None:
    lines = [
        (t.body["TxnDate"], line["AccountBasedExpenseLineDetail"]["AccountRef"]["value"])
        for t in demo.transactions
        if t.entity == "Purchase"
        for line in t.body["Line"]
    ]
    paydays = [day for day, account in lines if account == profile.WAGES]
    assert 38 <= len(paydays) <= 41
    assert {(date.fromisoformat(b) - date.fromisoformat(a)).days for a, b in pairwise(paydays)} == {14}
    assert len([day for day, account in lines if account == profile.SALES_TAX]) in {5, 6, 7}


def test_the_demo_is_the_same_for_the_same_day_and_seed(demo: CompanyFile) -> None:
    again = demo_company(TODAY)
    assert again == demo
    assert demo_company(TODAY, seed=3) != demo


def test_every_instant_of_the_demo_is_in_the_past_and_in_office_hours(demo: CompanyFile) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    instants = [t.created_at.astimezone(zone) for t in demo.transactions if t.created_at]
    assert len(instants) == len(demo.transactions)
    assert max(instants).date() < TODAY
    assert {8 <= at.hour < 18 for at in instants} == {True}


def test_a_large_company_has_the_counts_asked_for() -> None:
    size = LargeCompany(bills=500, invoices=300, vendors=7, customers=5, months=6)
    company = generate_large(size, today=TODAY)
    check_company(company, source="large")
    counts = Counter(t.entity for t in company.transactions)
    assert (counts["Bill"], counts["Invoice"]) == (500, 300)
    assert counts["BillPayment"] > 50
    assert counts["Payment"] > 50
    assert (len(company.vendors), len(company.customers)) == (7, 5)
    totals = balances(company)
    assert sum(totals.values()) == 0
    assert totals[profile.CHECKING] > 0
    assert max(day for day, _, _ in movements(company)) == TODAY - timedelta(days=1)


def test_a_large_company_spreads_creation_but_for_the_bills_of_one_second() -> None:
    company = generate_large(LargeCompany(bills=2000, same_second=120), today=TODAY)
    seconds = Counter(t.created_at for t in company.transactions)
    assert seconds.most_common(1)[0][1] == 120
    assert len(seconds) == len(company.transactions) - 119
    assert Counter(t.entity for t in company.transactions)["Bill"] == 2000


def test_a_large_company_without_payments() -> None:
    company = generate_large(LargeCompany(bills=50, paid_share=0), today=TODAY)
    assert Counter(t.entity for t in company.transactions) == {"Bill": 50, "Deposit": 1}


def test_a_written_company_is_the_one_in_memory(tmp_path: Path) -> None:
    size, out = LargeCompany(bills=200, invoices=40), tmp_path / "large.json"
    written = write_large(size, out, today=TODAY)
    company = generate_large(size, today=TODAY)
    assert read_company_file(out, today=TODAY) == company
    assert written == len(company.transactions)
    assert [p.name for p in tmp_path.iterdir()] == ["large.json"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bills": -1}, "bills"),
        ({"bills": 1, "vendors": 0}, "vendors"),
        ({"bills": 1, "same_second": 2}, "same_second"),
    ],
)
def test_impossible_sizes_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        LargeCompany(**wrong)


def test_the_command_writes_a_file_that_loads(tmp_path: Path) -> None:
    app, out = typer.Typer(), tmp_path / "c.json"
    app.command()(generate)
    answer = CliRunner().invoke(app, ["--bills", "30", "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    assert "30 of them bills" in answer.output
    assert len(of_kind(read_company_file(out, today=TODAY), "Bill")) == 30
    refused = CliRunner().invoke(app, ["--bills", "3", "--same-second", "4", "--out", str(out)])
    assert refused.exit_code == 2
