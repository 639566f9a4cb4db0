"""Every business that somebody may see, one row each, worst first: read from what is kept, in a number of statements that does not grow with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from domains.core.member_queries import list_names
from domains.core.models import Business
from domains.core.ritual import RitualState
from domains.core.rituals import LastRitual
from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.money import ZERO
from infra.sync.freshness import Freshness, FreshnessSource
from runway.calculators.figures import Figure
from runway.calculators.portfolio import Standing, is_at_risk, rank
from runway.calculators.quality import books_age
from runway.orchestrators.cash_runway import oldest_of
from runway.orchestrators.forecast_jobs import ForecastJobs
from runway.orchestrators.kept_forecast import ForecastSummary
from runway.orchestrators.kept_tray import Waiting
from runway.orchestrators.portfolio_sources import Link, PortfolioSources, RowSources, read_sources
from runway.orchestrators.portfolio_totals import PortfolioTotals, totals_of


class RowState(StrEnum):
    """How what is kept of a business stands to its books: the same, of before a change, not there yet, or there are no books."""

    CURRENT = "current"
    OLDER = "older"
    MISSING = "missing"
    NOT_READ = "not_read"


_WHY = {
    RowState.OLDER: "the books or a decision have changed since; it is being worked out",
    RowState.MISSING: "it is being worked out",
    RowState.NOT_READ: "its books were never read",
}
# Rather than the state alone, where there is nothing to work figures out of.
_WHY_NOT_READ = {
    Link.READING: "its books are being read",
    Link.READING_FAILING: "the first reading of its books met a problem; it goes on by itself",
    Link.NEVER_CONNECTED: "it is not connected to QuickBooks",
    Link.NEEDS_RECONNECT: "it has to be connected to QuickBooks again",
    Link.DISCONNECTED: "it is disconnected from QuickBooks",
}


class PortfolioFilter(StrEnum):
    AT_RISK = "at_risk"
    WAITING_ON_CLIENT = "waiting_on_client"
    WAITING_ON_US = "waiting_on_us"
    STALE = "stale"
    NO_RITUAL = "no_ritual"


@dataclass(frozen=True)
class Assignee:
    """`name` None: they are gone."""

    user_id: UUID
    name: str | None


@dataclass(frozen=True)
class PortfolioRow:
    """One business on its own today.

    Attributes:
        state, why: of the figures; `why` is None where they are current.
        link: how it stands to QuickBooks.
        summary: the figures as they were kept; None in the states missing and not_read.
        days, low, cash, floor, due, must_pays, overdue_receivable: of it, and without value where there is none.
        days_change: runway days against the last forecast of the week before.
        spark: expected closing cash today and at the end of each of 13 weeks.
        waiting: None while it was never counted; `waiting_is_older`: something has changed since it was.
        books: how old they are, whether that is too old, and what is doubtful.
        ritual: of this week; `last_ritual` the last that was finished.
    """

    business: Business
    today: date
    state: RowState
    why: str | None
    link: Link
    summary: ForecastSummary | None
    days: Figure
    days_change: Figure
    low: Figure
    cash: Figure
    floor: Figure
    due: Figure
    must_pays: Figure
    overdue_receivable: Figure
    spark: tuple[tuple[date, Decimal], ...]
    is_at_risk: bool
    waiting: Waiting | None
    waiting_is_older: bool
    assignee: Assignee | None
    books: Freshness
    ritual: RitualState
    last_ritual: LastRitual | None

    @property
    def display(self) -> str:
        """The runway in words."""
        return self.summary.display if self.summary else f"n/a ({self.why})"

    @property
    def early_days(self) -> int | None:
        return self.summary.early_days if self.summary else None

    @property
    def late_days(self) -> int | None:
        return self.summary.late_days if self.summary else None

    def is_in(self, wanted: PortfolioFilter) -> bool:
        match wanted:
            case PortfolioFilter.AT_RISK:
                return self.is_at_risk
            case PortfolioFilter.WAITING_ON_CLIENT:
                return self.waiting is not None and self.waiting.on_client > 0
            case PortfolioFilter.WAITING_ON_US:
                return self.waiting is not None and self.waiting.on_us > 0
            case PortfolioFilter.STALE:
                return self.books.stale
            case PortfolioFilter.NO_RITUAL:
                return self.ritual is not RitualState.FINISHED


@dataclass(frozen=True)
class Portfolio:
    """`rows` worst first. `counts`: of all rows, how many each filter would show. `totals` None: `no_totals` says why."""

    rows: list[PortfolioRow]
    in_all: int
    counts: Mapping[PortfolioFilter, int]
    totals: PortfolioTotals | None
    no_totals: str | None
    freshness: Freshness


@dataclass(frozen=True)
class PortfolioReader:
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    jobs: ForecastJobs
    clock: Clock

    async def get(self, businesses: Sequence[Business], *, filters: Collection[PortfolioFilter] = ()) -> Portfolio:
        """All filters together. What is not kept, or kept of before a change, is asked for; nobody waits for it."""
        now = self.clock.now()
        days = {one.id: now.astimezone(ZoneInfo(one.time_zone)).date() for one in businesses}
        sources = await read_sources(self.uow, businesses, days=days, now=now)
        names = await self._names(sources)
        rows = [_row(one, sources.of(one.id), names, now=now) for one in businesses]
        rows.sort(key=lambda row: rank(_standing(row)))
        await self.jobs.ask_for([row.business.id for row in rows if _is_to_ask_for(row)])
        shown = [row for row in rows if all(row.is_in(one) for one in filters)]
        totals, why = totals_of([(row.business.home_currency, row.summary) for row in shown])
        return Portfolio(
            rows=shown,
            in_all=len(rows),
            counts={wanted: sum(row.is_in(wanted) for row in rows) for wanted in PortfolioFilter},
            totals=totals,
            no_totals=why,
            freshness=oldest_of([row.books for row in rows]) if rows else _NOTHING_READ,
        )

    async def _names(self, sources: PortfolioSources) -> dict[UUID, str]:
        people = set(sources.assigned.values())
        if not people:
            return {}
        async with self.access_uow([]) as uow:
            return await list_names(uow.session, people)


_NOTHING_READ = Freshness(as_of=None, age_seconds=None, source=FreshnessSource.MIRROR, calls_spent=0, stale=False)


def _row(business: Business, found: RowSources, names: Mapping[UUID, str], *, now: datetime) -> PortfolioRow:
    state = _state(found)
    summary, why = None if state is RowState.NOT_READ else found.summary, _why(state, found.link)
    figures = {name: getattr(summary, name) if summary else _missing(business, found, unit) for name, unit in _FIGURES}
    return PortfolioRow(
        business=business,
        today=found.today,
        state=state,
        why=why,
        link=found.link,
        summary=summary,
        **figures,
        days_change=_change(business, found),
        spark=summary.p50_by_week if summary else (),
        is_at_risk=is_at_risk(_standing_of(business, summary)),
        waiting=found.waiting,
        waiting_is_older=found.waiting is not None and found.is_count_older,
        assignee=Assignee(found.assigned, names.get(found.assigned)) if found.assigned else None,
        books=_books(found, now=now),
        ritual=found.ritual,
        last_ritual=found.last_ritual,
    )


# Which figures of the summary a row has, and in days or in money.
_FIGURES = (
    ("days", "days"),
    ("low", None),
    ("cash", None),
    ("floor", None),
    ("due", None),
    ("must_pays", None),
    ("overdue_receivable", None),
)


def _state(found: RowSources) -> RowState:
    if found.mirrors is None:
        return RowState.NOT_READ  # a forecast that was asked for all the same says nothing
    if found.mirrors.oldest_at is None:
        return RowState.NOT_READ if found.summary is None else RowState.OLDER
    if found.summary is None:
        return RowState.MISSING
    return RowState.CURRENT if found.is_kept_current else RowState.OLDER


def _why(state: RowState, link: Link) -> str | None:
    if state is RowState.NOT_READ:
        return _WHY_NOT_READ.get(link, _WHY[state])
    return _WHY.get(state)


def _missing(business: Business, found: RowSources, unit: str | None) -> Figure:
    reason = _why(_state(found), found.link)
    return Figure(None, unit or business.home_currency, found.today, Rail.QBO.value, 0, "documents", reason=reason)


def _change(business: Business, found: RowSources) -> Figure:
    if found.summary is None or _state(found) is RowState.NOT_READ:
        return _missing(business, found, "days")
    return change_in_days(found.summary.days, found.summary_before)


def change_in_days(now: Figure, before: ForecastSummary | None) -> Figure:
    """Runway days against the last forecast of the week before; without value where either has no number, as when cash stays positive."""
    if before is None:
        reason = "no forecast was kept last week"
    elif now.value is None or before.days.value is None:
        reason = now.reason or before.days.reason or "n/a"
    else:
        return replace(now, value=now.value - before.days.value, note=f"against {before.as_of}")
    return replace(now, value=None, note=None, reason=reason)


def _books(found: RowSources, *, now: datetime) -> Freshness:
    oldest = found.mirrors.oldest_at if found.mirrors else None
    age = books_age(oldest, now=now, last_sync_failed=found.is_connection_failing)
    return Freshness(
        as_of=oldest,
        age_seconds=None if oldest is None else max(0, int((now - oldest).total_seconds())),
        source=FreshnessSource.MIRROR,
        calls_spent=0,
        stale=age.is_stale,
        reason=age.display,
        quarantined=found.mirrors.quarantined if found.mirrors else 0,
        open_drift=sum(drift.count for drift in found.drift.values()),
    )


def _standing(row: PortfolioRow) -> Standing:
    return _standing_of(row.business, row.summary)


def _standing_of(business: Business, summary: ForecastSummary | None) -> Standing:
    key = f"{business.name.casefold()}/{business.id}"
    if summary is None:
        return Standing(key, None)
    spare = None if summary.low.value is None else summary.low.value - (summary.floor.value or ZERO)
    return Standing(key, summary.state, summary.days.value, summary.uncovered, spare)


def _is_to_ask_for(row: PortfolioRow) -> bool:
    if row.books.as_of is None:
        return False
    return row.state is not RowState.CURRENT or row.waiting is None or row.waiting_is_older
