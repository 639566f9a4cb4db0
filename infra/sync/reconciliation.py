"""Comparing what a rail has with what the mirror shows, object by object. What differs is repaired through the ordinary path and told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.clock import Clock
from infra.config import Rail
from infra.sync import drift, quarantine
from infra.sync.drift import Drift, DriftKind
from infra.sync.shapes import MirrorRow
from infra.sync.spec import AnySpec, Delivery, Payload, RailRecord


@dataclass(frozen=True)
class Difference:
    """One object that is not the same on both sides. `before` is the mirror's, `after` the rail's; None where it has none."""

    kind: DriftKind
    entity: str
    external_id: str
    before: Payload | None
    after: Payload | None


# What a rail makes of a difference: cause and size, in its own words.
Explain = Callable[[Difference], Drift]


@dataclass(frozen=True)
class _Held:
    digest: bytes
    is_deleted: bool
    version: int | None
    updated_at: datetime


@dataclass
class _Pending:
    difference: Difference
    digest: bytes | None
    item_id: UUID | None = None


class Comparison:
    """One run's comparison: `look` before a delivery is stored, `settle` once it is, both in its transaction.

    Args:
        news_from: by entity, the instant from which changes have not been asked for yet: those are no drift.
        explain: the rail's own judgement.
    """

    def __init__(
        self,
        business_id: UUID,
        *,
        rail: Rail,
        run_id: UUID,
        clock: Clock,
        news_from: Mapping[str, datetime],
        explain: Explain,
    ) -> None:
        self._business_id = business_id
        self._rail = rail
        self._run_id = run_id
        self._clock = clock
        self._news_from = news_from
        self._explain = explain
        self._pending: dict[str, list[_Pending]] = {}
        self.found: list[tuple[Difference, UUID]] = []
        self.repaired = 0

    async def look(self, session: AsyncSession, spec: AnySpec, delivery: Delivery) -> int:
        """Find what differs; how many."""
        ids = [record.external_id for record in delivery.records]
        ids += [deletion.external_id for deletion in delivery.deletions]
        held = await self._held(session, spec, ids)
        found = [
            one for record in delivery.records if (one := self._differs(spec, record, held.get(record.external_id)))
        ]
        found += [
            _Pending(Difference(DriftKind.NOT_DELETED, spec.entity, deletion.external_id, None, None), None)
            for deletion in delivery.deletions
            if deletion.external_id in held and not held[deletion.external_id].is_deleted
        ]
        if found:
            payloads = await self._payloads(session, spec, [one.difference.external_id for one in found])
            for one in found:
                before = payloads.get(one.difference.external_id)
                one.difference = Difference(
                    one.difference.kind, spec.entity, one.difference.external_id, before, one.difference.after
                )
            self._pending.setdefault(spec.entity, []).extend(found)
        return len(found)

    def _differs(self, spec: AnySpec, record: RailRecord, held: _Held | None) -> _Pending | None:
        news_from = self._news_from.get(spec.entity)
        if news_from is None or record.updated_at >= news_from:
            return None
        digest = blake2b(exact_json.dumps(record.payload), digest_size=16).digest()
        if held is None:
            kind = DriftKind.MISSING
        elif held.is_deleted:
            kind = DriftKind.WRONGLY_DELETED
        elif held.digest != digest:
            kind = DriftKind.DIFFERENT
        else:
            return None
        return _Pending(Difference(kind, spec.entity, record.external_id, None, record.payload), digest)

    async def settle(self, session: AsyncSession, spec: AnySpec) -> None:
        """Write an item for each difference, repaired where the mirror now shows what the rail has. Call it again to look again.

        What stands in quarantine is told there.
        """
        pending = self._pending.get(spec.entity, [])
        if not pending:
            return
        now = self._clock.now()
        apart = await quarantine.list_open(session, self._business_id, rail=self._rail, entity=spec.entity)
        known = {one.external_id for one in apart}
        pending = [one for one in pending if one.difference.external_id not in known]
        held = await self._held(session, spec, [one.difference.external_id for one in pending])
        new = [one for one in pending if one.item_id is None]
        items = await drift.record(
            session,
            self._business_id,
            rail=self._rail,
            run_id=self._run_id,
            found=[self._explain(one.difference) for one in new],
            now=now,
        )
        for one, item in zip(new, items, strict=True):
            one.item_id = item.id
            self.found.append((one.difference, item.id))
        done = [one for one in pending if _is_repaired(one, held.get(one.difference.external_id))]
        await drift.close(
            session,
            self._business_id,
            ids=[one.item_id for one in done if one.item_id],
            request_id=str(self._run_id),
            now=now,
        )
        self.repaired += len(done)
        self._pending[spec.entity] = [one for one in pending if one not in done]

    async def _held(self, session: AsyncSession, spec: AnySpec, external_ids: Sequence[str]) -> dict[str, _Held]:
        mirror: type[MirrorRow] = spec.mirror
        rows = await session.execute(
            select(
                mirror.external_id,
                mirror.payload_hash,
                mirror.deleted_at,
                mirror.rail_version,
                mirror.rail_updated_at,
            ).where(*self._rows(mirror, external_ids))
        )
        return {
            external_id: _Held(bytes(digest), deleted_at is not None, version, updated_at)
            for external_id, digest, deleted_at, version, updated_at in rows
        }

    async def _payloads(self, session: AsyncSession, spec: AnySpec, external_ids: Sequence[str]) -> dict[str, Payload]:
        mirror: type[MirrorRow] = spec.mirror
        rows = await session.execute(
            select(mirror.external_id, mirror.payload).where(*self._rows(mirror, external_ids))
        )
        return {row.external_id: row.payload for row in rows}

    def _rows(self, mirror: type[MirrorRow], external_ids: Sequence[str]) -> tuple[Any, ...]:
        return (
            mirror.business_id == self._business_id,
            mirror.rail == self._rail.value,
            mirror.external_id.in_(external_ids),
        )


def _is_repaired(one: _Pending, held: _Held | None) -> bool:
    if one.digest is None:
        return held is not None and held.is_deleted
    return held is not None and not held.is_deleted and held.digest == one.digest
