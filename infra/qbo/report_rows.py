"""The figures of a QBO report by the id that its row carries. Every cell is a text; an empty one is nothing, not zero."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from infra.qbo.answers import ReportAnswer
from infra.qbo.errors import QBOUnavailable

_ZERO = Decimal(0)


def amounts_by_id(report: ReportAnswer) -> dict[str, list[Decimal]]:
    """What each account or name has itself, column by column, those under it left out.

    Raises:
        QBOUnavailable: the answer is no report, or a cell of a row with an id is no amount.
    """
    rows = report.content.get("Rows")
    if not isinstance(rows, dict):
        raise QBOUnavailable(f"QuickBooks answered {report.name} without rows.")
    found: dict[str, list[Decimal]] = {}
    for cells in _lines(rows):
        identifier = cells[0].get("id")
        if not identifier:
            continue
        amounts = [_amount(cell, report.name) for cell in cells[1:]]
        earlier = found.get(str(identifier), [_ZERO] * len(amounts))
        found[str(identifier)] = [one + other for one, other in zip(earlier, amounts, strict=True)]
    return found


def _lines(rows: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for row in rows.get("Row") or ():
        for cells in (row.get("ColData"), (row.get("Header") or {}).get("ColData")):
            if cells:
                yield cells
        yield from _lines(row.get("Rows") or {})


def _amount(cell: dict[str, Any], name: str) -> Decimal:
    text = str(cell.get("value") or "").replace(",", "")
    try:
        return Decimal(text) if text else _ZERO
    except InvalidOperation as error:
        raise QBOUnavailable(f"QuickBooks answered {name} with a cell that is no amount.") from error
