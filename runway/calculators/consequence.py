"""What a decision does: the answer with it less the answer without it, of the same draws."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain

from infra.money import ZERO
from runway.calculators.burn import BurnWindow
from runway.calculators.draws import Band, BandDay, Draws
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.figures import DAYS, Basis, Figure
from runway.calculators.floor import BelowFloorSince
from runway.calculators.forecast_runway import ForecastRunway, forecast_runway
from runway.calculators.outlook import DatedFlow, PathRow, inside

_DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Decision:
    """One action, or several at once, as changes to what is expected.

    Attributes:
        removed: dated flows of the baseline that no longer hold, exactly as they are in it.
        added: those that come instead; none for money that is not paid at all.
        receipts_before, receipts_after: expectations of the same invoices.
    """

    removed: Sequence[DatedFlow] = ()
    added: Sequence[DatedFlow] = ()
    receipts_before: Sequence[ExpectedReceipt] = ()
    receipts_after: Sequence[ExpectedReceipt] = ()


@dataclass(frozen=True)
class Standing:
    """One state of affairs. `uncovered`: must-pays on days whose P10 close is below zero, in order of day."""

    runway: ForecastRunway
    band: Band
    uncovered: tuple[DatedFlow, ...]


@dataclass(frozen=True)
class Consequence:
    """Attributes:
    runway_days: after less before; without value where one of the two has none, as when cash stays positive.
    low: the new P50 low point's amount, and `low_change` from the old, which flows alone tell: it is known where cash is not.
    low_on, low_week_on: its day, and the first day of its week counted from T.
    newly_uncovered: must-pays that the decision puts at risk.
    now_covered: those that it rescues.
    """

    before: Standing
    after: Standing
    runway_days: Figure
    low: Figure
    low_change: Figure
    low_on: date
    low_week_on: date
    newly_uncovered: tuple[DatedFlow, ...]
    now_covered: tuple[DatedFlow, ...]


@dataclass(frozen=True)
class Baseline:
    """All that a preview needs, kept between two of them. `flows` are the dated ones that `draws` was made of."""

    cash: Figure
    floor: Figure
    draws: Draws
    flows: Sequence[DatedFlow]
    burn: BurnWindow
    basis: Basis
    below_since: Callable[[], BelowFloorSince]
    n: int

    def standing(self) -> Standing:
        return self._as_it_is

    @cached_property
    def _as_it_is(self) -> Standing:
        return self._standing(self.draws, self.flows)

    def preview(self, decision: Decision) -> Consequence:
        before = self.standing()
        draws = self.draws.shifted(decision.added, without=decision.removed)
        if decision.receipts_before or decision.receipts_after:
            draws = draws.with_receipts(decision.receipts_before, decision.receipts_after)
        left = _without(self.flows, decision.removed) if decision.removed else self.flows
        after = self._standing(draws, chain(left, decision.added))
        return self._compared(before, after)

    def _standing(self, draws: Draws, flows: Iterable[DatedFlow]) -> Standing:
        band = draws.band()
        runway = forecast_runway(
            self.cash,
            self.floor,
            band=band,
            burn=self.burn,
            basis=self.basis,
            below_since=self.below_since,
            n=self.n,
        )
        # Of cash that is not known nobody can say what it covers.
        covers = self.cash.value is not None
        return Standing(runway, band, uncovered_must_pays(flows, band, as_of=self.basis.as_of) if covers else ())

    def _compared(self, before: Standing, after: Standing) -> Consequence:
        low, old = after.band.low_p50, before.band.low_p50
        week = (low.on - self.basis.as_of).days // _DAYS_A_WEEK
        money = self.basis.currency
        return Consequence(
            before=before,
            after=after,
            runway_days=self._days_between(before.runway.days, after.runway.days),
            low=after.runway.low_point.amount,
            low_change=self.basis.figure(low.p50 - old.p50, money, n=self.n, n_of="documents"),
            low_on=low.on,
            low_week_on=self.basis.as_of + timedelta(days=week * _DAYS_A_WEEK),
            newly_uncovered=_more(after.uncovered, before.uncovered),
            now_covered=_more(before.uncovered, after.uncovered),
        )

    def _days_between(self, before: Figure, after: Figure) -> Figure:
        if before.value is None or after.value is None:
            why = before.reason or after.reason or "n/a"
            return self.basis.missing(why, DAYS, n=self.n, n_of="documents")
        return self.basis.figure(after.value - before.value, DAYS, n=self.n, n_of="documents")


def uncovered_must_pays(flows: Iterable[DatedFlow], band: Band, *, as_of: date) -> tuple[DatedFlow, ...]:
    """Pay and taxes due on a day whose bad path closes below zero: they may bounce."""
    days: dict[date, BandDay] = {day.on: day for day in band.days}
    # Chosen before they are put in order: of fifty thousand flows few must be paid.
    must_pays = (flow for flow in flows if flow.is_must_pay)
    return tuple(flow for flow in inside(must_pays, as_of) if days[flow.on].p10 < ZERO)


def _without(flows: Sequence[DatedFlow], removed: Sequence[DatedFlow]) -> list[DatedFlow]:
    """Raises ValueError when something to remove was never there: the preview would be of other books."""
    # Nearly always they are the baseline's own objects: told by that, nothing need be compared.
    own = {id(flow) for flow in removed}
    kept = [flow for flow in flows if id(flow) not in own]
    if len(flows) - len(kept) == len(own) == len(removed):
        return kept
    return _without_equals(flows, removed)


def _without_equals(flows: Iterable[DatedFlow], removed: Iterable[DatedFlow]) -> list[DatedFlow]:
    left: dict[DatedFlow, int] = defaultdict(int)
    for flow in removed:
        left[flow] += 1
    keys = {flow.key for flow in left}  # hashing a whole flow costs more than all else here
    kept = []
    for flow in flows:
        if flow.key in keys and left.get(flow):
            left[flow] -= 1
        else:
            kept.append(flow)
    if any(left.values()):
        raise ValueError("A decision removes a flow that is not in the baseline.")
    return kept


def _more(those: Iterable[DatedFlow], others: Iterable[DatedFlow]) -> tuple[DatedFlow, ...]:
    known = {_identity(flow) for flow in others}
    return tuple(flow for flow in those if _identity(flow) not in known)


def _identity(flow: DatedFlow) -> tuple[str, str, Decimal, date | None]:
    """A bill that moved is the same bill; of what comes again, each day's is one of its own."""
    return flow.row, flow.key, flow.amount, None if flow.row is PathRow.BILLS else flow.on
