"""A number that can be shown: what it is, when it was true, where it is from and how much history fed it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

DAYS = "days"


@dataclass(frozen=True)
class Figure:
    """One number and its provenance. A number we cannot give is None, and then `reason` says why.

    Attributes:
        unit: USD, USD/day, USD/week or days (the currency is the company's home currency).
        as_of: the day it describes, in the company's zone.
        source: where its inputs come from, such as qbo.
        n: how much fed it, counted in `n_of` (days, weeks, accounts, documents).
        note: an assumption a reader must know; None when there is none.
    """

    value: Decimal | None
    unit: str
    as_of: date
    source: str
    n: int
    n_of: str
    note: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("A figure has a value, or a reason why it has none; not both, not neither.")


@dataclass(frozen=True)
class Basis:
    """What all figures of one answer share.

    Attributes:
        as_of: T, the day in the company's zone. Windows of complete days end the day before it.
        currency: the company's home currency.
    """

    as_of: date
    source: str
    currency: str = "USD"

    @property
    def daily(self) -> str:
        return f"{self.currency}/day"

    @property
    def weekly(self) -> str:
        return f"{self.currency}/week"

    def figure(self, value: Decimal, unit: str, *, n: int, n_of: str, note: str | None = None) -> Figure:
        return Figure(value, unit, self.as_of, self.source, n, n_of, note=note)

    def missing(self, reason: str, unit: str, *, n: int, n_of: str, note: str | None = None) -> Figure:
        return Figure(None, unit, self.as_of, self.source, n, n_of, note=note, reason=reason)
