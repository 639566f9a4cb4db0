"""The sample company's reports against those captured from QBO, to the cent and row by row."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.files.company_file import read_company_file
from tests.unit.infra.qbo.simulator.report_reading import (
    SAMPLES,
    Report,
    ask,
    group,
    outline,
    rows_of,
    sample,
    texts,
    total,
)
from tests.unit.infra.qbo.simulator.small_company import MovableClock

LEDGER = SAMPLES / "craigs_transactions.json"
CAPTURED_AT = datetime(2024, 5, 29, 22, 27, 12, tzinfo=UTC)
# The ledger of these shows each adjustment twice and its equity against itself; the simulator has it as one entry.
ADJUSTMENT = "Inventory Qty Adjust"
# A company file does not say which of these an expense was entered as.
EXPENSES = {"Cash Expense": "Expense", "Credit Card Expense": "Expense"}
Line = tuple[tuple[str, ...], tuple[str, ...], tuple[str | None, ...]]


@pytest.fixture(scope="module")
def craigs() -> Company:
    if not LEDGER.exists():
        pytest.skip(f"the sample ledger {LEDGER} is not there")
    file = read_company_file(LEDGER, today=CAPTURED_AT.date(), as_dated=True)
    return load_company(file, clock=MovableClock(CAPTURED_AT))


def captured(name: str) -> tuple[Report, dict[str, str]]:
    report = sample(name)
    return report, {"start_date": report["Header"]["StartPeriod"], "end_date": report["Header"]["EndPeriod"]}


def test_profit_and_loss_is_the_captured_one(craigs: Company) -> None:
    theirs, period = captured("profit_and_loss")
    ours = ask(craigs, "ProfitAndLoss", **period)
    assert list(outline(rows_of(ours))) == list(outline(rows_of(theirs)))
    assert len(list(outline(rows_of(ours)))) > 50
    assert {**ours["Header"], "Time": ""} == {**theirs["Header"], "Time": ""}
    assert ours["Columns"] == theirs["Columns"]


def test_accounts_with_postings_have_the_captured_ids(craigs: Company) -> None:
    """Those that are only parents get ids of their own: a ledger never names them."""
    theirs, period = captured("profit_and_loss")
    ids = dict(_ids(rows_of(ask(craigs, "ProfitAndLoss", **period))))
    assert all(ids[path] == identifier for path, identifier in _ids(rows_of(theirs)))


def _ids(rows: list[Report], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for row in rows:
        label = texts(row.get("Header", row))[0] if "Header" in row or "ColData" in row else ""
        if "ColData" in row and "id" in row["ColData"][0]:
            found.append(((*path, label), row["ColData"][0]["id"]))
        found += _ids(row.get("Rows", {}).get("Row", []), (*path, label))
    return found


def test_general_ledger_has_the_captured_rows(craigs: Company) -> None:
    theirs, period = captured("general_ledger")
    ours = ask(craigs, "GeneralLedger", **period)
    assert ours["Columns"] == theirs["Columns"]
    assert {**ours["Header"], "Time": ""} == {**theirs["Header"], "Time": ""}
    lines = Counter(_lines(rows_of(ours)))
    assert lines == Counter(_lines(rows_of(theirs)))
    assert lines.total() > 320


def test_general_ledger_has_the_captured_sections_in_order(craigs: Company) -> None:
    theirs, period = captured("general_ledger")
    ours = ask(craigs, "GeneralLedger", **period)
    assert _totals(ours) == _totals(theirs)


def test_general_ledger_leaves_the_captured_balance_on_each_day(craigs: Company) -> None:
    """Within a day QBO's order is not told by anything in its answer."""
    theirs, period = captured("general_ledger")
    assert _day_balances(ask(craigs, "GeneralLedger", **period)) == _day_balances(theirs)


def test_every_account_of_the_statements_is_the_captured_ledger_s(craigs: Company) -> None:
    """Account by account: what the captured ledger moved is the row of the balance sheet or of profit and loss."""
    theirs, period = captured("general_ledger")
    moved = {identifier: total for identifier, total in _moved(rows_of(theirs)) if total}
    sheet, income = ask(craigs, "BalanceSheet", **period), ask(craigs, "ProfitAndLoss", **period)
    shown = dict(_own_amounts(rows_of(sheet)))
    earned = dict(_own_amounts(rows_of(income)))
    assert not shown.keys() & earned.keys()
    made = {identifier: total for identifier, total in (shown | earned).items() if total}
    retained = made.pop(next(account.id for account in _retained(craigs)), Decimal(0))
    assert made == moved
    assert len(moved) > 35
    assert retained + total(sheet, "NetIncome") == total(income, "NetIncome")


def _moved(rows: list[Report], account: str = "") -> list[tuple[str, Decimal]]:
    """Each account's own movements summed, by its id; of a section without a header, the account's around it."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if "ColData" in row:
            sums[account] = sums.get(account, Decimal(0)) + Decimal(row["ColData"][6]["value"] or "0")
            continue
        identifier = row["Header"]["ColData"][0].get("id", "") if "Header" in row else account
        for inner, amount in _moved(row["Rows"]["Row"], identifier):
            sums[inner] = sums.get(inner, Decimal(0)) + amount
    return [(identifier, amount) for identifier, amount in sums.items() if identifier]


def _own_amounts(rows: list[Report]) -> list[tuple[str, Decimal]]:
    found = []
    for row in rows:
        first = row.get("Header", row).get("ColData", [{}])
        if "id" in first[0]:
            found.append((first[0]["id"], Decimal(first[1]["value"] or "0")))
        found += _own_amounts(row.get("Rows", {}).get("Row", []))
    return found


def _retained(company: Company) -> list[Record]:
    accounts = company.stores["Account"].records.values()
    return [account for account in accounts if account.body["AccountSubType"] == "RetainedEarnings"]


def _lines(rows: list[Report]) -> list[Line]:
    """Rows without their running balance."""
    found: list[Line] = []
    for path, cells in _rows(rows):
        shown = [EXPENSES.get(cell["value"], cell["value"]) for cell in cells[:7]]
        ids = [cell.get("id") for cell in cells[:7]]
        if shown[1] == ADJUSTMENT:
            if not shown[6]:
                continue
            shown[5], ids[5] = "", None
        found.append((path, tuple(shown), tuple(ids)))
    return found


def _rows(rows: list[Report], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], list[dict[str, str]]]]:
    found = []
    for row in rows:
        if "ColData" in row:
            found.append((path, row["ColData"]))
        else:
            title = texts(row["Header"])[0] if "Header" in row else "itself"
            found += _rows(row["Rows"]["Row"], (*path, title))
    return found


def _totals(report: Report) -> list[tuple[tuple[str, ...], list[str]]]:
    return [(path, cells) for path, cells in outline(rows_of(report)) if path and path[-1] == "="]


def _day_balances(report: Report) -> dict[tuple[tuple[str, ...], str], Decimal]:
    left: dict[tuple[tuple[str, ...], str], Decimal] = {}
    for path, cells in _rows(rows_of(report)):
        if cells[7]["value"]:
            left[path, cells[0]["value"]] = Decimal(cells[7]["value"])
    return left


def test_the_statements_stand_on_the_captured_ledger(craigs: Company) -> None:
    _, period = captured("general_ledger")
    sheet = ask(craigs, "BalanceSheet", **period)
    assert texts(group(sheet, "BankAccounts")["Summary"]) == ["Total Bank Accounts", "2001.00"]
    assert total(sheet, "TotalAssets") == total(sheet, "TotalLiabilitiesAndEquity") == Decimal("23436.29")
    assert total(ask(craigs, "AgedPayables"), "GrandTotal") == Decimal("1602.67")
    assert total(ask(craigs, "AgedReceivables"), "GrandTotal") == Decimal("5281.52")
    # Checking, Savings and Undeposited Funds: 1201.00, 800.00 and 2062.52 in the captured ledger.
    assert total(ask(craigs, "CashFlow", **period), "EndingCash") == Decimal("4063.52")


def test_jobs_stand_under_their_customers(craigs: Company) -> None:
    lines = dict(outline(rows_of(ask(craigs, "AgedReceivables", report_date=date(2024, 5, 29).isoformat()))))
    assert lines["Freeman Sporting Goods", "="][-1] == "562.50"
    under = [cells for path, cells in outline(rows_of(ask(craigs, "AgedReceivables"))) if path == ("Shara Barnett",)]
    assert under[-1] == ["Barnett Design", "", "", "", "274.50", "", "274.50"]
