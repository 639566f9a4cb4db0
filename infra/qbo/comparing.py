"""Looking at every object: all at once on demand, some pages a night for the rest. Cut off at any point, the next call goes on there."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo import incremental
from infra.qbo.causes import explain, is_inactivation, repointed
from infra.qbo.reading import OVERLAP, PullTally, QBOPull
from infra.qbo.rescan import begin, sweep, walk
from infra.sync import mirror_store, runs, scans
from infra.sync.drift import Drift, DriftCause, DriftItem
from infra.sync.reconciliation import Comparison, Difference
from infra.sync.scans import EntityScan, ScanPurpose
from infra.sync.spec import Delivery

log = get_logger()


async def comparison_of(pull: QBOPull, *, news_from: Mapping[str, datetime] | None = None) -> Comparison:
    """A comparison that knows when the books were closed and, unless told, how far each entity is in step."""
    closed_on = await books_closed_on(pull)

    def in_qbos_words(difference: Difference) -> Drift:
        return explain(difference, closed_on=closed_on)

    async with pull.uow([pull.business_id]) as uow:
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
    return Comparison(
        pull.business_id,
        rail=Rail.QBO,
        run_id=pull.run_id,
        clock=pull.clock,
        news_from=news_from
        or {entity: state.synced_through - OVERLAP for entity, state in states.items() if state.synced_through},
        explain=in_qbos_words,
    )


async def books_closed_on(pull: QBOPull) -> date | None:
    """The last day of the closed books, None when they are open."""
    mirror = pull.specs["Preferences"].mirror
    query = select(mirror.book_close_on).where(
        mirror.business_id == pull.business_id, mirror.rail == Rail.QBO.value, mirror.deleted_at.is_(None)
    )
    async with pull.uow([pull.business_id]) as uow:
        closed_on: date | None = await uow.session.scalar(query.limit(1))
    return closed_on


async def compare(
    pull: QBOPull,
    comparison: Comparison,
    *,
    tally: PullTally,
    purpose: ScanPurpose = ScanPurpose.COMPARE,
    entities: Sequence[str] | None = None,
    most_pages: int | None = None,
) -> None:
    """Read the entities whole and compare each object; what differs is stored and told.

    An unfinished comparison of the purpose is gone on with, `most_pages` of it at most; else a new one begins.
    """
    left = most_pages
    walked = []
    for scan in await _scans(pull, purpose=purpose, entities=entities):
        if left is not None and left <= 0:
            break
        before = scan.pages
        if await walk(pull, scan, tally=tally, examiner=comparison, most_pages=left):
            walked.append(scan.entity)
        if left is not None:
            left -= await _pages_of(pull, scan) - before
    if walked:
        # What was deleted while we read is no drift: change capture tells of it now.
        tally.merge(await incremental.refresh(pull))
    for entity in walked:
        await sweep(pull, entity, purpose=purpose, tally=tally, examiner=comparison)
        log.info("qbo.compare.entity_done", entity=entity, purpose=purpose, business_id=str(pull.business_id))


async def pages_of_a_round(pull: QBOPull) -> int:
    """About how many calls it takes to see every object once."""
    total = 0
    async with pull.uow([pull.business_id]) as uow:
        for state in (await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)).values():
            total += state.stored_objects // 1000 + 1
    return total


async def _scans(pull: QBOPull, *, purpose: ScanPurpose, entities: Sequence[str] | None) -> list[EntityScan]:
    """The unfinished ones, or new ones of everything that is in step."""
    async with pull.uow([pull.business_id]) as uow:
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
        begun = [
            scan.entity
            for scan in await scans.list_scans(uow.session, pull.business_id, rail=Rail.QBO)
            if scan.purpose == purpose.value and scan.finished_at is None and scan.entity in pull.specs
        ]
    ready = [
        entity
        for entity in sorted(pull.specs)
        if entity in states and states[entity].synced_through and not states[entity].rescan_reason
    ]
    wanted = list(entities) if entities is not None else begun or ready
    return [await begin(pull, entity, purpose=purpose) for entity in wanted]


async def _pages_of(pull: QBOPull, scan: EntityScan) -> int:
    query = select(EntityScan.pages).where(EntityScan.business_id == pull.business_id, EntityScan.id == scan.id)
    async with pull.uow([pull.business_id]) as uow:
        return (await uow.session.scalar(query)) or 0


async def compare_delivery(pull: QBOPull, comparison: Comparison, entity: str, delivery: Delivery) -> None:
    """Compare, store and tell what a call has brought, in one transaction."""
    spec = pull.specs[entity]
    async with pull.uow([pull.business_id]) as uow:
        await comparison.look(uow.session, spec, delivery)
        await mirror_store.store(uow.session, spec, delivery)
        await comparison.settle(uow.session, spec)


async def tell_merges(pull: QBOPull, comparison: Comparison) -> None:
    """A name that became inactive while documents left it for another was merged into that one."""
    inactivated = {
        (difference.entity, difference.external_id): item
        for difference, item in comparison.found
        if is_inactivation(difference)
    }
    async with pull.uow([pull.business_id]) as uow:
        for difference, item in comparison.found:
            for name in repointed(difference):
                if name in inactivated or await _is_inactive(uow.session, pull, name):
                    told = [item, *([inactivated[name]] if name in inactivated else [])]
                    await uow.session.execute(
                        update(DriftItem)
                        .where(DriftItem.business_id == pull.business_id, DriftItem.id.in_(told))
                        .values(cause=DriftCause.MERGE.value)
                        .execution_options(synchronize_session=False)
                    )


async def _is_inactive(session: AsyncSession, pull: QBOPull, name: tuple[str, str]) -> bool:
    entity, external_id = name
    mirror = pull.specs[entity].mirror
    active = await session.scalar(
        select(mirror.is_active).where(
            mirror.business_id == pull.business_id,
            mirror.rail == Rail.QBO.value,
            mirror.external_id == external_id,
        )
    )
    return active is False
