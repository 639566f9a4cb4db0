"""The only writer of mirror and log rows.

It works on sets: one delivery (a page of objects) becomes one upsert-and-log statement, in the caller's transaction, so a change
and its log row cannot come apart. Newest wins; an unchanged object writes nothing. An object that cannot be read, or that the
database cannot take, goes into quarantine in the same transaction, and the others of its page are stored.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, DataError
from psycopg.errors import ProgramLimitExceeded
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.ids import new_id_text
from infra.sync import quarantine, store_page, store_quarantine
from infra.sync.shapes import MirrorRow, TransactionType
from infra.sync.spec import AnySpec, Delivery, LogEvent, UnreadableRecord
from infra.sync.store_changes import changes_between
from infra.sync.store_page import Candidate, Filled
from infra.sync.store_statements import StoreStatements, statements_for


@dataclass(frozen=True)
class StoreOutcome:
    """What a delivery did to the mirror, in objects. `ignored` were older than what the mirror holds; `quarantined` unreadable."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    restored: int = 0
    unchanged: int = 0
    ignored: int = 0
    quarantined: int = 0

    @property
    def changed(self) -> int:
        """Rows written, each with its log row."""
        return self.created + self.updated + self.deleted + self.restored

    def __add__(self, other: "StoreOutcome") -> "StoreOutcome":
        return StoreOutcome(
            created=self.created + other.created,
            updated=self.updated + other.updated,
            deleted=self.deleted + other.deleted,
            restored=self.restored + other.restored,
            unchanged=self.unchanged + other.unchanged,
            ignored=self.ignored + other.ignored,
            quarantined=self.quarantined + other.quarantined,
        )


class _Held(NamedTuple):
    """What the mirror has of an object."""

    id: UUID
    digest: bytes
    is_deleted: bool

    def is_unchanged_by(self, candidate: Candidate) -> bool:
        return self.digest == candidate.digest and not self.is_deleted


async def store(session: AsyncSession, spec: AnySpec, delivery: Delivery) -> StoreOutcome:
    """Bring the mirror of `spec` to what `delivery` says where it is newer, writing one log row a change.

    Writers of one business and table are ordered by an advisory lock, held to the end of the caller's transaction:
    row locks do not order two first inserts.
    """
    connection = await _driver_connection(session)
    mirror: type[MirrorRow] = spec.mirror
    statements = statements_for(mirror)
    await connection.execute(statements.lock, (f"{mirror.__tablename__}:{delivery.business_id}",))
    records = store_page.newest_of_each(delivery.records)
    held = await _held(connection, statements, spec=spec, delivery=delivery, external_ids=list(records))
    unreadable = list(delivery.unreadable)
    unheld = (record for external_id, record in records.items() if external_id not in held)
    new = store_page.fill(spec, store_page.candidates_of(unheld), unreadable)
    known = store_page.candidates_of(records[external_id] for external_id in held)
    differing = [candidate for candidate in known if not held[candidate.record.external_id].is_unchanged_by(candidate)]
    changed = store_page.fill(spec, differing, unreadable)

    async def insert(page: Sequence[Filled]) -> Counter[str]:
        return await _insert(connection, statements, spec=spec, delivery=delivery, page=page)

    async def update(page: Sequence[Filled]) -> Counter[str]:
        return await _update(connection, statements, spec=spec, delivery=delivery, page=page, held=held)

    written = await _write(connection, insert, page=new, unreadable=unreadable)
    written += await _write(connection, update, page=changed, unreadable=unreadable)
    written += await _delete(connection, statements, spec=spec, delivery=delivery) if delivery.deletions else Counter()
    refused = await store_quarantine.settle(session, spec, delivery=delivery, unreadable=unreadable, records=records)
    unwritable = len(unreadable) - len(delivery.unreadable)
    outcome = _outcome(
        written,
        unchanged=len(held) - len(differing),
        differing=len(records) - len(held) + len(differing),
        deletions=len(delivery.deletions),
    )
    return replace(outcome, ignored=outcome.ignored - unwritable, quarantined=refused)


async def append_event(session: AsyncSession, spec: AnySpec, event: LogEvent) -> int | None:
    """Write down what happened to an object without changing it (an approval, a request); its version then, None without it."""
    connection = await _driver_connection(session)
    mirror: type[MirrorRow] = spec.mirror
    statements = statements_for(mirror)
    await connection.execute(statements.lock, (f"{mirror.__tablename__}:{event.business_id}",))
    parameters = {
        "business_id": event.business_id,
        "rail": spec.rail.value,
        "entity_id": event.entity_id,
        "event": event.transaction_type,
        "source": event.source.value,
        "actor": event.actor,
        "request_id": event.request_id,
        "details": exact_json.dumps(event.details).decode(),
    }
    row = await (await connection.execute(statements.event, parameters, prepare=False)).fetchone()
    return None if row is None else int(row[0])


async def _write(
    connection: AsyncConnection[Any],
    write: Callable[[Sequence[Filled]], Awaitable[Counter[str]]],
    *,
    page: Sequence[Filled],
    unreadable: list[UnreadableRecord],
) -> Counter[str]:
    """Write the page; where the database refuses a value of it (a NUL, an amount beyond its columns), all but that object."""
    if not page:
        return Counter()
    try:
        async with connection.transaction():
            return await write(page)
    except (DataError, ProgramLimitExceeded) as error:
        if len(page) == 1:
            reason = f"{quarantine.UNSTORABLE} ({type(error).__name__})"
            unreadable.append(store_page.unreadable_of(page[0].candidate.record, reason))
            return Counter()
    half = len(page) // 2
    written = await _write(connection, write, page=page[:half], unreadable=unreadable)
    return written + await _write(connection, write, page=page[half:], unreadable=unreadable)


async def _driver_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """Psycopg's own connection, inside the session's transaction: pages skip SQLAlchemy's per-parameter work."""
    connection = await session.connection()
    driver: AsyncConnection[Any] = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]  # the dialect is psycopg's
    return driver


async def _held(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    external_ids: list[str],
) -> dict[str, _Held]:
    found = await _asked(connection, statements.held_states, spec=spec, delivery=delivery, external_ids=external_ids)
    return {external_id: _Held(*state) for external_id, *state in found}


async def _asked(
    connection: AsyncConnection[Any], statement: str, *, spec: AnySpec, delivery: Delivery, external_ids: list[str]
) -> Iterable[tuple[Any, ...]]:
    """One row for each of the objects that the mirror holds, the external id first."""
    parameters = {"business_id": delivery.business_id, "rail": spec.rail.value, "external_id": external_ids}
    cursor = await connection.execute(statement, parameters, binary=True, prepare=False)
    columns = await cursor.fetchone() or (None,)
    return () if columns[0] is None else zip(*columns, strict=True)


async def _insert(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    page: Sequence[Filled],
) -> Counter[str]:
    parameters = store_page.parameters(spec, delivery, page)
    parameters["id"] = [new_id_text() for _ in page]
    return await _written(connection, statements.insert, parameters)


async def _update(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    page: Sequence[Filled],
    held: Mapping[str, _Held],
) -> Counter[str]:
    external_ids = [one.candidate.record.external_id for one in page]
    found = await _asked(connection, statements.held_payloads, spec=spec, delivery=delivery, external_ids=external_ids)
    payloads = dict(found)
    parameters = store_page.parameters(spec, delivery, page)
    parameters["id"] = [held[external_id].id for external_id in external_ids]
    parameters["changes"] = [
        changes_between(payloads[one.candidate.record.external_id], one.candidate.canonical) for one in page
    ]
    return await _written(connection, statements.update, parameters)


async def _written(connection: AsyncConnection[Any], statement: str, parameters: dict[str, Any]) -> Counter[str]:
    """How many log rows of each kind the statement wrote."""
    cursor = await connection.execute(statement, parameters, prepare=False)
    return Counter(dict(await cursor.fetchall()))


async def _delete(
    connection: AsyncConnection[Any], statements: StoreStatements, *, spec: AnySpec, delivery: Delivery
) -> Counter[str]:
    newest = {
        deletion.external_id: deletion.updated_at for deletion in sorted(delivery.deletions, key=lambda d: d.updated_at)
    }
    parameters = {
        **store_page.constants(spec, delivery),
        "external_id": list(newest),
        "rail_updated_at": list(newest.values()),
    }
    return await _written(connection, statements.delete, parameters)


def _outcome(written: Counter[str], *, unchanged: int, differing: int, deletions: int) -> StoreOutcome:
    return StoreOutcome(
        created=written[TransactionType.CREATED],
        updated=written[TransactionType.UPDATED],
        deleted=written[TransactionType.DELETED],
        restored=written[TransactionType.RESTORED],
        unchanged=unchanged,
        ignored=differing + deletions - written.total(),
    )
