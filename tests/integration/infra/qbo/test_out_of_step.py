"""What change capture cannot bring in step is a job's, never a reader's; and what a release adds is read for companies that are there."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from infra.jobs.outbox import OutboxRow
from infra.qbo.answers import Changes, Deletion
from infra.qbo.asked_jobs import BACKFILL, RESCAN, TIE_OUT
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.sync.drift import DriftItem, DriftKind
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from infra.sync.mirror_age import StaleRefused
from tests.integration.infra.qbo.company_rig import Mirrored, MovedClock, mirrored_company
from tests.rig import Database


@pytest.fixture
async def small(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    clock = MovedClock()
    size = LargeCompany(bills=60, invoices=30, vendors=10, customers=10, months=2, paid_share=0.3)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        clock.ahead += timedelta(minutes=30)
        yield mirrored


async def asked(mirrored: Mirrored) -> list[str]:
    """The jobs asked for so far, but for the tie-out that each first reading asks for."""
    query = select(OutboxRow.job).where(OutboxRow.business_id == mirrored.business_id).order_by(OutboxRow.id)
    async with mirrored.uow([mirrored.business_id]) as uow:
        return [job for job in await uow.session.scalars(query) if job != TIE_OUT]


async def test_the_first_reading_asks_for_a_tie_out(small: Mirrored) -> None:
    async with small.uow([small.business_id]) as uow:
        jobs = list(await uow.session.scalars(select(OutboxRow.job)))
    assert jobs == [TIE_OUT]


@pytest.mark.parametrize("strategy", [SyncStrategy.PAGE, SyncStrategy.ON_DEMAND])
async def test_a_reader_far_out_of_step_asks_for_the_job_and_says_why(small: Mirrored, strategy: SyncStrategy) -> None:
    await small.change_states("Bill", synced_through=small.clock.now() - timedelta(days=45))
    before = small.calls
    answer = await small.service.get_bills(freshness=FreshnessNeed(SyncStrategy.ON_DEMAND))
    for _ in range(2):
        answer = await small.service.get_bills(freshness=FreshnessNeed(strategy, max_age=timedelta(0)))
    assert answer.value
    assert answer.freshness.stale
    assert small.calls <= before + 3  # one call each for all the others; none reads the bills whole
    assert await asked(small) == [RESCAN]
    with pytest.raises(StaleRefused, match="being read whole again"):
        await small.service.get_bills(freshness=FreshnessNeed(SyncStrategy.LIVE))
    await small.service.rescan(actor="test")
    fresh = await small.service.get_bills(freshness=FreshnessNeed(SyncStrategy.LIVE))
    assert (fresh.freshness.stale, fresh.freshness.reason) == (False, None)


async def test_what_a_release_adds_is_read_by_the_job_and_asked_for_once(small: Mirrored) -> None:
    small.start_over()
    small.service._specs.pop("Transfer")  # noqa: SLF001 - the release before is not here any more
    await small.service.backfill(actor="test")
    small.clock.ahead += timedelta(minutes=30)
    small.service = small.service_with()
    for _ in range(2):
        await small.service.refresh(SyncStrategy.SCHEDULED)
    assert await asked(small) == [BACKFILL]
    await small.service.backfill(actor="test")
    assert await small.differing() == []
    assert (await small.states())["Transfer"].synced_through is not None


class Telling:
    """Change capture says of these bills that they are gone; QBO has them all."""

    def __init__(self, mirrored: Mirrored, ids: Sequence[str]) -> None:
        self._raw = mirrored.raw
        self._ids = ids

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    async def changes_since(self, entities: Sequence[str], *, since: Any) -> Changes:
        changes = await self._raw.changes_since(entities, since=since)
        gone = [Deletion(one, deleted_at=changes.answered_at) for one in self._ids]
        return replace(changes, deletions={**changes.deletions, "Bill": gone})


async def test_many_deletions_told_at_once_wait_for_a_full_look(small: Mirrored) -> None:
    ids = list(small.true("Bill"))[:20]
    for one in ids:
        del small.company.stores["Bill"].records[one]
    small.company.stores["Bill"].begin_bulk()
    await small.service_with(client=Telling(small, ids)).refresh(SyncStrategy.SCHEDULED)
    assert await small.held("Bill", deleted=True) == {}
    async with small.uow([small.business_id]) as uow:
        (item,) = await uow.session.scalars(select(DriftItem))
        row = (await uow.session.scalars(select(OutboxRow).where(OutboxRow.job == RESCAN))).one()
    assert (item.kind, item.details["suspected"]) == (DriftKind.IMPLAUSIBLE_DELETIONS, 20)
    assert row.arguments == [str(small.business_id), "Bill"]
    assert row.due_at - row.requested_at > timedelta(minutes=5)
    small.clock.ahead += timedelta(minutes=6)
    await small.service.rescan("Bill", actor="test")
    assert set(await small.held("Bill", deleted=True)) == set(ids)


async def test_many_deletions_told_falsely_delete_nothing_and_the_doubt_ends(small: Mirrored) -> None:
    ids = list(small.true("Bill"))[:40]
    await small.service_with(client=Telling(small, ids)).refresh(SyncStrategy.SCHEDULED)
    assert await small.held("Bill", deleted=True) == {}
    async with small.uow([small.business_id]) as uow:
        assert list(await uow.session.scalars(select(DriftItem))) == []


async def test_what_was_taken_for_deleted_comes_back_when_it_is_met_unchanged(small: Mirrored) -> None:
    """The object has no later time than its deletion: a read by its id says that it is there."""
    victim = next(iter(small.true("Bill")))
    store = small.company.stores["Bill"]
    record = store.records.pop(victim)
    store.begin_bulk()
    await small.service_with(client=Telling(small, [victim])).refresh(SyncStrategy.SCHEDULED)
    assert set(await small.held("Bill", deleted=True)) == {victim}
    store.records[victim] = record
    store.begin_bulk()
    small.clock.ahead += timedelta(minutes=30)
    await small.service.rescan("Bill", actor="test")
    assert await small.held("Bill", deleted=True) == {}
    assert await small.differing() == []
