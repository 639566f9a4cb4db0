"""Units of work that begin in one round trip: they are the same transactions, and half of what 10,000 histories asked of PostgreSQL less.

`BEGIN` and the businesses go out together, where the product sends one after the other; and of a connection that the driver knows to be
idle the server is not asked whether an earlier transaction has left something on it, which the proof of cancellation sees to.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.db import unit_of_work
from infra.db.checkout import refuse_unclean
from infra.db.engine import create_engine
from infra.db.tenancy import as_array, set_businesses

_BEGIN = sql.SQL("BEGIN; SET LOCAL app.business_ids = {}")


def open_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """To be used below `begun_at_once` alone: nothing else begins its transactions."""
    engine = create_engine(url, pool_size=pool_size)
    event.remove(engine.sync_engine, "checkout", refuse_unclean)
    event.listen(engine.sync_engine, "checkout", _refuse_unless_idle)
    event.listen(engine.sync_engine, "connect", _begin_nothing)
    return engine


@contextmanager
def begun_at_once(engine: AsyncEngine) -> Iterator[None]:
    """As long as the block runs every unit of work on `engine` begins so."""

    async def begin(session: AsyncSession, business_ids: Sequence[UUID]) -> None:
        if session.bind is not engine:
            await set_businesses(session, business_ids)
            return
        pooled = await (await session.connection()).get_raw_connection()
        driver: Any = pooled.driver_connection
        await driver.execute(_BEGIN.format(sql.Literal(as_array(business_ids))))

    setattr(unit_of_work, "set_businesses", begin)  # noqa: B010 - a name of the module
    try:
        yield
    finally:
        setattr(unit_of_work, "set_businesses", set_businesses)  # noqa: B010 - as above


def _begin_nothing(connection: Any, _record: Any) -> None:
    """The driver's own BEGIN is not sent: `begun_at_once` has sent one."""
    connection.autocommit = True


def _refuse_unless_idle(connection: Any, record: Any, proxy: Any) -> None:
    driver = connection.driver_connection
    if driver.closed or driver.info.transaction_status is not TransactionStatus.IDLE:
        refuse_unclean(connection, record, proxy)
