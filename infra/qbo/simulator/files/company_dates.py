"""Moving a company in time: a file written once shows a company whose last day is yesterday or today."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from infra.qbo.simulator.files.company_file import Body, CompanyFile

_DATE_FIELDS = frozenset({
    "TxnDate", "DueDate", "ShipDate", "ServiceDate", "InvStartDate", "CompanyStartDate", "BookCloseDate",
})  # fmt: skip


def shift_to_today(company: CompanyFile, *, today: date) -> CompanyFile:
    """Move every date so that `last_day` becomes `today` or yesterday; a file without `last_day` stays as it is.

    The bodies are changed in place: a large company is not held twice.
    """
    if company.last_day is None:
        return company
    target = today if company.last_day_is == "today" else today - timedelta(days=1)
    if target == company.last_day:
        return company
    shift = _Shift(target - company.last_day)
    for body in [company.company, company.preferences, *company.items]:
        shift.move(body)
    for transaction in company.transactions:
        shift.move(transaction.body)
    delta = shift.delta
    company.transactions = [
        t if t.created_at is None else replace(t, created_at=t.created_at + delta) for t in company.transactions
    ]
    company.ledger = [replace(entry, txn_on=entry.txn_on + delta) for entry in company.ledger]
    company.last_day = target
    return company


class _Shift:
    def __init__(self, delta: timedelta) -> None:
        self.delta = delta
        self._moved: dict[str, str] = {}

    def move(self, body: Body) -> None:
        for key, value in body.items():
            if key in _DATE_FIELDS:
                body[key] = self._move_date(value)
            elif isinstance(value, dict):
                self.move(value)
            elif isinstance(value, list):
                for part in value:
                    if isinstance(part, dict):
                        self.move(part)

    def _move_date(self, text: Any) -> Any:
        if not isinstance(text, str) or not text:
            return text
        if text not in self._moved:
            self._moved[text] = (date.fromisoformat(text) + self.delta).isoformat()
        return self._moved[text]
