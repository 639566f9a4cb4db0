"""A deletion is believed when QBO, asked for the id, says that there is none (610).

Change data capture also reports objects that are back, a query that answers nothing may be a bad hour of QBO's, and an entity of
which a fifth is gone at once more likely is one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.answers import ObjectAnswer, Payload
from infra.qbo.asked_jobs import RESCAN
from infra.qbo.errors import QBONotFound
from infra.qbo.reading import PullTally, QBOPull
from infra.qbo.statements import NAME_LISTS
from infra.sync import drift, mirror_store
from infra.sync.drift import Drift, DriftCause, DriftKind
from infra.sync.mirror_store import StoreOutcome
from infra.sync.shapes import MirrorRow
from infra.sync.spec import Delivery, RailDeletion

FEW = 5  # asked for by their ids at once; of more a query tells first which are there
PLAUSIBLE_SHARE, PLAUSIBLE_COUNT = 0.2, 10
SECOND_LOOK_AFTER = timedelta(minutes=5)
_SECOND_LOOK_PAUSE = timedelta(minutes=6)
_AT_ONCE = 4
_MOST_RESTORED = 50
_MOST_NAMED = 100

log = get_logger()


@dataclass(frozen=True)
class SettledDeletions:
    """`deletions` are proved; `returned` are objects that were reported or missed but are there.

    `implausible` are ids that were not asked for one by one, since so many at once are not believed.
    """

    deletions: Sequence[RailDeletion] = ()
    returned: Sequence[Payload] = ()
    implausible: Sequence[str] = ()
    live_count: int = 0
    asked_at: datetime | None = None
    calls: int = 0


async def settle_deletions(
    pull: QBOPull, entity: str, *, suspected: Mapping[str, datetime | None], is_agreed: bool = False
) -> SettledDeletions:
    """Ask QBO for the suspected ids that our mirror still shows; no call when it shows none of them.

    An id suspected without an instant (a sweep missed it) counts as deleted when QBO answered. `is_agreed`: an earlier look or a
    person has said that however many there are, they are gone.
    """
    held = await live_since(pull, entity, among=list(suspected))
    if not held:
        return SettledDeletions()
    asked_at = answered_at = pull.clock.now()
    left, returned, calls = set(held), list[Payload](), 0
    if len(held) > FEW or entity in NAME_LISTS or None in (suspected[external_id] for external_id in held):
        answer = await pull.reads.read_many(entity, sorted(held))
        asked_at, answered_at, calls = answer.asked_at, answer.answered_at, answer.cost.calls
        returned += answer.objects
        left -= {payload.get("Id") for payload in answer.objects}
    live_count = await count_live(pull, entity) if len(left) > PLAUSIBLE_COUNT else 0
    if len(left) > PLAUSIBLE_COUNT and len(left) > PLAUSIBLE_SHARE * live_count and not is_agreed:
        return SettledDeletions(
            returned=returned, implausible=sorted(left), live_count=live_count, asked_at=asked_at, calls=calls
        )
    found = await _read_each(pull, entity, sorted(left))
    returned += [answer.payload for answer in found.values() if answer is not None]
    deletions = [
        RailDeletion(external_id, updated_at=max(suspected[external_id] or answered_at, held[external_id]))
        for external_id, answer in found.items()
        if answer is None
    ]
    return SettledDeletions(deletions, returned, asked_at=asked_at, calls=calls + len(found))


async def _read_each(pull: QBOPull, entity: str, external_ids: Sequence[str]) -> dict[str, ObjectAnswer | None]:
    """Each object by its id; None where QBO says that there is none."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(external_id: str) -> ObjectAnswer | None:
        async with gate:
            try:
                return await pull.reads.read(entity, external_id)
            except QBONotFound:
                return None

    answers = await asyncio.gather(*map(one, external_ids))
    return dict(zip(external_ids, answers, strict=True))


async def live_since(pull: QBOPull, entity: str, *, among: Sequence[str]) -> dict[str, datetime]:
    """Those of the ids that the mirror shows as there, with the time of their last change."""
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    query = select(mirror.external_id, mirror.rail_updated_at).where(
        mirror.business_id == pull.business_id,
        mirror.rail == Rail.QBO.value,
        mirror.deleted_at.is_(None),
        mirror.external_id.in_(among),
    )
    async with pull.uow([pull.business_id]) as uow:
        rows = await uow.session.execute(query)
    return {row.external_id: row.rail_updated_at for row in rows}


async def count_live(pull: QBOPull, entity: str) -> int:
    """How many objects the mirror shows."""
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    query = (
        select(func.count())
        .select_from(mirror)
        .where(mirror.business_id == pull.business_id, mirror.rail == Rail.QBO.value, mirror.deleted_at.is_(None))
    )
    async with pull.uow([pull.business_id]) as uow:
        return (await uow.session.execute(query)).scalar_one()


async def doubt(session: AsyncSession, pull: QBOPull, entity: str, settled: SettledDeletions) -> None:
    """Say that so many deletions are not believed, and ask for a second look some minutes later. In the run's own transaction."""
    found = Drift(
        DriftKind.IMPLAUSIBLE_DELETIONS,
        entity,
        None,
        DriftCause.UNKNOWN,
        details={
            "suspected": len(settled.implausible),
            "shown": settled.live_count,
            "external_ids": list(settled.implausible[:_MOST_NAMED]),
        },
    )
    await drift.record(
        session, pull.business_id, rail=Rail.QBO, run_id=pull.run_id, found=[found], now=pull.clock.now()
    )
    log.error(
        "qbo.deletions.not_believed",
        entity=entity,
        suspected=len(settled.implausible),
        shown=settled.live_count,
        business_id=str(pull.business_id),
    )


async def ask_second_look(pull: QBOPull, entity: str) -> None:
    async with pull.uow([pull.business_id]) as uow:
        uow.enqueue(RESCAN, str(pull.business_id), entity, queue="bulk", after=_SECOND_LOOK_PAUSE)


async def may_believe_many(pull: QBOPull, entity: str) -> bool:
    """True when the same doubt was raised some minutes ago, or a person has confirmed it."""
    async with pull.uow([pull.business_id]) as uow:
        item = await drift.find_open(
            uow.session, pull.business_id, rail=Rail.QBO, kind=DriftKind.IMPLAUSIBLE_DELETIONS, entity=entity
        )
    if item is None:
        return False
    return "confirmed_by" in item.details or pull.clock.now() - item.found_at >= SECOND_LOOK_AFTER


async def end_doubt(session: AsyncSession, pull: QBOPull, entity: str) -> None:
    """A full look has settled it: they are deleted now, or there after all."""
    item = await drift.find_open(
        session, pull.business_id, rail=Rail.QBO, kind=DriftKind.IMPLAUSIBLE_DELETIONS, entity=entity
    )
    if item is not None:
        await drift.close(
            session,
            pull.business_id,
            ids=[item.id],
            request_id=str(pull.run_id),
            now=pull.clock.now(),
        )


async def restore_met(
    pull: QBOPull, entity: str, *, delivery: Delivery, outcome: StoreOutcome, tally: PullTally
) -> list[str]:
    """Bring back what the mirror holds for deleted and QBO has just shown, once a read by its id agrees. Their ids.

    The mirror ignores such a delivery by itself: it may be one from before the deletion.
    """
    if not outcome.ignored:
        return []
    mirror: type[MirrorRow] = pull.specs[entity].mirror
    query = select(mirror.external_id).where(
        mirror.business_id == pull.business_id,
        mirror.rail == Rail.QBO.value,
        mirror.deleted_at.is_not(None),
        mirror.external_id.in_([record.external_id for record in delivery.records]),
    )
    async with pull.uow([pull.business_id]) as uow:
        met = sorted(await uow.session.scalars(query))[:_MOST_RESTORED]
    found = {key: answer for key, answer in (await _read_each(pull, entity, met)).items() if answer is not None}
    tally.calls += len(met)
    if not found:
        return []
    asked_at = min(answer.asked_at for answer in found.values())
    proved = pull.delivery(entity, [answer.payload for answer in found.values()], fetched_at=asked_at, are_proved=True)
    async with pull.uow([pull.business_id]) as uow:
        restored = await mirror_store.store(uow.session, pull.specs[entity], proved)
    tally.add(0, entity=entity, delivery=proved, outcome=restored)
    return list(found)
