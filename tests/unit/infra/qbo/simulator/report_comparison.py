"""A report against its sample: the same keys, nesting and types of cells, whatever the figures."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from infra.qbo.simulator.books.company import Company
from tests.unit.infra.qbo.simulator.report_reading import Report
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    VISA,
    MovableClock,
    bill,
    bill_payment,
    invoice,
    make_company,
    payment,
    ref,
)


def full_company(clock: MovableClock) -> Company:
    """Something in every section that a sample has: debts of several ages, credits, parents, every kind of account."""
    company = make_company(clock)
    made = _accounts(company)
    for day in (date(2025, 9, 1), date(2026, 1, 5), date(2026, 2, 10), date(2026, 3, 1)):
        company.create("Invoice", invoice(TxnDate=day.isoformat()))
        company.create("Bill", bill(TxnDate=day.isoformat()))
    company.create("VendorCredit", bill("30", vendor="57"))
    company.create("BillPayment", bill_payment("15", []))
    company.create("Payment", payment("20", [], customer="2"))
    sides = [
        *((made[name], "Debit") for name in ("Truck cost", "Car", "Fuel", "Stock", "Sold stock", "Penalties", "Bond")),
        *((made[name], "Credit") for name in ("Loan", "Note", "Opening", "Plants", "Interest")),
        *((account, "Credit") for account in (CHECKING, VISA)),
    ]
    lines = [
        {
            "Amount": "10",
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {"PostingType": side, "AccountRef": ref(account)},
        }
        for account, side in sides
    ]
    company.create("JournalEntry", {"Line": lines})
    return company


def _accounts(company: Company) -> dict[str, str]:
    wanted = [
        ("Truck", "Fixed Asset", None), ("Truck cost", "Fixed Asset", "Truck"), ("Car", "Expense", None),
        ("Fuel", "Expense", "Car"), ("Stock", "Other Current Asset", None), ("Bond", "Other Asset", None),
        ("Sold stock", "Cost of Goods Sold", None), ("Penalties", "Other Expense", None),
        ("Interest", "Other Income", None), ("Loan", "Other Current Liability", None),
        ("Note", "Long Term Liability", None), ("Opening", "Equity", None), ("Garden", "Income", None),
        ("Plants", "Income", "Garden"),
    ]  # fmt: skip
    made: dict[str, str] = {}
    for name, kind, parent in wanted:
        body: dict[str, Any] = {"Name": name, "AccountType": kind}
        if parent:
            body |= {"ParentRef": ref(made[parent]), "SubAccount": True}
        made[name] = company.create("Account", body).id
    return made


def assert_alike(ours: Report, theirs: Report, *, newer: tuple[str, ...] = ()) -> None:
    """`newer`: paths that the sample is too old to have."""
    unsaid = (*newer, ".Header.DateMacro")  # there when the request named no dates: both kinds exist
    assert _keys(ours, but=unsaid) == _keys(theirs, but=(".Header.DateMacro",))
    assert _row_shapes(theirs) <= _row_shapes(ours)
    assert dict(_groups(theirs)).items() <= dict(_groups(ours)).items()
    for report in (theirs, ours):
        cells = list(_cells(report["Rows"]))
        assert cells
        assert all(isinstance(value, str) for cell in cells for value in cell.values())
        assert all(cell.keys() <= {"value", "id"} for cell in cells)
        width = len(report["Columns"]["Column"])
        assert all(len(line) == width for line in _lines(report["Rows"]))


def _keys(report: Report, *, but: tuple[str, ...]) -> set[str]:
    """Paths of keys of header and columns, with the types at their ends."""
    found = {*_paths(report["Header"], ".Header"), *_paths(report["Columns"], ".Columns")}
    return {path for path in found if not path.startswith(but)}


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _paths(held, f"{path}.{key}")
    elif isinstance(value, list):
        for held in value:
            yield from _paths(held, path)
    else:
        yield f"{path}: {type(value).__name__}"


def _row_shapes(report: Report) -> set[tuple[str, ...]]:
    """The kinds of rows: which keys stand together, and which cells have ids."""
    return set(_shapes(report["Rows"].get("Row", [])))


def _shapes(rows: list[Report]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield tuple(sorted(f"{key}={row[key]}" if key == "type" else key for key in row if key != "group"))
        yield from _shapes(row.get("Rows", {}).get("Row", []))


def _groups(report: Report) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each group with the groups around it."""

    def walk(rows: list[Report], above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for row in rows:
            path = (*above, row["group"]) if "group" in row else above
            if "group" in row:
                yield row["group"], above
            yield from walk(row.get("Rows", {}).get("Row", []), path)

    yield from walk(report["Rows"].get("Row", []), ())


def _lines(value: Any) -> Iterator[list[dict[str, str]]]:
    if isinstance(value, dict):
        if "ColData" in value:
            yield value["ColData"]
        for held in value.values():
            yield from _lines(held)
    elif isinstance(value, list):
        for held in value:
            yield from _lines(held)


def _cells(value: Any) -> Iterator[dict[str, str]]:
    for line in _lines(value):
        yield from line
