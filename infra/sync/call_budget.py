"""What a month's metered calls come to, where they will end, and who yields: checks first, then the schedule, people never."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from infra.sync.call_counts import RailCallCount

_RECENT_DAYS = 7
_LOOKED_AT_EVERY = timedelta(minutes=1)
# A first reading happens once: it is in what was used, not in what is to come.
ONE_OFF = frozenset({"backfill"})

log = get_logger()


class Yielding(IntEnum):
    """Who makes fewer calls, by where the month will end. Each level includes those below it."""

    NOBODY = 0
    CHECKS = 80  # reconciliation rests
    GREEDY = 90  # and the schedule of businesses that use more than their part slows down
    SCHEDULE = 100  # and everybody's


@dataclass(frozen=True)
class DayCount:
    """Calls of one day (UTC) for one feature."""

    day: date
    feature: str
    is_metered: bool
    calls: int


@dataclass(frozen=True)
class MonthUse:
    """Metered calls of the month so far, and by the rate of the last seven days what they will be at its end."""

    used: int
    forecast: int


@dataclass(frozen=True)
class AppUse:
    """All businesses together: those that made calls of late. `share` is what each may use before it counts as greedy."""

    month: MonthUse
    allowance: int
    share: int
    yielding: Yielding
    businesses: frozenset[UUID]
    greedy: frozenset[UUID]

    @property
    def percent(self) -> Decimal:
        """What part of the allowance the month will have used, of a hundred."""
        return (Decimal(self.month.forecast) * 100 / self.allowance).quantize(Decimal("0.1"))


class CallBudget:
    """Reads the counts; what it says of all businesses is a minute old at most.

    Args:
        jobs_uow: as oodaloo_jobs, which sees all businesses' counts and none of their books.
        allowance: metered calls a calendar month (UTC), all businesses together.
    """

    def __init__(
        self,
        *,
        uow: UnitOfWorkFactory,
        jobs_uow: UnitOfWorkFactory,
        rail: Rail,
        allowance: int,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._jobs_uow = jobs_uow
        self._rail = rail
        self._allowance = allowance
        self._clock = clock
        self._looked: tuple[datetime, AppUse] | None = None

    async def of_business(self, business_id: UUID) -> tuple[MonthUse, list[DayCount]]:
        """One business's month: its use, and each day's calls by feature, the latest first."""
        now = self._clock.now()
        async with self._uow([business_id]) as uow:
            counts = (await self._counts(uow.session, now, business_id=business_id)).get(business_id, [])
        month = [one for one in counts if one.day >= _first_of_month(now)]
        return _month_use(counts, now), sorted(month, key=lambda one: (-one.day.toordinal(), one.feature))

    async def of_app(self) -> AppUse:
        """All businesses together."""
        now = self._clock.now()
        if self._looked is not None and timedelta(0) <= now - self._looked[0] < _LOOKED_AT_EVERY:
            return self._looked[1]
        async with self._jobs_uow([]) as uow:
            counts = await self._counts(uow.session, now)
        use = _app_use(counts, now, allowance=self._allowance)
        before = self._looked[1].yielding if self._looked is not None else Yielding.NOBODY
        self._looked = (now, use)
        if use.yielding > before:
            log.warning("sync.budget.yields", rail=self._rail, yielding=use.yielding.name, percent=str(use.percent))
        return use

    async def thrifty(self) -> Collection[UUID]:
        """The businesses whose schedule slows down now."""
        use = await self.of_app()
        if use.yielding >= Yielding.SCHEDULE:
            return use.businesses
        return use.greedy if use.yielding >= Yielding.GREEDY else frozenset()

    async def allows_checks(self) -> bool:
        """Whether reconciliation may make calls now."""
        return (await self.of_app()).yielding < Yielding.CHECKS

    async def _counts(
        self, session: AsyncSession, now: datetime, *, business_id: UUID | None = None
    ) -> dict[UUID, list[DayCount]]:
        since = min(_first_of_month(now), now.astimezone(UTC).date() - timedelta(days=_RECENT_DAYS))
        held = RailCallCount
        query = (
            select(held.business_id, held.day, held.feature, held.is_metered, func.sum(held.calls))
            .where(held.rail == self._rail.value, held.day >= since)
            .group_by(held.business_id, held.day, held.feature, held.is_metered)
        )
        if business_id is not None:
            query = query.where(held.business_id == business_id)
        found: dict[UUID, list[DayCount]] = {}
        for owner, day, feature, is_metered, calls in await session.execute(query):
            found.setdefault(owner, []).append(DayCount(day, feature, is_metered, int(calls)))
        return found


def _app_use(counts: dict[UUID, list[DayCount]], now: datetime, *, allowance: int) -> AppUse:
    uses = {business_id: _month_use(days, now) for business_id, days in counts.items()}
    month = MonthUse(sum(use.used for use in uses.values()), sum(use.forecast for use in uses.values()))
    percent = month.forecast * 100 // allowance
    share = allowance // max(1, len(uses))
    return AppUse(
        month=month,
        allowance=allowance,
        share=share,
        yielding=max(level for level in Yielding if percent >= level),
        businesses=frozenset(uses),
        greedy=frozenset(business_id for business_id, use in uses.items() if use.forecast > share),
    )


def _month_use(counts: Sequence[DayCount], now: datetime) -> MonthUse:
    """The rate is that of the last seven days, or of those since the first call; a day at the least, or an hour would count for all."""
    now = now.astimezone(UTC)
    first, metered = _first_of_month(now), [one for one in counts if one.is_metered]
    used = sum(one.calls for one in metered if one.day >= first)
    recurring = [
        one for one in metered if one.feature not in ONE_OFF and one.day > now.date() - timedelta(days=_RECENT_DAYS)
    ]
    if not recurring:
        return MonthUse(used, used)
    began = datetime.combine(min(one.day for one in recurring), datetime.min.time(), UTC)
    seconds = max((now - began).total_seconds(), timedelta(days=1).total_seconds())
    left = (_first_of_next_month(first) - now).total_seconds()
    return MonthUse(used, used + round(sum(one.calls for one in recurring) * left / seconds))


def _first_of_month(now: datetime) -> date:
    return now.astimezone(UTC).date().replace(day=1)


def _first_of_next_month(first: date) -> datetime:
    following = (first + timedelta(days=32)).replace(day=1)
    return datetime.combine(following, datetime.min.time(), UTC)
