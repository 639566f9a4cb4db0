"""Outflows that come again: at least three at one rhythm and nearly one amount; their next dates within the horizon."""

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Self

from infra.money import ZERO, to_cents
from runway.calculators.banking_days import on_or_before
from runway.calculators.figures import Basis, Figure
from runway.calculators.outflow_kinds import OutflowKind, PastOutflow
from runway.calculators.outlook import HORIZON_DAYS, DatedFlow, PathRow

MIN_OCCURRENCES = 3
_SPREAD = Decimal("0.25")
_MONTHS_A_YEAR = 12


class Rhythm(StrEnum):
    """Days between two occurrences, tolerance either way, and months where the calendar sets the day."""

    days: int
    tolerance: int
    months: int

    WEEKLY = ("weekly", 7, 2, 0)
    BIWEEKLY = ("biweekly", 14, 2, 0)
    MONTHLY = ("monthly", 30, 4, 1)
    QUARTERLY = ("quarterly", 91, 7, 3)
    YEARLY = ("yearly", 365, 10, 12)

    def __new__(cls, word: str, days: int, tolerance: int, months: int) -> Self:
        rhythm = str.__new__(cls, word)
        rhythm._value_ = word
        rhythm.days, rhythm.tolerance, rhythm.months = days, tolerance, months
        return rhythm

    def fits(self, gap: int) -> bool:
        return abs(gap - self.days) <= self.tolerance


@dataclass(frozen=True)
class Recurring:
    """Attributes:
    key: the payee's, or the pay-run's for payroll.
    payee_keys: of all payees in it: a bill of one of these may stand for an occurrence.
    amount: the median of its occurrences; n counts these.
    occurrences: the days it came, oldest first.
    """

    key: str
    payee: str
    payee_keys: frozenset[str]
    kind: OutflowKind
    rhythm: Rhythm
    amount: Figure
    occurrences: tuple[date, ...]

    @property
    def last_on(self) -> date:
        return self.occurrences[-1]

    def due_dates(self, as_of: date) -> list[date]:
        """After the last occurrence, up to the horizon; the first may lie a tolerance back: it is late, not gone."""
        last = as_of + timedelta(days=HORIZON_DAYS)
        dates, on, step = [], self._first(), 1
        while on <= last:
            dates.append(on)
            on = self._later(step)
            step += 1
        return dates

    def _first(self) -> date:
        target = self.last_on + timedelta(days=self.rhythm.days)
        if not self.rhythm.months:
            return target
        around = (_in_month(target, months, day=self._usual_day()) for months in (-1, 0, 1))
        return min(around, key=lambda on: (abs((on - target).days), on))

    def _later(self, step: int) -> date:
        if not self.rhythm.months:
            return self._first() + timedelta(days=self.rhythm.days * step)
        return _in_month(self._first(), self.rhythm.months * step, day=self._usual_day())

    def _usual_day(self) -> int:
        days = Counter(on.day for on in self.occurrences)
        return max(days, key=lambda day: (days[day], day == self.last_on.day, day))


def find_recurring(outflows: Iterable[PastOutflow], basis: Basis) -> list[Recurring]:
    """By key. Payroll is looked for as pay-runs first (all pay of one day), then by payee; what ended is left out."""
    before = [item for item in outflows if item.on < basis.as_of]
    payroll = [item for item in before if item.kind is OutflowKind.PAYROLL]
    run = _series("pay-run", payroll, basis)
    rest = [item for item in before if item.kind is not OutflowKind.PAYROLL] if run else before
    by_payee: dict[tuple[str, OutflowKind], list[PastOutflow]] = defaultdict(list)
    for item in rest:
        by_payee[item.payee_key, item.kind].append(item)
    found = [_series(f"{key}/{kind}", items, basis) for (key, kind), items in by_payee.items()]
    return sorted((item for item in (run, *found) if item), key=lambda item: item.key)


def recurring_flows(
    series: Iterable[Recurring],
    *,
    as_of: date,
    open_bills: Iterable[tuple[str, date]] = (),
    booked: Iterable[PastOutflow] = (),
    holidays: AbstractSet[date] = frozenset(),
) -> list[DatedFlow]:
    """On the banking day on or before each due date, never before T.

    Args:
        series: see `find_recurring`.
        as_of: T.
        open_bills: (payee key, due date): an occurrence within the tolerance of one is in the bills already.
        booked: what is dated on T or after it, be it today's rent or a post-dated cheque: the balance holds it already.
        holidays: of the banks.
    """
    billed: dict[str, list[date]] = defaultdict(list)
    for key, due_on in open_bills:
        billed[key].append(due_on)
    ahead = [item for item in booked if item.on >= as_of]
    return [
        DatedFlow(
            max(on_or_before(on, holidays), as_of),
            -(item.amount.value or ZERO),
            item.kind.row,
            item.key,
            item.key,
            is_must_pay=item.kind.is_must_pay,
        )
        for item in series
        for on in item.due_dates(as_of)
        if not _is_billed(item, on, billed) and not _is_booked(item, on, ahead)
    ]


def tax_flow(balance: Decimal, *, filing_on: date, key: str = "sales tax") -> list[DatedFlow]:
    """A tax liability leaves on its filing date; a balance in our favour brings nothing until it is refunded."""
    return [DatedFlow(filing_on, -balance, PathRow.TAX, key, is_must_pay=True)] if balance > 0 else []


def unexplained(outflows: Sequence[PastOutflow], series: Sequence[Recurring]) -> list[PastOutflow]:
    """What no series explains, for the unplanned row."""
    taken = {(key, item.kind, on) for item in series for key in item.payee_keys for on in item.occurrences}
    return [item for item in outflows if (item.payee_key, item.kind, item.on) not in taken]


def _series(key: str, items: Sequence[PastOutflow], basis: Basis) -> Recurring | None:
    by_day: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        by_day[item.on] += item.amount
    days = sorted(by_day)
    rhythm = next((r for r in Rhythm if len(days) > 1 and r.fits((days[-1] - days[-2]).days)), None)
    if rhythm is None or basis.as_of - days[-1] > timedelta(days=rhythm.days + rhythm.tolerance):
        return None
    kept = days[-1:]
    for later, earlier in pairwise(reversed(days)):
        if not rhythm.fits((later - earlier).days) or not _is_even([by_day[day] for day in (earlier, *kept)]):
            break
        kept.insert(0, earlier)
    if len(kept) < MIN_OCCURRENCES:
        return None
    amount = to_cents(median(by_day[day] for day in kept))
    inside = [item for item in items if item.on in kept]
    newest = max(inside, key=lambda item: (item.on, item.amount, item.payee))
    figure = basis.figure(amount, basis.currency, n=len(kept), n_of="occurrences", note="median; assumed to come again")
    return Recurring(
        key=key,
        payee=newest.payee,
        payee_keys=frozenset(item.payee_key for item in inside),
        kind=newest.kind,
        rhythm=rhythm,
        amount=figure,
        occurrences=tuple(kept),
    )


def _is_even(amounts: Sequence[Decimal]) -> bool:
    return max(amounts) - min(amounts) <= _SPREAD * median(amounts)


def _is_billed(item: Recurring, on: date, billed: dict[str, list[date]]) -> bool:
    due = (day for key in item.payee_keys for day in billed.get(key, ()))
    return any(abs((day - on).days) <= item.rhythm.tolerance for day in due)


def _is_booked(item: Recurring, on: date, ahead: Iterable[PastOutflow]) -> bool:
    """Nearly all of it: a small purchase beside the rent is not the rent."""
    near = (
        one.amount
        for one in ahead
        if one.kind is item.kind
        and one.payee_key in item.payee_keys
        and abs((one.on - on).days) <= item.rhythm.tolerance
    )
    return sum(near, ZERO) >= (item.amount.value or ZERO) * (1 - _SPREAD)


def _in_month(day_in: date, months: int, *, day: int) -> date:
    """`day` of the month so many months after that of `day_in`, or that month's last."""
    years, month = divmod(day_in.year * _MONTHS_A_YEAR + day_in.month - 1 + months, _MONTHS_A_YEAR)
    return date(years, month + 1, min(day, monthrange(years, month + 1)[1]))
