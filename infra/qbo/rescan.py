"""Reading one entity whole again and finding what was deleted: where change data capture cannot be believed to be complete.

QBO's CDC looks back 30 days and stops at 1,000 objects. A sweep for deletions has to read every id anyway, a thousand a call, so
reading the objects whole costs no further call and mends everything else besides.
"""

from datetime import datetime

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.deletions import live_ids, settle_deletions
from infra.qbo.keyset import KeysetCursor, keyset_pages
from infra.qbo.reading import PullTally, QBOPull
from infra.sync import mirror_store, runs

log = get_logger()


async def rescan(pull: QBOPull, entity: str, *, tally: PullTally) -> None:
    """Store every object that QBO has, then mark deleted what it no longer has.

    What is in the mirror before the reading starts and is met nowhere in it is suspected; each is asked for by its id.
    """
    held_before = await live_ids(pull, entity)
    started_at = pull.clock.now()
    through: datetime | None = None
    async for page in keyset_pages(pull.reads.query, entity=entity, cursor=KeysetCursor()):
        through = through or page.answer.answered_at
        delivery = pull.delivery(entity, page.objects, fetched_at=page.answer.asked_at)
        async with pull.uow([pull.business_id]) as uow:
            outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
        held_before.difference_update(record.external_id for record in delivery.records)
        tally.add(page.answer.cost.calls, delivery=delivery, outcome=outcome)
    settled = await settle_deletions(pull, entity, suspected=dict.fromkeys(held_before))
    delivery = pull.delivery(
        entity, settled.returned, fetched_at=settled.asked_at or started_at, deletions=settled.deletions
    )
    values = {
        "synced_through": through,
        "last_synced_at": started_at,
        "last_full_at": started_at,
        "dirty_since": runs.notice_after(started_at),
        "last_error": None,
    }
    async with pull.uow([pull.business_id]) as uow:
        outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
        await runs.change_states(uow.session, pull.business_id, rail=Rail.QBO, entities=[entity], values=values)
    tally.add(settled.calls, delivery=delivery, outcome=outcome)
    log.info("qbo.rescan.done", entity=entity, deleted=outcome.deleted, business_id=str(pull.business_id))
