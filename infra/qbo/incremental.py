"""Bringing a mirrored company up to date: one change-data-capture call for all entities, and what to do where that is not enough."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.answers import Changes
from infra.qbo.deletions import SettledDeletions, settle_deletions
from infra.qbo.reading import OVERLAP, PullTally, QBOPull
from infra.qbo.rescan import rescan
from infra.sync import mirror_store, runs

LOOK_BACK = timedelta(days=29)  # QBO's own limit is 30 days; a day for clocks and zones

log = get_logger()


async def refresh(pull: QBOPull) -> PullTally:
    """Store what changed in every backfilled entity since it was last in step. Nothing changed: one call to QBO.

    An entity out of step for more than 29 days, or with 1,000 changes and more, is read whole again (`rescan`).

    Raises:
        QBOError: nothing of a failed step is stored, and its cursor has not moved.
    """
    tally = PullTally()
    async with pull.uow([pull.business_id]) as uow:
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
    through = {
        entity: state.synced_through
        for entity, state in states.items()
        if state.synced_through and entity in pull.specs
    }
    too_old = [entity for entity, instant in through.items() if pull.clock.now() - instant > LOOK_BACK]
    for entity in too_old:
        log.warning("qbo.refresh.out_of_step", entity=entity, since=through[entity].isoformat())
        await rescan(pull, entity, tally=tally)
    in_reach = {entity: instant for entity, instant in through.items() if entity not in too_old}
    if in_reach:
        await _capture(pull, in_reach, tally=tally)
    return tally


async def _capture(pull: QBOPull, through: Mapping[str, datetime], *, tally: PullTally) -> None:
    """CDC has a start and no end: an answer of 1,000 may have lost its older part, so each entity is then asked for alone."""
    changes = await pull.reads.changes_since(list(through), since=min(through.values()) - OVERLAP)
    if not changes.is_possibly_cut:
        await _store(pull, changes, entities=list(through), tally=tally)
        return
    tally.calls += changes.cost.calls
    if len(through) == 1:
        (entity,) = through
        log.info("qbo.refresh.too_many_changes", entity=entity, business_id=str(pull.business_id))
        await rescan(pull, entity, tally=tally)
        return
    for entity, instant in sorted(through.items()):
        await _capture(pull, {entity: instant}, tally=tally)


async def _store(pull: QBOPull, changes: Changes, *, entities: Sequence[str], tally: PullTally) -> None:
    """Rows and cursor of every entity in one transaction; suspected deletions are settled before it opens."""
    settled = {
        entity: await settle_deletions(pull, entity, suspected={d.external_id: d.deleted_at for d in deletions})
        for entity, deletions in changes.deletions.items()
        if deletions
    }
    async with pull.uow([pull.business_id]) as uow:
        for entity in sorted(entities):  # one order for all writers: mirror_store's locks last to the commit
            payloads, deletions = changes.objects.get(entity, ()), settled.get(entity, SettledDeletions())
            if payloads:
                delivery = pull.delivery(entity, payloads, fetched_at=changes.asked_at)
                outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
                tally.add(0, delivery=delivery, outcome=outcome)
            if deletions.asked_at:
                delivery = pull.delivery(
                    entity, deletions.returned, fetched_at=deletions.asked_at, deletions=deletions.deletions
                )
                outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
                tally.add(deletions.calls, delivery=delivery, outcome=outcome)
        await runs.change_states(
            uow.session, pull.business_id, rail=Rail.QBO, entities=list(entities), values=_in_step(changes)
        )
    tally.calls += changes.cost.calls


def _in_step(changes: Changes) -> dict[str, object]:
    return {
        "synced_through": changes.answered_at,
        "last_synced_at": changes.asked_at,
        "dirty_since": runs.notice_after(changes.asked_at),
        "last_error": None,
    }
