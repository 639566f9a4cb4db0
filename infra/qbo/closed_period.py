"""A change inside a closed period: what, by how much, when. By whom QBO does not tell; the log says which of our calls saw it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from infra.config import Rail
from infra.qbo.causes import POSTING, explain, is_in_closed_period
from infra.qbo.comparing import books_closed_on
from infra.qbo.controls import TRANSACTIONS
from infra.qbo.reading import QBOPull
from infra.sync import drift
from infra.sync.drift import Drift, DriftCause, DriftItem, DriftKind
from infra.sync.reconciliation import Difference
from infra.sync.runs import RunKind, RunState, SyncRun
from infra.sync.shapes import LogRow, TransactionType
from infra.sync.spec import Payload

# A run that was under way at the last look may have written after it.
_LOOK_BACK = timedelta(hours=6)


async def tell_changes_in_closed_period(pull: QBOPull) -> list[DriftItem]:
    """Write an item for each change since the last look that falls into the closed books. The mirror is in step: they are not open."""
    closed_on, since = await books_closed_on(pull), await _last_look(pull)
    if closed_on is None or since is None:
        return []
    told = await _told_since(pull, since)
    items = []
    for entity in TRANSACTIONS:
        found = [
            one
            async for one in _changes(pull, entity, since=since, closed_on=closed_on)
            if (entity, one.external_id, one.details["log_version"]) not in told
        ]
        async with pull.uow([pull.business_id]) as uow:
            for one in found:
                now = pull.clock.now()
                (item,) = await drift.record(
                    uow.session, pull.business_id, rail=Rail.QBO, run_id=pull.run_id, found=[one], now=now
                )
                await drift.close(uow.session, pull.business_id, ids=[item.id], request_id=str(pull.run_id), now=now)
                items.append(item)
    return items


async def _last_look(pull: QBOPull) -> datetime | None:
    """When the last reconciliation that ended well began; None before the first, which has nothing to compare with."""
    query = (
        select(SyncRun.started_at)
        .where(
            SyncRun.business_id == pull.business_id,
            SyncRun.rail == Rail.QBO.value,
            SyncRun.kind == RunKind.RECONCILIATION.value,
            SyncRun.state == RunState.DONE.value,
        )
        .order_by(SyncRun.started_at.desc())
        .limit(1)
    )
    async with pull.uow([pull.business_id]) as uow:
        looked_at: datetime | None = await uow.session.scalar(query)
    return looked_at


async def _told_since(pull: QBOPull, since: datetime) -> set[tuple[str, str | None, int]]:
    query = select(DriftItem).where(
        DriftItem.business_id == pull.business_id,
        DriftItem.kind == DriftKind.CLOSED_PERIOD.value,
        DriftItem.found_at >= since - _LOOK_BACK,
    )
    async with pull.uow([pull.business_id]) as uow:
        rows = (await uow.session.scalars(query)).all()
    return {(row.entity, row.external_id, row.details.get("log_version", 0)) for row in rows}


async def _changes(pull: QBOPull, entity: str, *, since: datetime, closed_on: date) -> Any:
    spec = pull.specs[entity]
    mirror, journal = spec.mirror, spec.log
    runs_since = select(SyncRun.id).where(
        SyncRun.business_id == pull.business_id,
        SyncRun.started_at >= since - _LOOK_BACK,
        SyncRun.kind != RunKind.BACKFILL.value,
    )
    async with pull.uow([pull.business_id]) as uow:
        ids = [str(run_id) for run_id in await uow.session.scalars(runs_since)]
        rows = await uow.session.execute(
            select(journal, mirror.external_id)
            .join(mirror, (mirror.business_id == journal.business_id) & (mirror.id == journal.entity_id))
            .where(
                mirror.business_id == pull.business_id,
                mirror.synced_at >= func.least(since, func.clock_timestamp()) - _LOOK_BACK,  # as rows are stored
                journal.request_id.in_(ids),
            )
            .order_by(journal.id)
        )
        found = [(row, external_id) for row, external_id in rows]
    for row, external_id in found:
        for change in _told(entity, external_id, row, closed_on):
            yield change


def _told(entity: str, external_id: str, row: LogRow, closed_on: date) -> Iterator[Drift]:
    before, after = _states(row)
    if not is_in_closed_period(before, after, closed_on):
        return
    if row.transaction_type == TransactionType.UPDATED and not row.changes.keys() & set(POSTING):
        return
    difference = Difference(DriftKind.CLOSED_PERIOD, entity, external_id, before or None, after or None)
    known = explain(difference, closed_on=closed_on)
    yield Drift(
        DriftKind.CLOSED_PERIOD,
        entity,
        external_id,
        DriftCause.CLOSED_PERIOD,
        size=known.size,
        details={
            **known.details,
            "closed_on": closed_on.isoformat(),
            "change": row.transaction_type,
            "log_version": row.version,
            "seen_at": row.recorded_at.isoformat(),
            "seen_by": row.actor,
        },
    )


def _states(row: LogRow) -> tuple[Payload, Payload]:
    """The object before and after, from what the log says of the change."""
    match row.transaction_type:
        case TransactionType.CREATED | TransactionType.RESTORED:
            return {}, row.snapshot
        case TransactionType.DELETED:
            return row.snapshot, {}
        case _:
            before = row.snapshot | {field: pair[0] for field, pair in row.changes.items() if isinstance(pair, list)}
            return before, row.snapshot
