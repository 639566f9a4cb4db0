"""What may turn out to be the same bill twice: bills themselves, and what was paid on the spot."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


class LookalikeKind(StrEnum):
    BILL = "bill"
    PURCHASE = "purchase"


@dataclass(frozen=True)
class Lookalike:
    """One document with a vendor on it. `amount` is positive, in `currency`; `on` is its own date."""

    kind: LookalikeKind
    id: UUID
    external_id: str
    doc_number: str | None
    party_external_id: str
    party_name: str | None
    on: date
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class LookalikeSearch:
    """Documents of these parties with that amount (ends inside) in those days (ends inside), or with a number that ends so.

    `number_end` is in lower case, letters and digits alone; empty: no number is looked for.
    """

    business_id: UUID
    party_external_ids: Collection[str]
    least: Decimal
    most: Decimal
    since: date
    until: date
    number_end: str
    home_currency: str


FindLookalikes = Callable[[AsyncSession, LookalikeSearch], Awaitable[list[Lookalike]]]
