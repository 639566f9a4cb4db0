"""What ap and ar tell the forecast of the past: what was charged, and what settled it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from domains.core.ledger import in_home_currency


@dataclass(frozen=True)
class Settlement:
    """One payment's part on one document, or a credit's.

    Attributes:
        document_id, party_id: the rail's.
        due_on: None where the document has none.
        total: of the document, in the document's currency, as `applied` is.
        applied: what is no longer open on the document by it; `applied_home` in home currency.
        money: home currency; what of it was money. A credit that is applied brings none.
    """

    document_id: str
    party_id: str
    party_name: str | None
    issued_on: date
    due_on: date | None
    total: Decimal
    on: date
    applied: Decimal
    applied_home: Decimal
    money: Decimal


@dataclass(frozen=True)
class Charged:
    """A document's total; home currency, a credit negative."""

    on: date
    amount: Decimal


def settlements_of(rows: Iterable[Any]) -> list[Settlement]:
    """Rows as the domains' queries select them, `money` in the payment's currency and with its exchange rate."""
    return [
        Settlement(
            document_id=row.document_id,
            party_id=row.party_id,
            party_name=row.party_name,
            issued_on=row.issued_on,
            due_on=row.due_on,
            total=row.total,
            on=row.day,
            applied=row.applied,
            applied_home=in_home_currency(row.applied, row.exchange_rate),
            money=in_home_currency(row.money, row.exchange_rate),
        )
        for row in rows
    ]


def charged_of(rows: Iterable[Any]) -> list[Charged]:
    return [Charged(row.day, in_home_currency(row.amount, row.exchange_rate)) for row in rows]
