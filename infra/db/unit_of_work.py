"""The only place that commits. One use case, one unit of work, no network call inside."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from uuid import UUID

from psycopg import DataError
from psycopg.errors import UntranslatableCharacter
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from infra.crash_points import crash_point
from infra.db.tenancy import set_businesses
from infra.errors import UnstorableText
from infra.jobs.outbox import OutboxRow, Ring

RingFor = Callable[[Sequence[Ring]], Awaitable[None]]
UnitOfWorkFactory = Callable[[Sequence[UUID]], AbstractAsyncContextManager["UnitOfWork"]]


class UnitOfWork:
    """A session whose changes, log rows and job requests become visible together or not at all."""

    def __init__(self, session: AsyncSession, business_ids: Sequence[UUID] = ()) -> None:
        self.session = session
        self._business_id = business_ids[0] if len(business_ids) == 1 else None
        self._asked: list[OutboxRow] = []
        self._rings: list[Ring] = []

    def enqueue(self, job: str, *arguments: str, queue: str = "sync", after: timedelta | None = None) -> None:
        """Ask for `job` (a name in `runway/jobs.py`) in this transaction; it is rung after the commit, or once `after` is over.

        In the transaction of one business it is that business's job, otherwise nobody's.
        """
        row = OutboxRow(business_id=self._business_id, queue=queue, job=job, arguments=list(arguments))
        self.session.add(row)
        if after is None:
            self._asked.append(row)
        else:
            row.due_at = func.clock_timestamp() + after  # the sweeper rings for it then

    def rings(self) -> list[Ring]:
        """What to ring for once the rows are committed."""
        return [*self._rings, *(Ring(row.id, row.queue, attempts=0) for row in self._asked)]

    def ring_for(self, ring: Ring | None) -> None:
        """Ring for a row that `infra.jobs.outbox` wrote in this transaction; None when there is none to ring for."""
        if ring is not None:
            self._rings.append(ring)


def _is_of_nul(error: Exception) -> bool:
    """Whether a text held the character that PostgreSQL has no place for, in plain text or escaped in JSON."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, UntranslatableCharacter) or (isinstance(cause, DataError) and "NUL" in str(cause))


async def _ring_nobody(_rings: Sequence[Ring]) -> None:
    """Without a doorbell the relay's sweep finds the row."""


def unit_of_work_factory(engine: AsyncEngine, *, ring: RingFor = _ring_nobody) -> UnitOfWorkFactory:
    """Build the factory that orchestrators, jobs and sync services open transactions with.

    Its argument lists the businesses the transaction may see; an empty list sees no tenant's rows.
    The block's end commits; an exception rolls back.

    Raises:
        UnstorableText: from the block or its end, where the database was given a text that it cannot hold.
    """
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def open_unit(business_ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        try:
            async with sessions() as session:
                await set_businesses(session, business_ids)
                uow = UnitOfWork(session, business_ids)
                yield uow
                crash_point("unit.before_commit")
                await session.commit()
                crash_point("unit.after_commit")
        except (DataError, DBAPIError) as error:
            if _is_of_nul(error):
                raise UnstorableText from error
            raise
        if rings := uow.rings():
            await ring(rings)
            crash_point("unit.after_ring")

    return open_unit
