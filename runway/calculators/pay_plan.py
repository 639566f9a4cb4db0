"""Safe dates for the open bills: the bad path stays at or above the floor, must-pays first, discounts where they fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from runway.calculators.draws import Band

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PlannedBill:
    """A bill to find a day for.

    Attributes:
        due_on: the day it is wanted on; when past, today.
        discount: (last day, what is saved) where one is confirmed.
        is_must_pay: paid when due whatever it does to the path.
        is_fixed: scheduled or released already; it only takes its room.
    """

    external_id: str
    amount: Decimal
    due_on: date
    discount: tuple[date, Decimal] | None = None
    is_must_pay: bool = False
    is_fixed: bool = False


@dataclass(frozen=True)
class PlanRow:
    """Attributes:
    pay_on: None when no day of the horizon has room.
    amount: what is paid, less the discount if taken.
    days_late: after the day it was due (or T, if that was before); 0 when in time.
    breaks_floor: a must-pay or fixed one that takes the bad path below the floor.
    """

    external_id: str
    pay_on: date | None
    amount: Decimal
    days_late: int
    takes_discount: bool = False
    breaks_floor: bool = False


@dataclass(frozen=True)
class PayPlan:
    """Attributes:
    rows: in the order they were given room: must-pays and fixed, discounts, then by due date.
    lowest_p10: of the whole plan.
    unmet: ids without a day; no promise is made for them.
    """

    rows: tuple[PlanRow, ...]
    lowest_p10: Decimal
    unmet: tuple[str, ...]


def pay_plan(bills: Iterable[PlannedBill], band: Band, *, floor: Decimal) -> PayPlan:
    """Greedy: each bill gets its due day if there is room from there on, else the first later day that has.

    Args:
        bills: all open ones, in any order.
        band: of a path without these bills. A dated payment shifts all draws alike, so P10 less it is the new P10.
        floor: the level P10 keeps.
    """
    room = _Room([day.p10 - floor for day in band.days], first=band.days[0].on)
    ordered = sorted(bills, key=_turn)
    rows = [_row(bill, room) for bill in ordered]
    unmet = tuple(row.external_id for row in rows if row.pay_on is None)
    return PayPlan(tuple(rows), lowest_p10=room.lowest + floor, unmet=unmet)


def _turn(bill: PlannedBill) -> tuple[int, date, Decimal, str]:
    if bill.is_must_pay or bill.is_fixed:
        return (0, bill.due_on, bill.amount, bill.external_id)
    if bill.discount is not None:
        return (1, bill.discount[0], bill.amount, bill.external_id)
    return (2, bill.due_on, bill.amount, bill.external_id)


def _row(bill: PlannedBill, room: "_Room") -> PlanRow:
    wanted = max(bill.due_on, room.first)
    if bill.is_must_pay or bill.is_fixed:
        breaks = room.from_(wanted) < bill.amount
        room.take(bill.amount, wanted)
        return PlanRow(bill.external_id, wanted, bill.amount, 0, breaks_floor=breaks)
    if bill.discount is not None:
        last_day, saved = bill.discount
        if last_day >= room.first and room.from_(last_day) >= bill.amount - saved:
            room.take(bill.amount - saved, last_day)
            return PlanRow(bill.external_id, last_day, bill.amount - saved, 0, takes_discount=True)
    pay_on = room.first_day_for(bill.amount, wanted)
    if pay_on is None:
        return PlanRow(bill.external_id, None, bill.amount, 0)
    room.take(bill.amount, pay_on)
    return PlanRow(bill.external_id, pay_on, bill.amount, (pay_on - wanted).days)


class _Room:
    """What the bad path can spare: a payment on a day lowers that day and all after it."""

    def __init__(self, spare: Sequence[Decimal], *, first: date) -> None:
        self.first = first
        self._spare = list(spare)

    @property
    def lowest(self) -> Decimal:
        return min(self._spare)

    def from_(self, on: date) -> Decimal:
        """The least that any day from `on` can spare; the horizon's last day speaks for what comes after it."""
        return min(self._spare[self._index(on) :])

    def first_day_for(self, amount: Decimal, wanted: date) -> date | None:
        start = self._index(wanted)
        least = list(accumulate(reversed(self._spare[start:]), min))[::-1]
        ahead = next((i for i, spare in enumerate(least) if spare >= amount), None)
        return None if ahead is None else wanted + ahead * _DAY

    def take(self, amount: Decimal, on: date) -> None:
        start = self._index(on)
        # What is due after the horizon takes no room inside it.
        if on <= self.first + start * _DAY:
            self._spare[start:] = [spare - amount for spare in self._spare[start:]]

    def _index(self, on: date) -> int:
        return min((on - self.first).days, len(self._spare) - 1)
