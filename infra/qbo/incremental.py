"""Bringing a mirrored company up to date: one change-data-capture call for all entities, and what to do where that is not enough."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update

from infra.config import Rail
from infra.logging import get_logger
from infra.qbo.answers import Changes
from infra.qbo.asked_jobs import BACKFILL, RESCAN
from infra.qbo.deletions import SettledDeletions, ask_second_look, doubt, restore_met, settle_deletions
from infra.qbo.deposit_links import FollowUp, read_deposited
from infra.qbo.reading import OVERLAP, PullTally, QBOPull
from infra.qbo.rescan import rescan
from infra.qbo.second_reading import read_quarantined
from infra.sync import mirror_store, runs
from infra.sync.mirror_store import StoreOutcome
from infra.sync.runs import SyncState
from infra.sync.spec import Delivery

LOOK_BACK = timedelta(days=29)  # QBO's own limit is 30 days; a day for clocks and zones
TOO_OLD = "it is out of step for more than 29 days and is being read whole again"
TOO_MANY = "more changed than QuickBooks tells at once, and it is being read whole again"

log = get_logger()


async def refresh(pull: QBOPull) -> PullTally:
    """Store what changed in every backfilled entity since it was last in step. Nothing changed: one call to QBO.

    An entity out of step for more than 29 days, or with 1,000 changes and more, has to be read whole again. That can take minutes,
    so it is a job of its own (`rescan_waiting`), which is asked for here; until it is done the entity stays as it is and says why.

    Raises:
        QBOError: nothing of a failed step is stored, and its cursor has not moved.
    """
    tally = PullTally()
    async with pull.uow([pull.business_id]) as uow:
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
    await _ask_for_what_is_new(pull, states)
    await read_quarantined(pull, states, tally=tally)
    through = {
        entity: state.synced_through
        for entity, state in states.items()
        if state.synced_through and entity in pull.specs and not state.rescan_reason
    }
    for entity, instant in list(through.items()):
        if pull.clock.now() - instant > LOOK_BACK:
            log.warning("qbo.refresh.out_of_step", entity=entity, since=instant.isoformat())
            await _ask_for_rescan(pull, entity, reason=TOO_OLD)
            del through[entity]
    if through:
        await _capture(pull, through, tally=tally)
    return tally


async def rescan_waiting(pull: QBOPull, *, named: Sequence[str] = ()) -> PullTally:
    """Read whole again what waits for it, and what is named."""
    tally = PullTally()
    async with pull.uow([pull.business_id]) as uow:
        states = await runs.list_states(uow.session, pull.business_id, rail=Rail.QBO)
    for entity, state in sorted(states.items()):
        if entity in pull.specs and (state.rescan_reason or entity in named):
            await rescan(pull, entity, tally=tally)
    return tally


async def _ask_for_what_is_new(pull: QBOPull, states: Mapping[str, SyncState]) -> None:
    """An entity that a release has added is read for the first time by the job that reads a new company."""
    new = [entity for entity in pull.specs if entity not in states]
    if not new or not states:
        return
    async with pull.uow([pull.business_id]) as uow:
        await runs.ensure_states(uow.session, pull.business_id, rail=Rail.QBO, entities=new)
        uow.enqueue(BACKFILL, str(pull.business_id), queue="bulk")


async def _ask_for_rescan(pull: QBOPull, entity: str, *, reason: str) -> None:
    """Say that the entity waits for it, and ask for the job once."""
    async with pull.uow([pull.business_id]) as uow:
        is_new = await uow.session.scalar(
            update(SyncState)
            .where(
                SyncState.business_id == pull.business_id,
                SyncState.rail == Rail.QBO.value,
                SyncState.entity == entity,
                SyncState.rescan_reason.is_(None),
            )
            .values(rescan_reason=f"{entity}: {reason}")
            .returning(SyncState.entity)
            .execution_options(synchronize_session=False)
        )
        if is_new:
            uow.enqueue(RESCAN, str(pull.business_id), queue="bulk")


async def _capture(pull: QBOPull, through: Mapping[str, datetime], *, tally: PullTally) -> None:
    """CDC has a start and no end: an answer of 1,000 may have lost its older part, so each entity is then asked for alone."""
    changes = await pull.reads.changes_since(list(through), since=min(through.values()) - OVERLAP)
    if not changes.is_possibly_cut:
        await _store(pull, changes, entities=list(through), tally=tally)
        return
    if len(through) == 1:
        (entity,) = through
        log.info("qbo.refresh.too_many_changes", entity=entity, business_id=str(pull.business_id))
        await _store_what_came(pull, changes, entity=entity, tally=tally)
        await _ask_for_rescan(pull, entity, reason=TOO_MANY)
        return
    tally.calls += changes.cost.calls
    for entity, instant in sorted(through.items()):
        await _capture(pull, {entity: instant}, tally=tally)


async def _store_what_came(pull: QBOPull, changes: Changes, *, entity: str, tally: PullTally) -> None:
    """Part of the changes is better than none; the cursor stays, as the rest is not here."""
    delivery = pull.delivery(entity, changes.objects.get(entity, ()), fetched_at=changes.asked_at)
    async with pull.uow([pull.business_id]) as uow:
        outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
    tally.add(changes.cost.calls, entity=entity, delivery=delivery, outcome=outcome)


async def _store(pull: QBOPull, changes: Changes, *, entities: Sequence[str], tally: PullTally) -> None:
    """Rows and cursor of every entity in one transaction; suspected deletions are settled before it opens."""
    settled = {
        entity: await settle_deletions(pull, entity, suspected={d.external_id: d.deleted_at for d in deletions})
        for entity, deletions in changes.deletions.items()
        if deletions
    }
    deposited = await read_deposited(pull, changes)
    stored: list[tuple[str, Delivery, StoreOutcome]] = []
    async with pull.uow([pull.business_id]) as uow:
        for entity in sorted(entities):  # one order for all writers: mirror_store's locks last to the commit
            for calls, delivery in _deliveries(pull, entity, changes=changes, settled=settled, deposited=deposited):
                outcome = await mirror_store.store(uow.session, pull.specs[entity], delivery)
                tally.add(calls, entity=entity, delivery=delivery, outcome=outcome)
                stored.append((entity, delivery, outcome))
            if entity in settled and settled[entity].implausible:
                await doubt(uow.session, pull, entity, settled[entity])
        await runs.change_states(
            uow.session, pull.business_id, rail=Rail.QBO, entities=list(entities), values=_in_step(changes)
        )
    tally.calls += changes.cost.calls
    for entity, delivery, outcome in stored:
        await restore_met(pull, entity, delivery=delivery, outcome=outcome, tally=tally)
    for entity, one in settled.items():
        if one.implausible:
            await ask_second_look(pull, entity)


def _deliveries(
    pull: QBOPull,
    entity: str,
    *,
    changes: Changes,
    settled: Mapping[str, SettledDeletions],
    deposited: Mapping[str, FollowUp],
) -> list[tuple[int, Delivery]]:
    """What is to be stored of an entity, with the calls that it cost besides the one for all changes."""
    found = []
    if payloads := changes.objects.get(entity, ()):
        found.append((0, pull.delivery(entity, payloads, fetched_at=changes.asked_at)))
    deletions = settled.get(entity, SettledDeletions())
    if deletions.asked_at:
        delivery = pull.delivery(
            entity,
            deletions.returned,
            fetched_at=deletions.asked_at,
            deletions=deletions.deletions,
            are_proved=True,
        )
        found.append((deletions.calls, delivery))
    if entity in deposited:
        again = deposited[entity]
        found.append((again.calls, pull.delivery(entity, again.objects, fetched_at=again.asked_at)))
    return found


def _in_step(changes: Changes) -> dict[str, object]:
    return {
        "synced_through": changes.answered_at,
        "last_synced_at": changes.asked_at,
        "dirty_since": runs.notice_after(changes.asked_at),
        "last_error": None,
    }
