"""What of a forecast is frozen, and what came in its weeks: the two sides that accuracy compares."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, Self

from domains.core.movements import CashAccount, CashMovement
from infra.money import ZERO
from runway.calculators.accuracy import FrozenForecast, WeekResult
from runway.calculators.cash import CashRules
from runway.calculators.flows import FlowRules, classify
from runway.calculators.forecast import Forecast


@dataclass(frozen=True)
class FrozenWeek:
    """One week as it was forecast: `receipts` and `disbursements` positive, closing balances at the end of `ends_on`."""

    starts_on: date
    ends_on: date
    receipts: Decimal
    disbursements: Decimal
    p10: Decimal
    p50: Decimal
    p90: Decimal


def frozen_weeks(forecast: Forecast) -> tuple[FrozenWeek, ...]:
    """The thirteen; receipts and disbursements are those of the expected path, closes those of the band."""
    closes = {day.on: day for day in forecast.standing.band.days}
    return tuple(
        FrozenWeek(
            week.starts_on,
            week.ends_on,
            sum((amount for amount in week.rows.values() if amount > 0), ZERO),
            -sum((amount for amount in week.rows.values() if amount < 0), ZERO),
            closes[week.ends_on].p10,
            closes[week.ends_on].p50,
            closes[week.ends_on].p90,
        )
        for week in forecast.path.weeks()
    )


@dataclass(frozen=True)
class Frozen:
    """What is kept of a forecast. `accounts` are those that were operating cash: their closes are what its weeks are judged by."""

    accounts: frozenset[str]
    weeks: tuple[FrozenWeek, ...]

    @classmethod
    def of(cls, forecast: Forecast) -> Self:
        counted = forecast.report.cash.counted
        return cls(frozenset(account.account_id for account in counted), frozen_weeks(forecast))

    def to_figures(self) -> dict[str, Any]:
        """As JSON, amounts as text: what is frozen is read back digit by digit."""
        weeks = [{name: str(value) for name, value in vars(week).items()} for week in self.weeks]
        return {"accounts": sorted(self.accounts), "weeks": weeks}

    @classmethod
    def from_figures(cls, figures: dict[str, Any]) -> Self:
        return cls(frozenset(figures["accounts"]), tuple(map(_week, figures["weeks"])))


def _week(held: dict[str, str]) -> FrozenWeek:
    amounts = {name: Decimal(held[name]) for name in ("receipts", "disbursements", "p10", "p50", "p90")}
    return FrozenWeek(date.fromisoformat(held["starts_on"]), date.fromisoformat(held["ends_on"]), **amounts)


@dataclass(frozen=True)
class CameWeek:
    """What the books say of a week now; as in FrozenWeek, `closing` the balance."""

    receipts: Decimal
    disbursements: Decimal
    closing: Decimal


class WhatCame:
    """The cash of some accounts, day by day back from today's balances."""

    def __init__(
        self, accounts: Sequence[CashAccount], movements: Sequence[CashMovement], *, counted: frozenset[str]
    ) -> None:
        rules = FlowRules(cash=CashRules(always_counted=counted))
        self._balance = sum((one.balance for one in accounts if one.account_id in counted), ZERO)
        flows = [one for one in classify(movements, accounts, rules=rules) if one.movement.account_id in counted]
        operating = [(one.movement.on, one.movement.amount) for one in flows if one.is_operating]
        self._all = _Sums((one.movement.on, one.movement.amount) for one in flows)
        self._in = _Sums((on, amount) for on, amount in operating if amount > 0)
        self._out = _Sums((on, -amount) for on, amount in operating if amount < 0)

    def week(self, starts_on: date, ends_on: date) -> CameWeek:
        closing = self._balance - self._all.after(ends_on)
        return CameWeek(self._in.between(starts_on, ends_on), self._out.between(starts_on, ends_on), closing)


def judged(
    frozen_on: date, weeks: Sequence[FrozenWeek], came: Sequence[CameWeek], *, is_reconstructed: bool
) -> FrozenForecast:
    """The weeks that have passed, in order; `came` holds as many as have."""
    results = tuple(
        WeekResult(
            receipts=(said.receipts, real.receipts),
            disbursements=(said.disbursements, real.disbursements),
            closing=(said.p50, real.closing),
            band=(said.p10, said.p90),
        )
        for said, real in zip(weeks, came, strict=False)
    )
    return FrozenForecast(frozen_on, results, is_reconstructed=is_reconstructed)


class _Sums:
    """Amounts by day, asked for by spans of days."""

    def __init__(self, dated: Iterable[tuple[date, Decimal]]) -> None:
        ordered = sorted(dated, key=lambda item: item[0])
        self._days = [on for on, _ in ordered]
        self._so_far = [ZERO, *accumulate(amount for _, amount in ordered)]

    def after(self, day: date) -> Decimal:
        return self._so_far[-1] - self._so_far[bisect_right(self._days, day)]

    def between(self, first: date, last: date) -> Decimal:
        return self.after(first - timedelta(days=1)) - self.after(last)
