"""Staying in step: what changed is brought, what is gone is found, and what change capture cannot show is read whole."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import ANY

import pytest
from sqlalchemy import func, select

from infra.errors import RailUnavailable
from infra.qbo import incremental
from infra.qbo.answers import Changes, Deletion
from infra.qbo.errors import QBOUnavailable
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.wire import record_of
from infra.sync import mirror_store
from infra.sync.freshness import SyncStrategy
from infra.sync.runs import RunState
from infra.sync.shapes import LogSource
from infra.sync.spec import Delivery
from tests.integration.infra.qbo.company_rig import (
    SPECS,
    Cut,
    CutClient,
    Mirrored,
    MovedClock,
    cut_at_commit,
    mirrored_company,
)
from tests.rig import Database


async def open_company(database: Database, redis_url: str, size: LargeCompany) -> AsyncIterator[Mirrored]:
    clock = MovedClock()
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        clock.ahead += timedelta(minutes=30)  # past the overlap: what the backfill saw is not asked for again
        yield mirrored


@pytest.fixture
async def small(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    """Backfilled, half an hour ago."""
    size = LargeCompany(bills=60, invoices=30, vendors=10, customers=10, months=2, paid_share=0.3)
    async for mirrored in open_company(database, redis_url, size):
        yield mirrored


@pytest.fixture
async def crowded(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    """With more bills than one answer of change capture holds."""
    size = LargeCompany(bills=1150, invoices=40, vendors=10, customers=10, months=3, paid_share=0.1)
    async for mirrored in open_company(database, redis_url, size):
        yield mirrored


async def refresh(mirrored: Mirrored) -> int:
    """The calls that QBO counted for it, with those of the job that it asks for."""
    before = mirrored.calls
    tally = await mirrored.service.refresh(SyncStrategy.SCHEDULED)
    if any(state.rescan_reason for state in (await mirrored.states()).values()):
        tally.merge(await mirrored.service.rescan(actor="test"))
    assert tally.calls == mirrored.calls - before
    return tally.calls


def deletable(company: Company, entity: str = "Bill") -> list[str]:
    """Ids of documents that no payment holds."""
    return [
        identifier for identifier in company.stores[entity].records if not company.links.payers_of((entity, identifier))
    ]


def delete(company: Company, identifier: str, entity: str = "Bill") -> None:
    company.delete(entity, dict(company.get(entity, identifier).body))


def edit(company: Company, identifier: str, entity: str = "Bill", **fields: object) -> None:
    company.update(entity, dict(company.get(entity, identifier).body) | fields)


async def test_nothing_changed_costs_one_call_and_writes_no_row(small: Mirrored) -> None:
    logged = [await small.log_rows(entity) for entity in SPECS]
    assert await refresh(small) == 1
    assert [await small.log_rows(entity) for entity in SPECS] == logged
    run = (await small.runs())[-1]
    assert (run.state, run.calls, run.seen, run.changed) == (RunState.DONE, 1, 0, 0)


async def test_the_cursor_moves_while_nothing_changes_and_never_grows_past_what_qbo_remembers(small: Mirrored) -> None:
    for _ in range(3):  # two months, in which a cursor that waits for a change would be left behind
        small.clock.ahead += timedelta(days=20)
        before = (await small.states())["Bill"].synced_through
        assert await refresh(small) == 1
        after = (await small.states())["Bill"].synced_through
        assert before is not None
        assert after is not None
        assert after - before > timedelta(days=19)


async def test_new_edited_and_paid_objects_arrive_with_one_call(small: Mirrored) -> None:
    one, other = deletable(small.company)[:2]
    edit(small.company, one, PrivateNote="seen")
    fresh = small.company.create("Bill", {
        "VendorRef": {"value": "1"},
        "Line": small.true("Bill")[other]["Line"],
        "TxnDate": small.clock.now().date().isoformat(),
    })  # fmt: skip
    assert await refresh(small) == 1
    assert await small.differing() == []
    assert fresh.id in await small.held("Bill")


async def test_a_deletion_is_confirmed_by_its_id_and_then_never_asked_for_again(small: Mirrored) -> None:
    victim = deletable(small.company)[0]
    delete(small.company, victim)
    assert await refresh(small) == 2
    assert await small.differing() == []
    assert set(await small.held("Bill", deleted=True)) == {victim}
    assert await refresh(small) == 1


class Liar:
    """Change capture says of one live bill that it was deleted."""

    def __init__(self, mirrored: Mirrored, external_id: str) -> None:
        self._raw = mirrored.raw
        self._external_id = external_id

    def __getattr__(self, name: str) -> object:
        return getattr(self._raw, name)

    async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
        changes = await self._raw.changes_since(entities, since=since)
        lie = Deletion(self._external_id, deleted_at=changes.answered_at)
        return replace(changes, deletions={**changes.deletions, "Bill": [lie]})


async def test_a_deletion_of_an_object_that_is_there_is_not_believed(small: Mirrored) -> None:
    living = deletable(small.company)[0]
    await small.service_with(client=Liar(small, living)).refresh(SyncStrategy.SCHEDULED)
    assert await small.differing() == []
    assert await small.held("Bill", deleted=True) == {}


async def test_an_object_wrongly_held_for_deleted_comes_back_with_its_next_change(small: Mirrored) -> None:
    victim = deletable(small.company)[0]
    record = small.company.get("Bill", victim)
    store = small.company.stores["Bill"]
    del store.records[victim]
    store.begin_bulk()
    await incremental_deletion(small, victim)
    assert set(await small.held("Bill", deleted=True)) == {victim}
    small.clock.ahead += timedelta(minutes=10)
    store.records[victim] = record
    store.begin_bulk()
    edit(small.company, victim, PrivateNote="back")
    await refresh(small)
    assert await small.differing() == []


async def incremental_deletion(mirrored: Mirrored, external_id: str) -> None:
    await mirrored.service_with(client=Liar(mirrored, external_id)).refresh(SyncStrategy.SCHEDULED)


async def test_a_thousand_changes_are_not_believed_to_be_all(crowded: Mirrored) -> None:
    """Bills are over the limit and are read whole; the others are asked for one by one; nothing is lost, deletions too."""
    company = crowded.company
    bill_gone, invoice_gone = deletable(company)[0], deletable(company, "Invoice")[0]
    for identifier in deletable(company)[1:1030]:
        edit(company, identifier, PrivateNote="all at once")
    edit(company, deletable(company, "Invoice")[1], "Invoice", PrivateNote="beside")
    delete(company, bill_gone)
    delete(company, invoice_gone, "Invoice")
    await refresh(crowded)
    assert await crowded.differing() == []
    assert set(await crowded.held("Bill", deleted=True)) == {bill_gone}
    assert set(await crowded.held("Invoice", deleted=True)) == {invoice_gone}
    crowded.clock.ahead += timedelta(minutes=30)
    await refresh(crowded)  # begins before the last one's end by the overlap, and so meets the thousand once more
    crowded.clock.ahead += timedelta(minutes=30)
    assert await refresh(crowded) == 1


@pytest.mark.parametrize("days", [31, 200])
async def test_out_of_step_for_longer_than_qbo_looks_back(small: Mirrored, days: int) -> None:
    company = small.company
    edited, gone = deletable(company)[:2]
    edit(company, edited, PrivateNote="long ago")
    delete(company, gone)
    vendor = next(iter(company.stores["Vendor"].records))
    edit(company, vendor, "Vendor", Active=False)
    small.clock.ahead += timedelta(days=days)
    await refresh(small)
    assert await small.differing() == []
    assert set(await small.held("Bill", deleted=True)) == {gone}
    assert (await small.held("Vendor"))[vendor]["Active"] is False
    assert await small.held("Vendor", deleted=True) == {}
    small.clock.ahead += timedelta(minutes=30)
    assert await refresh(small) == 1


async def test_one_entity_far_out_of_step_does_not_stop_the_others(small: Mirrored) -> None:
    long_ago = small.clock.now() - timedelta(days=45)
    await small.change_states("Bill", synced_through=long_ago, last_synced_at=long_ago)
    edit(small.company, deletable(small.company, "Invoice")[0], "Invoice", PrivateNote="new")
    await refresh(small)
    assert await small.differing() == []
    assert min(state.last_synced_at for state in (await small.states()).values() if state.last_synced_at) > long_ago


@pytest.mark.parametrize("is_far", [False, True], ids=["by change capture", "by a re-scan"])
async def test_a_refresh_ends_what_a_notice_began(small: Mirrored, *, is_far: bool) -> None:
    if is_far:
        await small.change_states(synced_through=small.clock.now() - timedelta(days=45))
    await small.change_states(dirty_since=small.clock.now() - timedelta(seconds=5))
    await refresh(small)
    assert [state.dirty_since for state in (await small.states()).values() if state.dirty_since] == []


async def test_a_notice_that_comes_during_the_call_stays(small: Mirrored) -> None:
    class Noticed(CutClient):
        async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
            answer = await small.raw.changes_since(entities, since=since)
            await small.change_states("Bill", dirty_since=small.clock.now() + timedelta(seconds=1))
            return answer

    await small.service_with(client=Noticed(small.raw, calls=99)).refresh(SyncStrategy.SCHEDULED)
    assert {entity for entity, state in (await small.states()).items() if state.dirty_since} == {"Bill"}


async def test_cursor_and_rows_move_together_or_not_at_all(small: Mirrored) -> None:
    edited = deletable(small.company)[0]
    edit(small.company, edited, PrivateNote="seen")
    before = {entity: (state.synced_through, state.last_synced_at) for entity, state in (await small.states()).items()}
    logged = await small.log_rows("Bill")
    for commits in (1, 2):  # the run's row, the states' reading; then the rows with the cursor
        with pytest.raises(Cut):
            await small.service_with(uow=cut_at_commit(small.uow, commits=commits)).refresh(SyncStrategy.SCHEDULED)
        states = await small.states()
        assert {entity: (state.synced_through, state.last_synced_at) for entity, state in states.items()} == before
        assert await small.log_rows("Bill") == logged
    await refresh(small)
    assert await small.differing() == []


class Down:
    """QBO does not answer."""

    async def changes_since(self, *_arguments: object, **_options: object) -> object:
        raise QBOUnavailable("QuickBooks did not answer.")


async def test_a_failed_run_is_recorded_as_failed_and_counts_for_nothing(small: Mirrored) -> None:
    before = {entity: state.last_synced_at for entity, state in (await small.states()).items()}
    with pytest.raises(RailUnavailable):
        await small.service_with(client=Down()).refresh(SyncStrategy.SCHEDULED)
    run = (await small.runs())[-1]
    assert (run.state, run.error) == (RunState.FAILED, "QuickBooks did not answer.")
    assert run.finished_at is not None
    states = await small.states()
    assert {entity: state.last_synced_at for entity, state in states.items()} == before
    assert {state.last_error for state in states.values()} == {"QuickBooks did not answer."}
    await refresh(small)
    assert {state.last_error for state in (await small.states()).values()} == {None}


async def test_a_rescan_cut_off_moves_no_cursor_and_ends_well_the_next_time(small: Mirrored) -> None:
    gone = deletable(small.company)[0]
    delete(small.company, gone)
    small.clock.ahead += timedelta(days=40)
    through = (await small.states())["Bill"].synced_through
    await small.service.refresh(SyncStrategy.SCHEDULED)
    for calls in range(4):  # one more page each time: what was stored is not read again
        with pytest.raises(Cut):
            await small.service_with(client=CutClient(small.raw, calls=1)).rescan(actor="test")
        assert (await small.states())["Bill"].synced_through == (through if calls == 0 else ANY)
    await refresh(small)
    assert await small.differing() == []


async def test_what_was_asked_for_by_name_and_cut_off_takes_no_later_refresh_back(small: Mirrored) -> None:
    delete(small.company, deletable(small.company)[0])  # cut off at the question whether it is gone
    with pytest.raises(Cut):
        await small.service_with(client=CutClient(small.raw, calls=1)).rescan("Bill", actor="test")
    small.clock.ahead += timedelta(hours=3)
    await small.service.refresh(SyncStrategy.SCHEDULED)
    before = (await small.states())["Bill"]
    await small.service.rescan("Bill", actor="test")
    after = (await small.states())["Bill"]
    assert after.last_full_at != before.last_full_at
    assert (after.synced_through, after.last_synced_at) == (before.synced_through, before.last_synced_at)


async def test_a_change_of_the_clocks_moves_no_order(small: Mirrored) -> None:
    """01:30 at -07:00 is before 01:10 at -08:00, whatever their texts say."""
    spec, business_id = SPECS["Bill"], small.business_id
    body = next(iter(small.true("Bill").values())) | {"Id": "900001", "SyncToken": "3"}
    before_change = body | {"MetaData": {"LastUpdatedTime": "2026-11-01T01:30:00-07:00"}, "PrivateNote": "first"}
    after_change = body | {"MetaData": {"LastUpdatedTime": "2026-11-01T01:10:00-08:00"}, "PrivateNote": "second"}
    for payload in (before_change, after_change, before_change):
        async with small.uow([business_id]) as uow:
            delivery = Delivery(
                business_id=business_id, records=[record_of(payload)], fetched_at=small.clock.now(),
                source=LogSource.QBO, actor="test", request_id="test",
            )  # fmt: skip
            await mirror_store.store(uow.session, spec, delivery)
    assert (await small.held("Bill"))["900001"]["PrivateNote"] == "second"


async def test_the_cursor_stays_behind_qbos_own_clock_not_ours(small: Mirrored) -> None:
    await refresh(small)
    states = await small.states()
    async with small.uow([small.business_id]) as uow:
        now = (await uow.session.execute(select(func.now()))).scalar_one() + small.clock.ahead
    for state in states.values():
        assert state.synced_through is not None
        assert state.last_synced_at is not None
        assert state.last_synced_at <= state.synced_through <= now + timedelta(seconds=2)
    assert timedelta(days=30) > incremental.LOOK_BACK
