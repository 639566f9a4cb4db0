"""What other currencies were worth, by the documents that name a rate: the ledger gives every foreign one its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ledger import live


@dataclass(frozen=True)
class HomeRate:
    """Home currency for one unit, as a document of that day has it."""

    currency: str
    rate: Decimal
    on: date


async def list_newest(
    session: AsyncSession, business_id: UUID, dated: Sequence[tuple[Any, Any]], *, since: date, until: date
) -> list[HomeRate]:
    """The newest of each currency in each of the mirrors, one statement a mirror; home currency, where documents name it, included.

    Args:
        session: limited to the business.
        business_id: its id.
        dated: mirrors that hold `currency` and `exchange_rate`, each with its column of the day.
        since: the earliest day that still tells something.
        until: T; what is dated later is none of today's.
    """
    found: list[HomeRate] = []
    for mirror, day in dated:
        found += [HomeRate(*row) for row in await session.execute(_newest(mirror, day, business_id, since, until))]
    return found


def newest_of(rates: Sequence[HomeRate]) -> dict[str, HomeRate]:
    """By currency; of one day the greatest, so that the order given does not matter."""
    return {one.currency: one for one in sorted(rates, key=lambda one: (one.on, one.rate))}


def _newest(mirror: Any, day: Any, business_id: UUID, since: date, until: date) -> Any:
    return (
        select(mirror.currency, mirror.exchange_rate, day)
        .where(
            *live(mirror, business_id),
            mirror.currency.is_not(None),
            mirror.exchange_rate > 0,
            day.between(since, until),
        )
        .ext(distinct_on(mirror.currency))
        .order_by(mirror.currency, day.desc(), mirror.id.desc())
    )
