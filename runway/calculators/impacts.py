"""What each of many items does to the runway, one after the other against one baseline: cheap enough for a whole tray."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from runway.calculators.consequence import Baseline
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.figures import DAYS, Figure
from runway.calculators.forecast_runway import middle_days
from runway.calculators.outlook import DatedFlow, PathRow, receipt_flows

_DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Impact:
    """Attributes:
    days: runway days lost (negative) or gained by it; without value where one of both runways has none.
    low: the P50 low point with it; `low_change` from the one without it.
    low_week_on: the first day of that low point's week, counted from T.
    """

    days: Figure
    low: Figure
    low_change: Figure
    low_on: date
    low_week_on: date


@dataclass(frozen=True)
class _Path:
    """A middle path: its headline and its low point."""

    days: Figure
    low: Decimal
    low_on: date


@dataclass(frozen=True)
class Impacts:
    """Items are measured as dated flows: no new draw is made, so a receipt counts a fifth on each of its expected dates."""

    baseline: Baseline

    def of_paying(self, flows: Iterable[DatedFlow]) -> Impact:
        """What these flows of the baseline cost: it is compared with a baseline without them."""
        return self._between(self._path([_negated(flow) for flow in flows]), self._as_it_is)

    def of_collecting(self, receipt: ExpectedReceipt) -> Impact:
        """What it brings if the customer pays today all that is expected of the invoice, and not when they usually would."""
        expected = receipt_flows([receipt])
        today = DatedFlow(
            self.baseline.basis.as_of, receipt.amount, PathRow.INVOICES, receipt.external_id, receipt.customer_id
        )
        return self._between(self._as_it_is, self._path([*map(_negated, expected), today]))

    @cached_property
    def _as_it_is(self) -> _Path:
        return self._path(())

    def _path(self, more: Iterable[DatedFlow]) -> _Path:
        base = self.baseline
        closes = base.draws.middle(more)
        low = min(closes)
        days = middle_days(base.cash, base.floor, closes=closes, burn=base.burn, basis=base.basis, n=base.n)
        return _Path(days, low, base.basis.as_of + timedelta(days=closes.index(low)))

    def _between(self, before: _Path, after: _Path) -> Impact:
        basis, n = self.baseline.basis, self.baseline.n
        weeks = (after.low_on - basis.as_of).days // _DAYS_A_WEEK
        if before.days.value is None or after.days.value is None:
            why = before.days.reason or after.days.reason or "n/a"
            days = basis.missing(why, DAYS, n=n, n_of="documents")
        else:
            days = basis.figure(after.days.value - before.days.value, DAYS, n=n, n_of="documents")
        return Impact(
            days=days,
            low=self._low(after),
            low_change=basis.figure(after.low - before.low, basis.currency, n=n, n_of="documents"),
            low_on=after.low_on,
            low_week_on=basis.as_of + timedelta(days=weeks * _DAYS_A_WEEK),
        )

    def _low(self, path: _Path) -> Figure:
        basis, n, cash = self.baseline.basis, self.baseline.n, self.baseline.cash
        if cash.value is None:
            return basis.missing(cash.reason or "n/a", basis.currency, n=n, n_of="documents")
        return basis.figure(path.low, basis.currency, n=n, n_of="documents")


def bill_flows_by_id(flows: Iterable[DatedFlow]) -> Mapping[str, list[DatedFlow]]:
    found: dict[str, list[DatedFlow]] = {}
    for flow in flows:
        if flow.row is PathRow.BILLS:
            found.setdefault(flow.key, []).append(flow)
    return found


def _negated(flow: DatedFlow) -> DatedFlow:
    return replace(flow, amount=-flow.amount)


def days_of(impact: Impact | None) -> Decimal | None:
    """For the order of the tray."""
    return None if impact is None else impact.days.value
