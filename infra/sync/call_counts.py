"""How many calls each feature of a business makes of a rail: reads are metered, and calls are money.

Counted in the process's memory and written every few seconds, so that nothing waits for it; a process that is killed loses what it
had counted since.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from infra.clock import Clock
from infra.config import Rail
from infra.db.base import Base
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger

_WRITTEN_EVERY_SECONDS = 5.0
_feature: ContextVar[str | None] = ContextVar("_feature", default=None)

log = get_logger()


class RailCallCount(Base):
    """`day` is in UTC; `feature` says what the calls were for; `is_metered` whether the rail's owner charges for them."""

    __tablename__ = "rail_call_count"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "day", "feature", "is_metered"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    day: Mapped[date]
    feature: Mapped[str]
    is_metered: Mapped[bool]
    calls: Mapped[int] = mapped_column(BigInteger)


class _Counted(NamedTuple):
    business_id: UUID
    rail: str
    day: date
    feature: str
    is_metered: bool


@contextmanager
def counted_as(feature: str) -> Iterator[None]:
    """Calls made in the block, and in the tasks begun there, count as `feature`'s."""
    before = _feature.set(feature)
    try:
        yield
    finally:
        _feature.reset(before)


class CallTally:
    """What this process has counted and not written yet."""

    def __init__(self, uow: UnitOfWorkFactory, *, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock
        self._counts: Counter[_Counted] = Counter()

    def counter(self, business_id: UUID, rail: Rail, *, otherwise: str) -> Callable[[bool], None]:
        """What a client tells of each call it sends; `otherwise` is the feature of calls that nobody named."""

        def count(is_metered: bool) -> None:  # noqa: FBT001 - the one thing that is told
            day = self._clock.now().astimezone(UTC).date()
            self._counts[_Counted(business_id, rail.value, day, _feature.get() or otherwise, is_metered)] += 1

        return count

    async def flush(self) -> None:
        """Write what was counted; what cannot be written now is kept for the next time."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        # In one order everywhere: two processes that write the same rows must not wait for each other.
        rows = [{**key._asdict(), "calls": calls} for key, calls in sorted(counts.items())]
        statement = insert(RailCallCount).values(rows)
        added = statement.on_conflict_do_update(
            index_elements=list(_Counted._fields),
            set_={"calls": RailCallCount.calls + statement.excluded.calls},
        )
        try:
            async with self._uow(sorted({key.business_id for key in counts})) as uow:
                await uow.session.execute(added)
        except (SQLAlchemyError, OSError) as error:
            self._counts.update(counts)
            log.warning("sync.calls.not_written", rows=len(rows), error=type(error).__name__)
        except asyncio.CancelledError:
            self._counts.update(counts)
            raise

    async def keep_writing(self) -> None:
        """Write every few seconds until cancelled."""
        while True:
            await asyncio.sleep(_WRITTEN_EVERY_SECONDS)
            await self.flush()
