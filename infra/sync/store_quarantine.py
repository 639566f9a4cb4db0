"""What of a delivery stands in quarantine once the mirror has taken the rest."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.logging import get_logger
from infra.sync import quarantine
from infra.sync.shapes import MirrorRow
from infra.sync.spec import AnySpec, Delivery, RailRecord, UnreadableRecord

log = get_logger()


async def settle(
    session: AsyncSession,
    spec: AnySpec,
    *,
    delivery: Delivery,
    unreadable: Sequence[UnreadableRecord],
    records: Mapping[str, RailRecord],
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
        record = None if external_id in refused else records.get(external_id)
        return record and quarantine.order_of(record.version, record.updated_at)

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
