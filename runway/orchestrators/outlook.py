"""The one forecast of a business on its today: whatever shows or previews a number of it asks here, and nobody reckons it again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from domains.core import kept_forecasts
from domains.core.company_service import CompanyService
from domains.core.models import Business
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from infra.sync.freshness import AS_IT_STANDS, Fetched, Freshness, FreshnessNeed
from runway.calculators.forecast import Forecast, forecast_on
from runway.calculators.groundwork import groundwork
from runway.calculators.quality import books_age
from runway.calculators.runway import with_age_of_books
from runway.calculators.working_capital import working_capital
from runway.orchestrators.forecast_books import ForecastMaterial, ForecastReader
from runway.orchestrators.forecast_rules import DecidedRules, decided_rules, read_rules, rules_of
from runway.orchestrators.forecast_shelf import BooksMark, ForecastShelf, LaidBooks, Mark, OnShelf
from runway.orchestrators.kept_forecast import (
    FORMULAS,
    UnreadableContent,
    WorkedOut,
    content_of,
    summary_of,
    worked_out_of,
    written,
)

_OLDER = "the books have changed since; the forecast of them is being worked out"

log = get_logger()


@dataclass(frozen=True)
class Outlook:
    """Kept while the books, what people decided and the day are the same: on the process's shelf, and in a table for all of them.

    Where the books alone have changed, a reader waits for the new one as long as for a refresh, and then has the one before, marked
    stale; who has just decided something, and who has none yet, waits until it is there.
    """

    business: Business
    company: CompanyService
    reader: ForecastReader
    uow: UnitOfWorkFactory
    clock: Clock
    shelf: ForecastShelf

    async def get(self, *, freshness: FreshnessNeed) -> Fetched[Forecast]:
        """The forecast of the company's today.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        found = await self.get_with_capital(freshness=freshness)
        return Fetched(found.value.forecast, found.freshness)

    async def get_with_capital(self, *, freshness: FreshnessNeed) -> Fetched[WorkedOut]:
        """The same, and the working capital ratios that were worked out with it.

        Raises:
            StaleRefused: as `get`.
        """
        found = await (await self._seek(freshness)).found(freshness.wait)
        return Fetched(self._aged(found).worked, found.freshness)

    async def get_of_whole_books(self, *, freshness: FreshnessNeed) -> "Fetched[Marked | None]":
        """As `get_with_capital`, and what it was made of; None while the books were never read whole.

        Raises:
            StaleRefused: as `get`.
        """
        sought = await self._seek(freshness)
        if sought.books.as_of is None:
            return Fetched(None, sought.books)
        found = await sought.found(freshness.wait)
        return Fetched(self._aged(found), found.freshness)

    async def _seek(self, need: FreshnessNeed, *, waits: bool = False) -> "_Sought":
        books = await self.company.get_books_mark(*rules_of([self.business.id]), freshness=need)
        today = self._today()
        decided = decided_rules(self.business.id, books.value.beside, today=today, zone=self._zone)
        mark = mark_of(today, decided=decided.mark, books=books.value.mark)
        held = self.shelf.find(self.business.id)
        if held is not None and held.mark == mark:
            return _Sought(mark, books.freshness, None, timedelta(0), lambda: _known(held.worked))
        is_older_good = held is not None and held.mark.decided == mark.decided and not waits
        takes = timedelta.max if held is None else held.took
        return _Sought(
            mark,
            books.freshness,
            held if is_older_good else None,
            takes,
            lambda: self.shelf.join(
                self.business.id, mark, lambda: self._work_out(mark, today, decided, synced_at=books.freshness.as_of)
            ),
        )

    async def get_within(self, patience: timedelta | None, *, freshness: FreshnessNeed) -> Fetched[Forecast | None]:
        """As `get`; but None for who has just decided something, where working out what follows took longer than `patience` the last time.

        Raises:
            StaleRefused: as `get`.
        """
        sought = await self._seek(freshness)
        if patience is not None and sought.older is None and sought.takes > patience:
            return Fetched(None, sought.books)  # nor begun: it would hold up what is drawn without it
        found = await sought.found(freshness.wait)
        return Fetched(self._aged(found).worked.forecast, found.freshness)

    async def get_decided(self) -> DecidedRules:
        """What people decided that the forecast goes by."""
        async with self.uow([self.business.id]) as uow:
            return await read_rules(uow.session, self.business.id, today=self._today(), zone=self._zone)

    async def keep(self) -> OnShelf:
        """Work it out for who asks next, unless that is done."""
        worked = (await (await self._seek(AS_IT_STANDS, waits=True)).found(AS_IT_STANDS.wait)).value.worked
        await self.shelf.written(self.business.id)  # what could not be kept is the job's failure
        held = self.shelf.find(self.business.id)
        return held if held is not None and held.worked is worked else await self.keep()

    def _aged(self, found: "Fetched[Marked]") -> "Marked":
        made = found.value.worked.forecast
        age = books_age(found.freshness.as_of, now=self.clock.now(), last_sync_failed=found.freshness.stale)
        forecast = replace(made, report=with_age_of_books(made.report, age))
        return replace(found.value, worked=replace(found.value.worked, forecast=forecast))

    async def _work_out(
        self, mark: Mark, today: date, decided: DecidedRules, *, synced_at: datetime | None
    ) -> WorkedOut:
        began = monotonic()
        async with self.uow([self.business.id]) as uow:
            row = await kept_forecasts.find_kept(uow.session, self.business.id)
        if row is not None and row.mark == str(mark):
            try:
                worked = await asyncio.to_thread(worked_out_of, row.content)
            except UnreadableContent:
                log.warning("forecast.kept.unreadable", business_id=str(self.business.id))
            else:
                self.shelf.put(self.business.id, mark, worked, took=timedelta.max)  # the next one is not read
                return worked
        began_at = self.clock.now()
        laid = (await self._lay(mark, today, decided, synced_at=synced_at)).seen_at(began_at, synced_at=synced_at)
        worked = await asyncio.to_thread(_worked_out, laid, str(self.business.id), decided)
        self.shelf.put(self.business.id, mark, worked, took=timedelta(seconds=monotonic() - began))
        self.shelf.write(self.business.id, lambda: self._keep(mark, worked, began_at=began_at))
        return worked

    async def _lay(self, mark: Mark, today: date, decided: DecidedRules, *, synced_at: datetime | None) -> LaidBooks:
        """Read once for as long as the books are the same: who decides one thing after the other does not wait for all of them each time."""
        of = BooksMark(mark.books, today, frozenset(decided.uncounted), decided.rules.flows)
        laid = self.shelf.find_laid(self.business.id, of)
        if laid is None:
            material = await self.reader.read(
                today, uncounted=decided.uncounted, synced_at=synced_at, now=self.clock.now()
            )
            laid = await asyncio.to_thread(_laid, material, of)
            self.shelf.put_laid(self.business.id, laid)
        return laid

    async def _keep(self, mark: Mark, worked: WorkedOut, *, began_at: datetime) -> None:
        day = worked.forecast.basis.as_of
        values: dict[str, Any] = {
            "as_of": day,
            "mark": str(mark),
            "computed_at": began_at,
            "day_ends_at": datetime.combine(day + timedelta(days=1), time(), self._zone).astimezone(UTC),
            "summary": await asyncio.to_thread(lambda: written(summary_of(worked))),
            "content": await asyncio.to_thread(content_of, worked),
        }
        async with self.uow([self.business.id]) as uow:
            await kept_forecasts.keep(uow.session, self.business.id, values)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.business.time_zone)

    def _today(self) -> date:
        return self.clock.now().astimezone(self._zone).date()


@dataclass(frozen=True)
class Marked:
    """A forecast and what it was made of."""

    mark: Mark
    worked: WorkedOut


@dataclass(frozen=True)
class _Sought:
    """A forecast, there or to be reckoned.

    Attributes:
        mark: what it is made of.
        older: the one of the books before, where nothing was decided since.
        takes: as long as the last one took.
    """

    mark: Mark
    books: Freshness
    older: OnShelf | None
    takes: timedelta
    begin: Callable[[], asyncio.Future[WorkedOut]]

    async def found(self, wait: timedelta) -> Fetched[Marked]:
        """The older one, marked stale, where the new one is not there within `wait`. Who stops waiting does not stop it."""
        reckoning = self.begin()
        done, _ = await asyncio.wait({reckoning}, timeout=None if self.older is None else wait.total_seconds())
        if done or self.older is None:
            return Fetched(Marked(self.mark, await reckoning), self.books)
        return Fetched(Marked(self.older.mark, self.older.worked), _stale(self.books))


def _known(worked: WorkedOut) -> asyncio.Future[WorkedOut]:
    known = asyncio.get_running_loop().create_future()
    known.set_result(worked)
    return known


def mark_of(today: date, *, decided: str, books: str) -> Mark:
    """Of a forecast by this release's formulas; `decided` as in DecidedRules, `books` as CompanyService.get_books_mark has it."""
    return Mark(f"{FORMULAS}/{today}/{decided}", books)


def _laid(material: ForecastMaterial, of: BooksMark) -> LaidBooks:
    """Seconds of a large company: in a thread, so that other requests go on meanwhile."""
    ground = groundwork(material.books, of.flows)
    receivables, payables = ground.sides.receivables, ground.sides.payables
    basis = material.books.runway.basis
    return LaidBooks(
        of, ground, working_capital(material.turnover, receivables=receivables, payables=payables, basis=basis)
    )


def _worked_out(laid: LaidBooks, company_id: str, decided: DecidedRules) -> WorkedOut:
    """In a thread as well."""
    return WorkedOut(forecast_on(laid.ground, company_id=company_id, rules=decided.rules), laid.capital)


def _stale(books: Freshness) -> Freshness:
    return replace(books, stale=True, reason=books.reason or _OLDER)
