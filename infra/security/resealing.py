"""Sealing again, under the newest key, whatever an older one sealed: in small transactions, beside everything else that runs.

A value that was changed meanwhile is left to whoever changed it. Killed and begun again it goes on, since what is done is not
found any more.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Column, MetaData, Select, Table, and_, func, literal, select, tuple_, update

from infra.db.roles import APP, JOBS
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from infra.security.keyring import CannotOpen, Keyring, sealed_by
from infra.security.sealed_columns import SealedColumn

_ROWS_A_TRANSACTION = 100
_BUSINESSES_A_TRANSACTION = 100

log = get_logger()


@dataclass
class ResealTally:
    """`unreadable` are values that do not open: their key is lost, or they were moved or changed. They stay as they are."""

    resealed: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


class Resealing:
    """Across businesses, each of whose rows row-level security still guards: their ids are read as the queue's role, page by page,
    and each transaction names those of one page.
    """

    def __init__(
        self,
        columns: Sequence[SealedColumn],
        *,
        keyring: Keyring,
        metadata: MetaData,
        units_of_work: Mapping[str, UnitOfWorkFactory],
    ) -> None:
        """`units_of_work` by role: that of each column, and the queue's."""
        self._columns = columns
        self._keyring = keyring
        self._metadata = metadata
        self._units_of_work = units_of_work

    async def count_by_key(self) -> Counter[str]:
        """How many values each key sealed, under the key's id."""
        counts: Counter[str] = Counter()
        for column in self._columns:
            sealed = self._table(column).c[column.column]
            key_id = func.split_part(sealed, ".", 2)
            query = select(key_id, func.count()).where(sealed.is_not(None), sealed != "").group_by(key_id)
            async for business_ids in self._pages(column):
                async with self._units_of_work[column.role](business_ids) as uow:
                    for found, count in await uow.session.execute(query):
                        counts[found] += count
        return counts

    async def reseal(self, *, on_done: Callable[[int], None] = lambda _: None) -> ResealTally:
        """Once over every column. `on_done` hears the number of values of each transaction."""
        tally = ResealTally()
        for column in self._columns:
            async for business_ids in self._pages(column):
                await self._reseal_column(column, business_ids, tally=tally, on_done=on_done)
        log.info("security.reseal.done", resealed=tally.resealed, unreadable=dict(tally.unreadable))
        return tally

    async def _reseal_column(
        self, column: SealedColumn, business_ids: Sequence[UUID], *, tally: ResealTally, on_done: Callable[[int], None]
    ) -> None:
        after: tuple[Any, ...] | None = None
        while True:
            async with self._units_of_work[column.role](business_ids) as uow:
                rows = (await uow.session.execute(self._of_older_keys(column, after=after))).mappings().all()
                for row in rows:
                    try:
                        resealed = self._sealed_anew(column, row)
                    except CannotOpen:
                        tally.unreadable[str(column)] += 1
                        continue
                    result = await uow.session.execute(self._change(column, row, to=resealed))
                    tally.resealed += result.rowcount  # type: ignore[attr-defined]  # an UPDATE's result has it
            on_done(len(rows))
            if len(rows) < _ROWS_A_TRANSACTION:
                return
            after = tuple(rows[-1][key] for key in column.keys)

    def _sealed_anew(self, column: SealedColumn, row: Mapping[str, Any]) -> str:
        context = column.context(row)
        return self._keyring.seal(self._keyring.open(row[column.column], context=context), context=context)

    def _of_older_keys(self, column: SealedColumn, *, after: tuple[Any, ...] | None) -> Select[Any]:
        sealed, keys = self._table(column).c[column.column], self._keys(column)
        query = (
            select(*keys, sealed)
            .where(sealed != "", ~sealed.startswith(sealed_by(self._keyring.newest_id), autoescape=True))
            .order_by(*keys)
            .limit(_ROWS_A_TRANSACTION)
        )
        if after is None:
            return query
        last = [literal(value, key.type) for value, key in zip(after, keys, strict=True)]
        return query.where(tuple_(*keys) > tuple_(*last))

    def _change(self, column: SealedColumn, row: Mapping[str, Any], *, to: str) -> Any:
        """Only where the value is still the one that was read: a token refreshed meanwhile is newer."""
        table = self._table(column)
        is_it = and_(*(table.c[key] == row[key] for key in column.keys), table.c[column.column] == row[column.column])
        return update(table).where(is_it).values({column.column: to})

    def _table(self, column: SealedColumn) -> Table:
        return self._metadata.tables[column.table]

    def _keys(self, column: SealedColumn) -> list[Column[Any]]:
        table = self._table(column)
        return [table.c[key] for key in column.keys]

    async def _pages(self, column: SealedColumn) -> AsyncIterator[Sequence[UUID]]:
        """The businesses to name in each transaction: none where the role needs none."""
        if column.role != APP:
            yield []
            return
        business = self._metadata.tables["business"].c.id
        after: UUID | None = None
        while True:
            query = select(business).order_by(business).limit(_BUSINESSES_A_TRANSACTION)
            if after is not None:
                query = query.where(business > after)
            async with self._units_of_work[JOBS]([]) as uow:
                page = (await uow.session.scalars(query)).all()
            if page:
                yield page
            if len(page) < _BUSINESSES_A_TRANSACTION:
                return
            after = page[-1]
