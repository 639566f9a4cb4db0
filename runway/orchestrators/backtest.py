"""Replays the Mondays of the past, so that a company's forecasts have a grade from the first day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domains.core.forecast_models import ForecastSource
from runway.calculators.burn import MIN_HISTORY_DAYS
from runway.calculators.forecast import forecast
from runway.orchestrators.forecast_accuracy import ForecastAccuracy
from runway.orchestrators.forecast_rules import DecidedRules, read_rules
from runway.orchestrators.past_books import PastBooks

DEFAULT_WEEKS = 52
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Replayed:
    """`made` new forecasts, `kept` that were there; `judged` weeks of all of them."""

    made: int
    kept: int
    judged: int


@dataclass(frozen=True)
class Backtest:
    accuracy: ForecastAccuracy
    past: PastBooks

    async def mondays(self, weeks: int = DEFAULT_WEEKS) -> list[date]:
        """The last `weeks` before this week that have four weeks of books behind them, oldest first."""
        first = await self.past.first_day()
        if first is None:
            return []
        this_monday = self.accuracy.today - timedelta(days=self.accuracy.today.weekday())
        earliest = first + timedelta(days=MIN_HISTORY_DAYS)
        found = (this_monday - _WEEK * ago for ago in range(weeks, 0, -1))
        return [monday for monday in found if monday >= earliest]

    async def run(self, weeks: int = DEFAULT_WEEKS, *, on_done: Callable[[int, int], None] | None = None) -> Replayed:
        """Freeze each Monday that has no forecast yet, then judge all. Cut off, the next run goes on.

        Args:
            weeks: how far back.
            on_done: told how many Mondays are done, of how many.
        """
        mondays = await self.mondays(weeks)
        there = await self.accuracy.mondays()
        decided = await self._decided()
        made = 0
        for number, monday in enumerate(mondays, start=1):
            if monday not in there:
                made += await self._replay(monday, decided)
            if on_done is not None:
                on_done(number, len(mondays))
        return Replayed(made=made, kept=len(mondays) - made, judged=await self.accuracy.judge())

    async def _decided(self) -> DecidedRules:
        """What counts, as it is set today. What was decided about single documents is of today, and left out."""
        business = self.accuracy.business
        async with self.accuracy.uow([business.id]) as uow:
            decided = await read_rules(
                uow.session, business.id, today=self.accuracy.today, zone=ZoneInfo(business.time_zone)
            )
        of_documents: dict[str, Any] = {
            "overrides": (), "probabilities": (), "scheduled": {}, "must_pay": frozenset(), "filing_on": None,
        }  # fmt: skip
        return replace(decided, rules=replace(decided.rules, **of_documents))

    async def _replay(self, monday: date, decided: DecidedRules) -> bool:
        """From the log where we knew the books already, else by bookkeeping dates."""
        from_log = await self.past.is_known(monday)
        books = await self.past.books_as_of(monday, at_its_start=True, from_log=from_log, uncounted=decided.uncounted)
        company_id = str(self.accuracy.business.id)
        made = await asyncio.to_thread(forecast, books, company_id=company_id, rules=decided.rules)
        source = ForecastSource.REPLAYED if from_log else ForecastSource.RECONSTRUCTED
        return await self.accuracy.freeze(made, source=source)
