"""The small sample businesses: consistent books on any day, and the state that each stands for."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from infra import exact_json
from infra.qbo.refusals import REFUSED
from infra.qbo.simulator.files.company_checks import check_company
from infra.qbo.simulator.files.company_file import HEALTHY, IN_TROUBLE, TIGHT, CompanyFile, read_company_file
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.small_companies.electrician import ELECTRICIAN
from infra.qbo.simulator.files.small_companies.joiner import JOINER
from infra.qbo.simulator.trouble.answers import make_answer
from infra.qbo.simulator.trouble.rules import Answer
from infra.qbo.simulator.trouble_command import read_scenario
from runway.demo.sample_firm import write_trouble
from tests.unit.infra.qbo.simulator.documents_read_twice import balances, movements, open_amounts

TODAY = date(2026, 11, 21)
DAYS = [TODAY, date(2027, 1, 1), date(2028, 2, 29)]


def bank_by_day(company: CompanyFile) -> dict[date, Decimal]:
    """What stands in the bank at the end of each day with a movement."""
    moves: dict[date, Decimal] = defaultdict(Decimal)
    for day, account, debit in movements(company):
        if account == profile.CHECKING:
            moves[day] += debit
    balance, by_day = Decimal(0), {}
    for day in sorted(moves):
        balance += moves[day]
        by_day[day] = balance
    return by_day


def overdue_bills(company: CompanyFile, today: date) -> Decimal:
    due = {str(t.body["Id"]): date.fromisoformat(t.body["DueDate"]) for t in company.transactions if t.entity == "Bill"}
    amounts = open_amounts(company)
    return sum((amounts[bill][1] for bill, due_on in due.items() if due_on < today), Decimal(0))


@pytest.mark.parametrize("word", [TIGHT, IN_TROUBLE])
@pytest.mark.parametrize("today", DAYS)
def test_the_books_are_consistent_and_small_on_any_day(word: str, today: date) -> None:
    company = read_company_file(word, today=today)
    check_company(company, source=word)
    assert sum(balances(company).values()) == 0
    assert len(company.transactions) < 700
    bank = bank_by_day(company)
    assert min(bank.values()) > 0
    assert max(bank) < today


def test_the_tight_one_pays_in_time_and_owes_one_large_bill_in_five_weeks() -> None:
    company = read_company_file(TIGHT, today=TODAY)
    assert overdue_bills(company, TODAY) == 0
    largest = max(
        (t for t in company.transactions if t.entity == "Bill"), key=lambda t: Decimal(t.body["Line"][0]["Amount"])
    )
    assert date.fromisoformat(largest.body["DueDate"]) == TODAY + timedelta(days=33)
    cash = list(bank_by_day(company).values())[-1]
    assert Decimal(largest.body["Line"][0]["Amount"]) > cash / 2


@pytest.mark.parametrize("today", DAYS)
def test_the_one_in_trouble_lost_cash_and_owes_suppliers_overdue(today: date) -> None:
    company = read_company_file(IN_TROUBLE, today=today)
    bank = bank_by_day(company)
    before = [balance for day, balance in bank.items() if day < today - timedelta(days=90)][-1]
    now = list(bank.values())[-1]
    assert now < before
    assert now / 5 < overdue_bills(company, today) < now


def test_the_same_day_makes_the_same_books() -> None:
    assert read_company_file(TIGHT, today=TODAY) == read_company_file(TIGHT, today=TODAY)


def test_the_healthy_one_has_its_reserve() -> None:
    books = balances(read_company_file(HEALTHY, today=TODAY))
    assert sum(books[account] for account in profile.BANKS) > 100_000


def test_what_goes_wrong_in_the_demo_is_read_by_the_simulator(tmp_path: Path) -> None:
    write_trouble(tmp_path / "trouble.json")
    rules = read_scenario(tmp_path / "trouble.json")
    assert [rule.match.realm for rule in rules] == [JOINER.realm_id, ELECTRICIAN.realm_id]
    refusal = rules[0].effect
    assert isinstance(refusal, Answer)
    assert refusal.code in REFUSED
    _, _, body = make_answer(refusal, datetime(2026, 11, 21, tzinfo=UTC))
    assert exact_json.loads(body)["Fault"]["Error"][0]["code"] == "5020"
