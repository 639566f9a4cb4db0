"""The ledger rail is the authority for what is owed: sums are over its rows alone (DESIGN section 3)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement

from domains.core.movements import CashMovement
from infra.config import Rail
from infra.money import to_cents
from infra.sync.shapes import MirrorRow

LEDGER = Rail.QBO


def live(mirror: type[MirrorRow], business_id: UUID | BindParameter[UUID]) -> tuple[ColumnElement[bool], ...]:
    """The business's rows of the ledger that are not deleted."""
    return (mirror.business_id == business_id, mirror.rail == LEDGER.value, mirror.deleted_at.is_(None))


def in_home_currency(amount: Decimal, exchange_rate: Decimal | None) -> Decimal:
    """`exchange_rate` is the document's own, home currency for one unit; none means that it is in home currency."""
    return amount if exchange_rate is None or exchange_rate == 1 else to_cents(amount * exchange_rate)


def movements_of(rows: Iterable[Any]) -> list[CashMovement]:
    """Rows as the domains' queries select them, with the document's amount and exchange rate."""
    return [
        CashMovement(
            on=row.day,
            amount=in_home_currency(row.amount, row.exchange_rate),
            account_id=row.account,
            counter_account_id=row.counter,
            counterparty=row.party,
            source=row.source,
            external_id=row.external_id,
            memo=row.memo,
            is_trade=row.is_trade,
        )
        for row in rows
    ]
