"""Reading one entity whole and finding what was deleted: where change data capture cannot be believed to be complete, and to compare.

QBO's CDC looks back 30 days and stops at 1,000 objects. A sweep for deletions has to read every id anyway, a thousand a call, so
reading the objects whole costs no further call and mends everything else besides.
"""

from contextlib import aclosing
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.deletions import (
    SettledDeletions,
    ask_second_look,
    doubt,
    end_doubt,
    may_believe_many,
    restore_met,
    settle_deletions,
)
from infra.qbo.keyset import KeysetCursor, KeysetPage, keyset_pages
from infra.qbo.reading import PullTally, QBOPull
from infra.sync import mirror_store, runs, scans
from infra.sync.mirror_store import StoreOutcome
from infra.sync.runs import SyncState
from infra.sync.scans import EntityScan, ScanPurpose
from infra.sync.spec import AnySpec, Delivery

log = get_logger()


class Examiner(Protocol):
    """Who looks at a delivery before it is stored, and afterwards at what became of it, in the same transaction."""

    async def look(self, session: AsyncSession, spec: AnySpec, delivery: Delivery) -> int:
        """The number of differences found."""

    async def settle(self, session: AsyncSession, spec: AnySpec) -> None: ...


class Nobody:
    """A rescan of what is known to be out of step looks for no differences: it is all of them."""

    async def look(self, session: AsyncSession, spec: AnySpec, delivery: Delivery) -> int:  # noqa: ARG002
        return 0

    async def settle(self, session: AsyncSession, spec: AnySpec) -> None: ...


async def rescan(pull: QBOPull, entity: str, *, tally: PullTally) -> None:
    """Store every object that QBO has, then mark deleted what it no longer has. Killed at any point, the next call goes on there."""
    scan = await begin(pull, entity, purpose=ScanPurpose.RESCAN)
    await walk(pull, scan, tally=tally)
    await sweep(pull, entity, purpose=ScanPurpose.RESCAN, tally=tally)
    log.info("qbo.rescan.done", entity=entity, business_id=str(pull.business_id))


async def begin(pull: QBOPull, entity: str, *, purpose: ScanPurpose) -> EntityScan:
    async with pull.uow([pull.business_id]) as uow:
        return await scans.resume(
            uow.session, pull.specs[entity], pull.business_id, purpose=purpose, now=pull.clock.now()
        )


async def walk(
    pull: QBOPull,
    scan: EntityScan,
    *,
    tally: PullTally,
    examiner: Examiner | None = None,
    most_pages: int | None = None,
) -> bool:
    """Store the pages that the scan has not seen, `most_pages` of them at most; True when it has seen all."""
    if scan.walked_at is not None:
        return True
    cursor = KeysetCursor.from_json(scan.cursor) if scan.cursor else KeysetCursor()
    read = 0
    async with aclosing(keyset_pages(pull.reads.query, entity=scan.entity, cursor=cursor)) as pages:
        async for page in pages:
            await _store_page(pull, scan, page=page, tally=tally, examiner=examiner or Nobody())
            read += 1
            if page.next_cursor is not None and most_pages is not None and read >= most_pages:
                return False
    return True


async def _store_page(
    pull: QBOPull, scan: EntityScan, *, page: KeysetPage, tally: PullTally, examiner: Examiner
) -> None:
    """Rows and cursor in one transaction: whatever kills us, they agree."""
    entity, answer, spec = scan.entity, page.answer, pull.specs[scan.entity]
    delivery = pull.delivery(entity, page.objects, fetched_at=answer.asked_at)
    scan.through = scan.through or answer.answered_at
    values: dict[str, Any] = {
        "cursor": page.next_cursor.to_json() if page.next_cursor else None,
        "through": scan.through,
        "walked_at": None if page.next_cursor else pull.clock.now(),
    }
    met = [record.external_id for record in delivery.records] + [one.external_id for one in delivery.unreadable]
    async with pull.uow([pull.business_id]) as uow:
        differing = await examiner.look(uow.session, spec, delivery)
        outcome = await mirror_store.store(uow.session, spec, delivery)
        await examiner.settle(uow.session, spec)
        await scans.note_page(uow.session, scan, external_ids=met, differing=differing, values=values)
    tally.add(answer.cost.calls, entity=entity, delivery=delivery, outcome=outcome)
    if await restore_met(pull, entity, delivery=delivery, outcome=outcome, tally=tally):
        async with pull.uow([pull.business_id]) as uow:
            await examiner.settle(uow.session, spec)


async def sweep(
    pull: QBOPull,
    entity: str,
    *,
    purpose: ScanPurpose,
    tally: PullTally,
    examiner: Examiner | None = None,
) -> StoreOutcome:
    """End a scan that has seen all: what the mirror showed before it, and it did not meet, is suspected and asked for by its id."""
    spec, examiner = pull.specs[entity], examiner or Nobody()
    async with pull.uow([pull.business_id]) as uow:
        scan = await scans.resume(uow.session, spec, pull.business_id, purpose=purpose, now=pull.clock.now())
        unmet = await scans.list_unmet(uow.session, spec, scan)
    is_agreed = await may_believe_many(pull, entity)
    settled = await settle_deletions(pull, entity, suspected=dict.fromkeys(unmet), is_agreed=is_agreed)
    delivery = pull.delivery(
        entity,
        settled.returned,
        fetched_at=settled.asked_at or scan.started_at,
        deletions=settled.deletions,
        are_proved=True,
    )
    async with pull.uow([pull.business_id]) as uow:
        differing = await examiner.look(uow.session, spec, delivery)
        outcome = await mirror_store.store(uow.session, spec, delivery)
        await examiner.settle(uow.session, spec)
        await _end(uow.session, pull, scan=scan, settled=settled, differing=differing)
    if settled.implausible and not is_agreed:
        await ask_second_look(pull, entity)
    tally.add(settled.calls, entity=entity, delivery=delivery, outcome=outcome)
    return outcome


async def _end(
    session: AsyncSession, pull: QBOPull, *, scan: EntityScan, settled: SettledDeletions, differing: int
) -> None:
    if settled.implausible:
        await doubt(session, pull, scan.entity, settled)
    else:
        await end_doubt(session, pull, scan.entity)
    await scans.finish(session, scan, now=pull.clock.now(), differing=differing)
    values: dict[str, datetime | object] = {"last_full_at": scan.started_at}
    if scan.purpose == ScanPurpose.RESCAN.value:
        # Refreshes that were made meanwhile, of what is read again by name, brought it further. A clock that was wrong is theirs to mend.
        values |= {
            "synced_through": func.greatest(SyncState.synced_through, scan.through),
            "last_synced_at": func.greatest(SyncState.last_synced_at, scan.started_at),
            "dirty_since": runs.notice_after(scan.started_at),
            "last_error": None,
            "rescan_reason": None,
        }
    await runs.change_states(session, pull.business_id, rail=Rail.QBO, entities=[scan.entity], values=values)
