"""What is looked at whenever a connection leaves the pool: that it lives, is in no transaction, and is set to no business.

A unit of work sets its businesses for one transaction, so nothing can be left of them; this finds the fault that would leave something,
before another business's request runs on it. It is one round trip, in place of the pool's own ping, and none for a new connection.
"""

from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.logging import get_logger
from infra.observability.counted import note_refused_connection

log = get_logger()

_IS_NEW = "is_new"
_BUSINESSES = "SELECT current_setting('app.business_ids', true)"


def check_at_checkout(engine: AsyncEngine) -> None:
    event.listen(engine.sync_engine, "connect", _mark)
    event.listen(engine.sync_engine, "checkout", refuse_unclean)


def _mark(_connection: Any, record: Any) -> None:
    record.info[_IS_NEW] = True


def refuse_unclean(connection: Any, record: Any, _proxy: Any) -> None:
    """SQLAlchemy makes a new connection in place of the refused one.

    Raises:
        InvalidatePoolError: the server is gone, and with it every connection of the pool.
        DisconnectionError: somebody has left something on this one.
    """
    if record.info.pop(_IS_NEW, False):
        return
    driver: psycopg.AsyncConnection[Any] = connection.driver_connection
    if not driver.closed and driver.info.transaction_status is not TransactionStatus.IDLE:
        raise _refused("in_transaction")
    try:
        businesses = _asked(connection)
    except psycopg.Error as error:
        raise InvalidatePoolError from error
    if businesses:
        raise _refused("has_businesses")


def _asked(connection: Any) -> str | None:
    """Outside of any transaction, or the connection would be in one afterwards."""
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        cursor.execute(_BUSINESSES)
        (businesses,) = cursor.fetchone()
    finally:
        cursor.close()
        if not connection.closed:
            connection.autocommit = False
    return businesses  # type: ignore[no-any-return]  # the setting is a text


def _refused(why: str) -> DisconnectionError:
    note_refused_connection(why)
    log.error("db.connection.refused", why=why)
    return DisconnectionError(why)
