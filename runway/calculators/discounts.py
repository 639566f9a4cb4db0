"""Early-payment discounts: what they are worth a year, and whether taking one keeps even the bad path above the floor."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from infra.money import ZERO, to_cents
from runway.calculators.draws import Draws
from runway.calculators.figures import Basis, Figure
from runway.calculators.outlook import DatedFlow, PathRow

_DAYS_A_YEAR = 365
_HUNDRED = Decimal(100)
# 2/10 net 30 · 2% 10, Net 30 · 1.5% 10 days net 45
_TERMS = re.compile(
    r"^\s*(?P<percent>\d{1,2}(?:\.\d+)?)\s*(?:%\s*[/,]?|/)\s*(?P<early>\d{1,3})\s*(?:days?)?\s*[,;/]?\s*(?:net|n)[\s/]*(?P<net>\d{1,3})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DiscountTerms:
    """`percent` of 100, off when paid within `discount_days` of the document's date; all due after `net_days`."""

    percent: Decimal
    discount_days: int
    net_days: int

    @property
    def yearly_percent(self) -> Decimal:
        """What waiting costs, as simple interest a year: d / (1 - d) x 365 / (net - discount days), in percent."""
        share = self.percent / _HUNDRED
        return to_cents(share / (1 - share) * _DAYS_A_YEAR / (self.net_days - self.discount_days) * _HUNDRED)


def parse_terms(name: str) -> DiscountTerms | None:
    """From the name of the terms, to be confirmed by a person once; None when it names no discount that makes sense."""
    if not (found := _TERMS.match(name)):
        return None
    percent, early, net = Decimal(found["percent"]), int(found["early"]), int(found["net"])
    return DiscountTerms(percent, early, net) if percent and early < net else None


@dataclass(frozen=True)
class DiscountOffer:
    """One bill's.

    Attributes:
        saving: what is not paid, in home currency.
        pay_by: the last day for it.
        yearly_percent: what waiting until the planned day costs.
        lowest_p10: the lowest close of the bad path when it is taken.
        is_recommended: still open to take, and `lowest_p10` is at or above the floor.
    """

    external_id: str
    saving: Figure
    pay_by: date
    yearly_percent: Decimal
    lowest_p10: Figure
    is_recommended: bool


def discount_offer(
    external_id: str,
    terms: DiscountTerms,
    *,
    issued_on: date,
    open_amount: Decimal,
    planned: Iterable[DatedFlow],
    draws: Draws,
    floor: Decimal,
    basis: Basis,
) -> DiscountOffer:
    """Args:
    external_id: the bill's.
    terms: confirmed.
    issued_on: the bill's date, from which the days count.
    open_amount: of the bill; the discount is taken to be on it.
    planned: the bill's own flows in the path, which paying early replaces.
    draws: the baseline.
    floor: what the bad path may not go below.
    basis: T.
    """
    pay_by = issued_on + timedelta(days=terms.discount_days)
    saving = to_cents(open_amount * terms.percent / _HUNDRED)
    undone = [DatedFlow(flow.on, -flow.amount, flow.row, flow.key, flow.party_id) for flow in planned]
    early = DatedFlow(pay_by, saving - open_amount, PathRow.BILLS, external_id)
    low = draws.shifted([*undone, early]).band().low_p10.p10
    is_open = pay_by >= basis.as_of and open_amount > ZERO
    return DiscountOffer(
        external_id=external_id,
        saving=basis.figure(saving, basis.currency, n=1, n_of="documents", note="on the open amount, tax included"),
        pay_by=pay_by,
        yearly_percent=terms.yearly_percent,
        lowest_p10=basis.figure(low, basis.currency, n=1, n_of="documents"),
        is_recommended=is_open and low >= floor,
    )
