"""One refresh at a time of a business's rail, over all processes and machines: a lease row decides, and no lock is held across HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, PrimaryKeyConstraint, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.config import Rail
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger

LEASE = timedelta(seconds=20)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(seconds=60)
_MOST_DOUBLINGS = 4  # after forty an interval overflows, and a rail that is down for an hour fails as often
_POLL_SECONDS = 0.1
_HOLDER = uuid4().hex  # this process

log = get_logger()


class RefreshLease(Base):
    """The latest refresh of a rail, or of one purpose there (`qbo.backfill`). Under way while `finished_at` is null and `leased_until`, the database's time, lies ahead.

    `fence` counts refreshes: who holds an old one changes nothing. `failures` in a row put the next attempt off to
    `next_attempt_at`, whoever asks, so that a rail that is down is asked seldom.
    """

    __tablename__ = "refresh_lease"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str]
    strategy: Mapped[str]
    began_at: Mapped[datetime]
    leased_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    calls: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Standing:
    """How the latest refresh stands."""

    fence: int
    is_under_way: bool
    is_finished: bool
    error: str | None
    next_attempt_at: datetime | None


async def end_pause(session: AsyncSession, business_id: UUID, rail: Rail) -> None:
    """A person has just brought the rail back: the failures before that say nothing about the next attempt."""
    await session.execute(
        update(RefreshLease)
        .where(RefreshLease.business_id == business_id, RefreshLease.rail == rail.value)
        .values(failures=0, next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )


class RefreshLeases:
    """The lease of one business and rail. Every method is one short transaction."""

    def __init__(self, uow: UnitOfWorkFactory, business_id: UUID, rail: Rail, *, purpose: str | None = None) -> None:
        """`purpose` names a lease beside that of refreshes: a first reading takes hours, and keeps no refresh waiting."""
        self._uow = uow
        self._business_id = business_id
        self._leased = rail.value if purpose is None else f"{rail.value}.{purpose}"

    async def take(self, *, strategy: str, now: datetime, is_insistent: bool = False) -> int | None:
        """Become the one that refreshes; the fence, or None while another does or, unless `is_insistent`, after a failure."""
        leased_until = func.clock_timestamp() + LEASE
        begun = {
            "holder": _HOLDER,
            "strategy": strategy,
            "began_at": func.clock_timestamp(),
            "leased_until": leased_until,
        }
        is_free = or_(RefreshLease.finished_at.is_not(None), RefreshLease.leased_until < func.clock_timestamp())
        is_time = or_(RefreshLease.next_attempt_at.is_(None), RefreshLease.next_attempt_at <= now)
        statement = (
            insert(RefreshLease)
            .values(business_id=self._business_id, rail=self._leased, fence=1, **begun)
            .on_conflict_do_update(
                index_elements=["business_id", "rail"],
                set_={"fence": RefreshLease.fence + 1, "finished_at": None, "calls": 0, "error": None, **begun},
                where=is_free if is_insistent else is_free & is_time,
            )
            .returning(RefreshLease.fence)
        )
        async with self._uow([self._business_id]) as uow:
            fence: int | None = await uow.session.scalar(statement)
        return fence

    async def look(self) -> Standing | None:
        """How the latest refresh stands; None when there was none."""
        query = select(
            RefreshLease.fence,
            RefreshLease.finished_at.is_(None) & (RefreshLease.leased_until >= func.clock_timestamp()),
            RefreshLease.finished_at.is_not(None),
            RefreshLease.error,
            RefreshLease.next_attempt_at,
        ).where(RefreshLease.business_id == self._business_id, RefreshLease.rail == self._leased)
        async with self._uow([self._business_id]) as uow:
            row = (await uow.session.execute(query)).one_or_none()
        return None if row is None else Standing(*row)

    async def wait_for_end(self) -> Standing | None:
        """Wait until no refresh is under way: it ended, or its process died and the lease ran out."""
        while True:
            standing = await self.look()
            if standing is None or not standing.is_under_way:
                return standing
            await asyncio.sleep(_POLL_SECONDS)

    async def finish(self, fence: int, *, calls: int, now: datetime, error: str | None = None) -> None:
        """Say how it ended. A failure puts the next attempt off by 5, 10, 20 … 60 s."""
        outcome: dict[str, object]
        if error is None:
            outcome = {"failures": 0, "next_attempt_at": None}
        else:
            doublings = func.least(RefreshLease.failures, _MOST_DOUBLINGS)
            pause = func.least(_FIRST_PAUSE * func.power(2, doublings), _LONGEST_PAUSE)
            outcome = {"failures": RefreshLease.failures + 1, "next_attempt_at": now + pause}
        await self._change(fence, finished_at=func.clock_timestamp(), calls=calls, error=error, **outcome)

    @asynccontextmanager
    async def kept(self, fence: int) -> AsyncIterator[None]:
        """Keep the lease alive while the block runs."""
        heartbeat = asyncio.create_task(self._beat(fence))
        try:
            yield
        finally:
            heartbeat.cancel()
            await asyncio.wait([heartbeat])

    async def _beat(self, fence: int) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._change(fence, leased_until=func.clock_timestamp() + LEASE)
            except SQLAlchemyError as error:
                log.warning("sync.lease.not_extended", business_id=str(self._business_id), error=type(error).__name__)

    async def _change(self, fence: int, **values: object) -> None:
        async with self._uow([self._business_id]) as uow:
            await uow.session.execute(
                update(RefreshLease)
                .where(
                    RefreshLease.business_id == self._business_id,
                    RefreshLease.rail == self._leased,
                    RefreshLease.fence == fence,
                )
                .values(**values)
                .execution_options(synchronize_session=False)
            )
