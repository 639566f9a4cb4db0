"""Reads of few rows, many times a second: statements compiled once, one round trip, one transaction, no ORM.

`unit_of_work` is for everything that writes or needs several steps. What is here is for the paths that every request takes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import args_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import BindParameter, Select, literal_column, make_url
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.visitors import replacement_traverse

from infra.db.engine import LIMITS
from infra.db.round_trip import ask
from infra.db.tenancy import as_array

R = TypeVar("R")

_DIALECT = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialect factories untyped
_SET_BUSINESSES = "SELECT set_config('app.business_ids', %(business_ids)s, true)"
_ATTEMPTS = 2
# FeatureNotSupported: "cached plan must not change result type".
_NO_LONGER_PREPARED = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.FeatureNotSupported)


class Statement(Generic[R]):
    """A SELECT of columns whose values come by name (`bindparam`). `make` builds a row from its columns, in order.

    What has its value already is written into the text: the planner of a prepared statement must see that `balance <> 0` is the
    condition of a partial index.
    """

    def __init__(self, select: Select[Any], make: Callable[..., R]) -> None:
        self._select = select
        self._make = make

    @cached_property
    def _sql(self) -> str:
        written: Any = replacement_traverse(self._select, {}, replace=_written)
        return str(written.compile(dialect=_DIALECT))

    def with_(self, **values: Any) -> "Read[R]":
        return Read(self._sql, values, self._make)


def _written(element: Any, **_: Any) -> Any:
    if not isinstance(element, BindParameter) or element.required:
        return None
    return literal_column(str(element.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})), element.type)


@dataclass(frozen=True, slots=True)
class Read(Generic[R]):
    """A statement with its values."""

    sql: str
    values: Mapping[str, Any]
    make: Callable[..., R]


async def read_in(session: AsyncSession, *reads: Read[Any]) -> list[list[Any]]:
    """The rows of each read in the session's own transaction, in one round trip; what it has pending is written first, as before its own.

    Raises:
        OperationalError: SQLAlchemy's, as of any other statement of the session: the server is gone, or a limit of time is reached.
    """
    await session.flush()
    connection: psycopg.AsyncConnection[Any] = await _driver_of(session)
    try:
        async with connection.pipeline():
            cursors = [connection.cursor(row_factory=args_row(read.make)) for read in reads]
            for cursor, read in zip(cursors, reads, strict=True):
                await cursor.execute(read.sql, read.values)
        return [await cursor.fetchall() for cursor in cursors]
    except psycopg.OperationalError as error:
        raise OperationalError(None, None, error, hide_parameters=True) from error


async def _driver_of(session: AsyncSession) -> Any:
    pooled = await (await session.connection()).get_raw_connection()
    return pooled.driver_connection


class Reads:
    """A pool of connections of one login role, one a process. The first read opens it."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        """`url` as `create_engine` takes it."""
        self._is_open = False
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        # Autocommit: statements that are sent together are one transaction, which ends with them.
        self._pool = AsyncConnectionPool(
            plain,
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=10,
            kwargs={"autocommit": True, "options": LIMITS},
        )

    @property
    def in_use(self) -> int:
        """Connections at work at this moment."""
        stats = self._pool.get_stats()
        return stats["pool_size"] - stats["pool_available"] if self._is_open else 0

    @property
    def size(self) -> int:
        return self._pool.max_size

    async def close(self) -> None:
        if self._is_open:
            await self._pool.close()

    async def one(self, read: Read[R]) -> list[R]:
        """Rows of a table that is of no business."""
        (rows,) = await self._tried(read)
        return rows

    async def of(self, business_ids: Sequence[UUID], *reads: Read[Any]) -> list[list[Any]]:
        """The rows of each read, as one transaction that may see `business_ids`: the setting is its first statement."""
        _, *rows = await self._tried(_seeing(business_ids), *reads)
        return rows

    async def _tried(self, *reads: Read[Any]) -> list[list[Any]]:
        """A connection that died while it lay in the pool is not the reader's trouble, nor one whose prepared statements a migration
        or somebody has made useless: a read may be repeated.
        """
        if not self._is_open:
            await self._pool.open()
            self._is_open = True
        for attempt in range(1, _ATTEMPTS + 1):
            # Not the pool's context manager, which would commit: what is asked has committed itself.
            connection = await self._pool.getconn()
            try:
                return await ask(connection, reads)
            except psycopg.OperationalError:
                if not connection.closed or attempt == _ATTEMPTS:
                    raise
            except _NO_LONGER_PREPARED:
                await connection.close()
                if attempt == _ATTEMPTS:
                    raise
            finally:
                await self._pool.putconn(connection)
        raise AssertionError("unreachable")


def _seeing(business_ids: Sequence[UUID]) -> Read[str]:
    return Read(_SET_BUSINESSES, {"business_ids": as_array(business_ids)}, str)
