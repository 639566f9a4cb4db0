"""The first reading of a whole company: entities side by side, each resumable after its last stored page."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.keyset import KeysetCursor, KeysetPage, keyset_pages
from infra.qbo.page_ahead import one_ahead
from infra.qbo.reading import PullTally, QBOPull
from infra.sync import mirror_store, runs
from infra.sync.runs import SyncState

ENTITIES_AT_ONCE = 4  # of the 8 calls in flight that a realm allows; the rest is the users'

log = get_logger()


async def backfill(pull: QBOPull, *, entities: Sequence[str]) -> PullTally:
    """Read every object of `entities` that is not read yet, in pages of 1,000, and store each page with its cursor.

    Killed at any point, the next call goes on behind the last stored page. An entity read to its end is left alone:
    what changed since its first page comes with the incremental refresh, which starts from there.

    Raises:
        QBOError: the first failure; what is stored stays stored.
    """
    async with pull.uow([pull.business_id]) as uow:
        await runs.ensure_states(uow.session, pull.business_id, rail=Rail.QBO, entities=list(entities))
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
    unread = [states[entity] for entity in entities if states[entity].synced_through is None]
    tally = PullTally()
    gate = asyncio.Semaphore(ENTITIES_AT_ONCE)
    try:
        async with asyncio.TaskGroup() as group:
            for state in unread:
                group.create_task(_read_entity(pull, state, tally=tally, gate=gate))
    except ExceptionGroup as failures:
        raise _first(failures) from failures
    return tally


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    error = failures.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


async def _read_entity(pull: QBOPull, state: SyncState, *, tally: PullTally, gate: asyncio.Semaphore) -> None:
    cursor = KeysetCursor.from_json(state.backfill_cursor) if state.backfill_cursor else KeysetCursor()
    pages = keyset_pages(pull.reads.query, entity=state.entity, cursor=cursor)
    # Closed here and now: a page on its way for a run that has failed would be a call spent for nothing.
    async with gate, aclosing(one_ahead(pages)) as ahead:
        async for page in ahead:
            await _store_page(pull, state, page=page, tally=tally)
    log.info("qbo.backfill.entity_done", entity=state.entity, business_id=str(pull.business_id))


async def _store_page(pull: QBOPull, state: SyncState, *, page: KeysetPage, tally: PullTally) -> None:
    """Rows, cursor and progress in one transaction: whatever kills us, they agree."""
    entity, answer = state.entity, page.answer
    # Changes after the first page's call began are the incremental's to bring, by QBO's own clock.
    state.backfill_started_at = state.backfill_started_at or answer.answered_at
    values: dict[str, Any] = {
        "backfill_started_at": state.backfill_started_at,
        "backfill_cursor": page.next_cursor.to_json() if page.next_cursor else None,
        "last_error": None,
    }
    if page.next_cursor is None:
        values |= {"synced_through": state.backfill_started_at, "last_full_at": answer.asked_at}
    async with pull.uow([pull.business_id]) as uow:
        delivery = pull.delivery(entity, page.objects, fetched_at=answer.asked_at)
        outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
        values["stored_objects"] = SyncState.stored_objects + outcome.created
        await runs.change_states(uow.session, pull.business_id, rail=Rail.QBO, entities=[entity], values=values)
        tally.add(answer.cost.calls, entity=entity, delivery=delivery, outcome=outcome)
        await runs.change_run(
            uow.session,
            pull.business_id,
            run_id=pull.run_id,
            values={"calls": tally.calls, "seen": tally.seen, "changed": tally.changed},
        )
