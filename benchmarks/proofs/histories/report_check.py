"""The reports hold: their totals are the balances that follow from the documents."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from benchmarks.proofs.histories.ledger_check import NO_BALANCE, Move, open_by_name, sums
from benchmarks.proofs.histories.office import PAYABLE, RECEIVABLE, Office
from benchmarks.proofs.histories.snapshot import Snapshot
from infra.money import ZERO

Report = dict[str, Any]


def check_reports(office: Office, snapshot: Snapshot, moves: list[Move]) -> None:
    """As of the last day that anything is dated; the fiscal year is the calendar's."""
    day = max([office.company.today(), *(move.day for move in moves)])
    results = {key[1] for key, body in snapshot.of("Account").items() if body["Classification"] in NO_BALANCE}
    standing = sums([move for move in moves if move.account not in results])
    year = sums([move for move in moves if move.account in results and move.day.year == day.year])
    earlier = sum((m.amount for m in moves if m.account in results and m.day.year < day.year), ZERO)
    period = {"start_date": f"{day.year}-01-01", "end_date": day.isoformat(), "accounting_method": "Accrual"}
    _check_trial_balance(_ask(office, "TrialBalance", **period), {**standing, **year}, earlier)
    _check_general_ledger(_ask(office, "GeneralLedger", **period), {**standing, **year})
    profit = _ask(office, "ProfitAndLoss", **period)
    assert _total(profit, "NetIncome") == -sum(year.values(), ZERO), "ProfitAndLoss: net income"
    _check_balance_sheet(_ask(office, "BalanceSheet", **period), snapshot, standing, net=-sum(year.values(), ZERO))
    for name, kind, account in (("AgedPayables", "Vendor", PAYABLE), ("AgedReceivables", "Customer", RECEIVABLE)):
        aged = _ask(office, name, report_date=day.isoformat())
        shown = {row["ColData"][0].get("id", ""): _cell(row) for row in _leaves(aged)}
        owed = {key[1]: amount for key, amount in open_by_name(snapshot).items() if key[0] == kind and amount}
        assert {name: amount for name, amount in shown.items() if amount} == owed, f"{name}: a name's total"
        assert _total(aged, "GrandTotal") == abs(standing.get(account, ZERO)) * _sign(kind, standing, account), name


def _sign(kind: str, standing: dict[str, Decimal], account: str) -> int:
    debit = standing.get(account, ZERO) >= ZERO
    return 1 if debit == (kind == "Customer") else -1


def _check_trial_balance(report: Report, balances: dict[str, Decimal], earlier: Decimal) -> None:
    shown: dict[str, Decimal] = {}
    for row in _leaves(report):
        cells = row["ColData"]
        shown[cells[0].get("id", "")] = _amount(cells[1]["value"]) - _amount(cells[2]["value"])
    expected = {account: balance for account, balance in balances.items() if balance}
    retained = sum((amount for account, amount in shown.items() if account not in balances), ZERO)
    listed = {account: amount for account, amount in shown.items() if amount and account in balances}
    assert listed == expected, f"TrialBalance: {listed}, not {expected}"
    assert retained == earlier, "TrialBalance: retained earnings"
    assert _total(report, "GrandTotal", column=1) == _total(report, "GrandTotal", column=2), "TrialBalance: its totals"


def _check_general_ledger(report: Report, balances: dict[str, Decimal]) -> None:
    """Balances there are natural: positive on the side that the account usually stands on."""
    ends = dict(_ends(report["Rows"].get("Row", [])))
    for account, balance in balances.items():
        assert abs(ends.get(account, ZERO)) == abs(balance), f"GeneralLedger: account {account}"


def _ends(rows: list[Report]) -> Iterator[tuple[str, Decimal]]:
    """Account and the running balance of its last own line; above sub-accounts these lie in a section without a title."""
    for row in rows:
        inner = row.get("Rows", {}).get("Row", [])
        own = [line for each in inner if "Header" not in each for line in (each, *each.get("Rows", {}).get("Row", []))]
        lines = [line for line in own if "ColData" in line]
        if "Header" in row and lines:
            yield row["Header"]["ColData"][0].get("id", ""), _cell(lines[-1])
        yield from _ends([line for line in inner if "Header" in line])


def _check_balance_sheet(report: Report, snapshot: Snapshot, standing: dict[str, Decimal], *, net: Decimal) -> None:
    kinds = {key[1]: body["Classification"] for key, body in snapshot.of("Account").items()}
    assets = sum((amount for account, amount in standing.items() if kinds[account] == "Asset"), ZERO)
    owed = sum((amount for account, amount in standing.items() if kinds[account] == "Liability"), ZERO)
    assert _total(report, "TotalAssets") == assets, "BalanceSheet: assets"
    assert _total(report, "TotalLiabilitiesAndEquity") == assets, "BalanceSheet: does not balance"
    assert _total(report, "Liabilities") == -owed, "BalanceSheet: liabilities"
    assert _total(report, "NetIncome") == net, "BalanceSheet: net income"


def _ask(office: Office, name: str, **options: str) -> Report:
    answer = office.get(f"reports/{name}", **options)
    assert answer.ok, f"{name}: {answer.content!r}"
    report: Report = answer.json()
    return report


def _leaves(report: Report) -> Iterator[Report]:
    """Every line that is about one object; of a customer with jobs, the header has what is the customer's own."""

    def walk(rows: list[Report]) -> Iterator[Report]:
        for row in rows:
            if "ColData" in row:
                yield row
            elif row.get("Header", {}).get("ColData", [{}])[0].get("id"):
                yield row["Header"]
            yield from walk(row.get("Rows", {}).get("Row", []))

    return walk(report["Rows"].get("Row", []))


def _total(report: Report, group: str, *, column: int = -1) -> Decimal:
    """Zero where the report has no such group."""

    def walk(rows: list[Report]) -> Iterator[Report]:
        for row in rows:
            if row.get("group") == group:
                yield row
            yield from walk(row.get("Rows", {}).get("Row", []))

    found = next(walk(report["Rows"].get("Row", [])), None)
    return ZERO if found is None else _amount(found.get("Summary", found)["ColData"][column]["value"])


def _cell(row: Report) -> Decimal:
    return _amount(row["ColData"][-1]["value"])


def _amount(text: str) -> Decimal:
    return Decimal(text or "0")
