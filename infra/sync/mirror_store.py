"""The only writer of mirror and log rows.

It works on sets: one delivery (a page of objects) becomes one upsert-and-log statement, in the caller's transaction, so a change
and its log row cannot come apart. Newest wins; an unchanged object writes nothing. An object that cannot be read, or that the
database cannot take, goes into quarantine in the same transaction, and the others of its page are stored.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, DataError
from psycopg.errors import ProgramLimitExceeded
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.db.canonical_text import CanonicalJSON
from infra.errors import UnknownRailValue, UnreadableRailObject
from infra.ids import new_id
from infra.logging import get_logger
from infra.sync import quarantine
from infra.sync.shapes import MirrorRow, TransactionType
from infra.sync.spec import AnySpec, Delivery, LogEvent, RailRecord, UnreadableRecord
from infra.sync.store_statements import StoreStatements, statements_for

log = get_logger()


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


class _Candidate(NamedTuple):  # a page makes thousands: a tuple costs a third of a frozen dataclass
    record: RailRecord
    canonical: CanonicalJSON
    digest: bytes


class _Held(NamedTuple):
    """What the mirror has of a candidate. `payload` is the held state's JSON where it differs."""

    id: UUID
    is_unchanged: bool
    payload: str | None


class _Filled(NamedTuple):
    candidate: _Candidate
    columns: dict[str, Any]


_NO_CHANGES = CanonicalJSON(b"{}")


class _Row:
    """What `fill` writes on: the mirror's own columns as plain attributes, an order of magnitude cheaper than an ORM instance."""


async def store(session: AsyncSession, spec: AnySpec, delivery: Delivery) -> StoreOutcome:
    """Bring the mirror of `spec` to what `delivery` says where it is newer, writing one log row a change.

    Writers of one business and table are ordered by an advisory lock, held to the end of the caller's transaction:
    row locks do not order two first inserts.
    """
    connection = await _driver_connection(session)
    mirror: type[MirrorRow] = spec.mirror
    statements = statements_for(mirror)
    await connection.execute(statements.lock, (f"{mirror.__tablename__}:{delivery.business_id}",))
    candidates = _newest_of_each(delivery.records)
    held = await _held(connection, statements, spec=spec, delivery=delivery, candidates=list(candidates.values()))
    unreadable = list(delivery.unreadable)
    new = _fill(spec, [c for external_id, c in candidates.items() if external_id not in held], unreadable)
    differing = _fill(
        spec,
        [c for external_id, c in candidates.items() if external_id in held and not held[external_id].is_unchanged],
        unreadable,
    )

    async def insert(page: Sequence[_Filled]) -> Counter[str]:
        return await _insert(connection, statements, spec=spec, delivery=delivery, page=page)

    async def update(page: Sequence[_Filled]) -> Counter[str]:
        return await _update(connection, statements, spec=spec, delivery=delivery, page=page, held=held)

    written = await _write(connection, insert, page=new, unreadable=unreadable)
    written += await _write(connection, update, page=differing, unreadable=unreadable)
    written += await _delete(connection, statements, spec=spec, delivery=delivery) if delivery.deletions else Counter()
    refused = await _settle_quarantine(session, spec, delivery=delivery, unreadable=unreadable, candidates=candidates)
    unwritable = len(unreadable) - len(delivery.unreadable)
    outcome = _outcome(
        written,
        seen=len(candidates),
        differing=sum(not (c in held and held[c].is_unchanged) for c in candidates),
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


def _fill(spec: AnySpec, candidates: Sequence[_Candidate], unreadable: list[UnreadableRecord]) -> list[_Filled]:
    filled = []
    for candidate in candidates:
        try:
            filled.append(_Filled(candidate, _filled(spec, candidate.record)))
        except (UnreadableRailObject, UnknownRailValue) as error:
            unreadable.append(_unreadable(candidate.record, str(error)))
    return filled


async def _write(
    connection: AsyncConnection[Any],
    write: Callable[[Sequence[_Filled]], Awaitable[Counter[str]]],
    *,
    page: Sequence[_Filled],
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
            unreadable.append(_unreadable(page[0].candidate.record, reason))
            return Counter()
    half = len(page) // 2
    written = await _write(connection, write, page=page[:half], unreadable=unreadable)
    return written + await _write(connection, write, page=page[half:], unreadable=unreadable)


def _unreadable(record: RailRecord, reason: str) -> UnreadableRecord:
    return UnreadableRecord(
        record.external_id,
        version=record.version,
        updated_at=record.updated_at,
        payload=record.payload,
        reason=reason,
    )


async def _settle_quarantine(
    session: AsyncSession,
    spec: AnySpec,
    *,
    delivery: Delivery,
    unreadable: Sequence[UnreadableRecord],
    candidates: Mapping[str, _Candidate],
) -> int:
    """How many objects of the delivery stand in quarantine. What the mirror has in a later state does not."""
    held = await _orders_held(session, spec, delivery=delivery, unreadable=unreadable)
    kept = [
        one
        for one in unreadable
        if one.external_id not in held
        or quarantine.order_of(one.version, one.updated_at) >= held[one.external_id]
        or one.version is None
    ]
    refused = {one.external_id for one in unreadable}

    def stored(external_id: str) -> quarantine.Order | None:
        candidate = None if external_id in refused else candidates.get(external_id)
        return candidate and quarantine.order_of(candidate.record.version, candidate.record.updated_at)

    await quarantine.settle(
        session,
        spec,
        delivery.business_id,
        seen_at=delivery.fetched_at,
        unreadable=kept,
        stored=stored,
        deleted=[deletion.external_id for deletion in delivery.deletions],
    )
    for one in kept:
        log.warning(
            "sync.object.quarantined",
            entity=spec.entity,
            external_id=one.external_id,
            reason=one.reason,
            business_id=str(delivery.business_id),
        )
    return len(kept)


async def _orders_held(
    session: AsyncSession, spec: AnySpec, *, delivery: Delivery, unreadable: Sequence[UnreadableRecord]
) -> dict[str, quarantine.Order]:
    if not unreadable:
        return {}
    mirror: type[MirrorRow] = spec.mirror
    rows = await session.execute(
        select(mirror.external_id, mirror.rail_version, mirror.rail_updated_at).where(
            mirror.business_id == delivery.business_id,
            mirror.rail == spec.rail.value,
            mirror.external_id.in_([one.external_id for one in unreadable]),
        )
    )
    return {external_id: quarantine.order_of(version, updated_at) for external_id, version, updated_at in rows}


async def _driver_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """Psycopg's own connection, inside the session's transaction: pages skip SQLAlchemy's per-parameter work."""
    connection = await session.connection()
    driver: AsyncConnection[Any] = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]  # the dialect is psycopg's
    return driver


def _newest_of_each(records: Iterable[RailRecord]) -> dict[str, _Candidate]:
    """One candidate an object: a page may hold an object twice, and a statement may touch a row once."""
    newest: dict[str, RailRecord] = {}
    for record in records:
        held = newest.get(record.external_id)
        if held is None or _order(record) >= _order(held):
            newest[record.external_id] = record
    return {external_id: _candidate(record) for external_id, record in newest.items()}


def _order(record: RailRecord) -> tuple[int, float]:
    return (-1 if record.version is None else record.version, record.updated_at.timestamp())


def _candidate(record: RailRecord) -> _Candidate:
    canonical = exact_json.dumps(record.payload)
    return _Candidate(record, CanonicalJSON(canonical), blake2b(canonical, digest_size=16).digest())


async def _held(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    candidates: Sequence[_Candidate],
) -> dict[str, _Held]:
    parameters = {
        "business_id": delivery.business_id,
        "rail": spec.rail.value,
        "external_id": [candidate.record.external_id for candidate in candidates],
        "payload_hash": [candidate.digest for candidate in candidates],
    }
    cursor = await connection.execute(statements.held, parameters, binary=True, prepare=False)
    external_ids, *columns = await cursor.fetchone() or [None]
    return dict(zip(external_ids, map(_Held._make, zip(*columns, strict=True)), strict=True)) if external_ids else {}


async def _insert(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    page: Sequence[_Filled],
) -> Counter[str]:
    parameters = _page(spec, statements, delivery=delivery, page=page)
    parameters["id"] = [new_id() for _ in page]
    parameters["changes"] = [_NO_CHANGES] * len(page)
    return await _written(connection, statements.insert, parameters)


async def _update(
    connection: AsyncConnection[Any],
    statements: StoreStatements,
    *,
    spec: AnySpec,
    delivery: Delivery,
    page: Sequence[_Filled],
    held: Mapping[str, _Held],
) -> Counter[str]:
    parameters = _page(spec, statements, delivery=delivery, page=page)
    parameters["id"] = [held[one.candidate.record.external_id].id for one in page]
    parameters["changes"] = [_changes(held[one.candidate.record.external_id], one.candidate) for one in page]
    return await _written(connection, statements.update, parameters)


async def _written(connection: AsyncConnection[Any], statement: str, parameters: dict[str, Any]) -> Counter[str]:
    """How many log rows of each kind the statement wrote."""
    cursor = await connection.execute(statement, parameters, prepare=False)
    return Counter(dict(await cursor.fetchall()))


def _page(spec: AnySpec, statements: StoreStatements, *, delivery: Delivery, page: Sequence[_Filled]) -> dict[str, Any]:
    """The page as one array a column."""
    candidates, rows = [one.candidate for one in page], [one.columns for one in page]
    own = {f"own_{column}": [row.get(column) for row in rows] for column in statements.own_columns}
    for column in statements.amounts:
        own[f"own_{column}"] = [None if amount is None else str(amount) for amount in own[f"own_{column}"]]
    return {
        **_constants(spec, delivery),
        **own,
        "external_id": [c.record.external_id for c in candidates],
        "payload": [c.canonical for c in candidates],
        "payload_hash": [c.digest for c in candidates],
        "rail_version": [c.record.version for c in candidates],
        "rail_updated_at": [c.record.updated_at for c in candidates],
    }


def _changes(held: _Held, candidate: _Candidate) -> CanonicalJSON:
    """The log's `changes`: top-level field to [before, after], null where there was or is none. Empty for a deleted object that returns as it was."""
    if held.payload is None:
        return _NO_CHANGES
    before, changes = exact_json.fields_of(held.payload), {}
    for field, after in exact_json.fields_of(candidate.canonical).items():
        was = before.pop(field, exact_json.NULL)
        if was != after and not exact_json.is_same(was, after):
            changes[field] = (was, after)
    changes |= {field: (was, exact_json.NULL) for field, was in before.items() if was != exact_json.NULL}
    return CanonicalJSON(exact_json.dumps(changes))


def _filled(spec: AnySpec, record: RailRecord) -> dict[str, Any]:
    row = _Row()
    spec.fill(row, spec.read(record.payload, external_id=record.external_id))
    return vars(row)


async def _delete(
    connection: AsyncConnection[Any], statements: StoreStatements, *, spec: AnySpec, delivery: Delivery
) -> Counter[str]:
    newest = {
        deletion.external_id: deletion.updated_at for deletion in sorted(delivery.deletions, key=lambda d: d.updated_at)
    }
    parameters = {
        **_constants(spec, delivery),
        "external_id": list(newest),
        "rail_updated_at": list(newest.values()),
    }
    return await _written(connection, statements.delete, parameters)


def _constants(spec: AnySpec, delivery: Delivery) -> dict[str, Any]:
    return {
        "business_id": delivery.business_id,
        "rail": spec.rail.value,
        "synced_at": delivery.fetched_at,
        "source": delivery.source.value,
        "actor": delivery.actor,
        "request_id": delivery.request_id,
        "are_proved": delivery.are_proved,
    }


def _outcome(written: Counter[str], *, seen: int, differing: int, deletions: int) -> StoreOutcome:
    return StoreOutcome(
        created=written[TransactionType.CREATED],
        updated=written[TransactionType.UPDATED],
        deleted=written[TransactionType.DELETED],
        restored=written[TransactionType.RESTORED],
        unchanged=seen - differing,
        ignored=differing + deletions - written.total(),
    )
