"""The first reading of a company: complete, exact, and resumable wherever it is cut off.

Pages are of a fifth of QuickBooks' size here, and so are the books, which is the same number of pages; of full size they are in
the tests of the paging itself and in `make prove ONLY=paging`.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from infra.errors import RailUnavailable
from infra.qbo.answers import Payload, QueryPage
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import demo_company, generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.sync.freshness import SyncStrategy
from infra.sync.runs import RunState
from tests.integration.infra.qbo.company_rig import (
    SPECS,
    Cut,
    CutClient,
    Mirrored,
    MovedClock,
    cut_at_commit,
    make_pages_small,
    mirrored_company,
)
from tests.rig import Database

CLOCK = MovedClock()
PAGE = 200


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pages_small(monkeypatch, PAGE)


@cache
def paged_company() -> Company:
    """Bills: two pages and more, more than a page of them in one second. Nobody edits it, so tests share it."""
    size = LargeCompany(bills=2 * PAGE + 10, invoices=PAGE + 2, same_second=PAGE + 40, paid_share=0.1)
    return load_company(generate_large(size, today=CLOCK.now().date()), clock=CLOCK)


@pytest.fixture
async def paged(
    database: Database,
    redis_url: str,
    small_pages: None,  # noqa: ARG001 - for its effect
) -> AsyncIterator[Mirrored]:
    company = paged_company()
    async with mirrored_company(company, clock=CLOCK, app_url=database.app_url, redis_url=redis_url) as mirrored:
        yield mirrored


async def read_to_the_end(mirrored: Mirrored) -> None:
    """A run that is cut off in the middle of a call may take the connection with it, which the next one then finds closed."""
    with contextlib.suppress(RailUnavailable):
        await mirrored.service.backfill(actor="test")
        return
    await mirrored.service.backfill(actor="test")


async def assert_complete(mirrored: Mirrored) -> None:
    """All there, exact, and each object logged once."""
    assert await mirrored.differing() == []
    for entity in SPECS:
        count, version = await mirrored.log_rows(entity)
        assert (count, version) == (len(mirrored.true(entity)), min(count, 1)), entity
    states = await mirrored.states()
    assert {entity for entity, state in states.items() if state.synced_through and state.last_synced_at} == set(SPECS)
    assert {entity: state.stored_objects for entity, state in states.items()} == {
        entity: len(mirrored.true(entity)) for entity in SPECS
    }


async def test_every_object_of_every_entity_is_mirrored_exactly(database: Database, redis_url: str) -> None:
    clock = MovedClock()
    company = load_company(demo_company(clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        assert all(mirrored.true(entity) for entity in SPECS), "the demo company has something of every kind"
        tally = await mirrored.service.backfill(actor="test")
        await assert_complete(mirrored)
        for entity in SPECS:
            assert await mirrored.held(entity) == mirrored.true(entity), entity
        assert tally.calls == mirrored.calls
        assert tally.calls <= 25
        assert tally.changed == sum(len(mirrored.true(entity)) for entity in SPECS)
        open_bills = (await mirrored.service.get_bills()).value
        true_total = sum((bill["Balance"] for bill in mirrored.true("Bill").values()), start=Decimal(0))
        assert sum((bill.balance for bill in open_bills), start=Decimal(0)) == true_total
        (run,) = await mirrored.runs()
        assert (run.state, run.calls, run.error) == (RunState.DONE, tally.calls, None)


async def test_a_second_backfill_reads_nothing_twice(paged: Mirrored) -> None:
    await paged.service.backfill(actor="test")
    await assert_complete(paged)
    before = paged.calls
    await paged.service.backfill(actor="test")
    assert paged.calls == before + 1  # what changed meanwhile


async def test_calls_are_all_counted_those_for_a_crowded_second_too(paged: Mirrored) -> None:
    tally = await paged.service.backfill(actor="test")
    assert tally.calls == paged.calls


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "with the answer here"])
async def test_cut_off_at_any_call_nothing_is_lost_or_stored_twice(paged: Mirrored, *, after: bool) -> None:
    await paged.service.backfill(actor="test")
    whole = paged.calls
    for calls in range(0, whole, 11):
        paged.start_over()
        before = paged.calls
        broken = paged.service_with(client=CutClient(paged.raw, calls=calls, after=after))
        with pytest.raises(Cut):
            await broken.backfill(actor="test")
        await paged.service.backfill(actor="test")
        await assert_complete(paged)
        assert paged.calls - before <= whole + 8, "at most what was under way is asked again"
        assert [run.state for run in await paged.runs()] == [RunState.FAILED, RunState.DONE]


@pytest.mark.parametrize("after", [False, True], ids=["the commit fails", "just after the commit"])
async def test_cut_off_at_any_commit_nothing_is_lost_or_stored_twice(paged: Mirrored, *, after: bool) -> None:
    for commits in (4, 15):
        paged.start_over()
        broken = paged.service_with(uow=cut_at_commit(paged.uow, commits=commits, after=after))
        with pytest.raises(Cut):
            await broken.backfill(actor="test")
        await read_to_the_end(paged)
        await assert_complete(paged)


# A call that is cut off while it connects leaves the HTTP library a socket that nobody closes until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_cut_off_again_and_again_it_still_ends(paged: Mirrored) -> None:
    """Each attempt may make three calls more than nothing; progress is never given back."""
    for _ in range(60):
        try:
            await paged.service_with(client=CutClient(paged.raw, calls=3)).backfill(actor="test")
            break
        except (Cut, RailUnavailable):
            continue
    await read_to_the_end(paged)
    await assert_complete(paged)


async def test_a_cut_off_run_leaves_no_call_or_task_behind(paged: Mirrored) -> None:
    """The page that was on its way must not be asked for by a run that has failed."""
    broken = paged.service_with(uow=cut_at_commit(paged.uow, commits=8))
    with pytest.raises(Cut):
        await broken.backfill(actor="test")
    calls, tasks = paged.calls, {task for task in asyncio.all_tasks() if "anext" in repr(task) or "page" in repr(task)}
    assert tasks == set()
    await asyncio.sleep(0.1)
    assert paged.calls == calls


async def test_a_cancelled_backfill_is_recorded_as_failed_and_goes_on_later(paged: Mirrored) -> None:
    work = asyncio.create_task(paged.service.backfill(actor="test"))
    while paged.calls < 6:  # noqa: ASYNC110 - only the count of the simulator tells
        await asyncio.sleep(0.005)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [run.state for run in await paged.runs()] == [RunState.FAILED]
    await paged.service.backfill(actor="test")
    await assert_complete(paged)


@pytest.mark.parametrize("after_calls", [3, 12])
async def test_a_killed_process_is_taken_up_where_it_died(
    paged: Mirrored, database: Database, redis_url: str, after_calls: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.infra.qbo.backfiller", database.app_url, redis_url,
        str(paged.business_id), paged.info.api_url, paged.info.access_token, paged.company.realm_id, str(PAGE),
    )  # fmt: skip
    while paged.calls < after_calls and process.returncode is None:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    killed = paged.calls
    await paged.service.backfill(actor="test")
    await assert_complete(paged)
    assert [run.state for run in await paged.runs()] == [RunState.FAILED, RunState.DONE]
    total = paged.calls
    paged.start_over()
    await paged.service.backfill(actor="test")
    whole = paged.calls - total
    assert killed < whole
    assert total <= whole + 8, "only what was under way is asked again"


@pytest.mark.usefixtures("small_pages")
async def test_others_edit_while_it_reads(database: Database, redis_url: str) -> None:
    clock = MovedClock()
    size = LargeCompany(bills=2 * PAGE + 10, invoices=PAGE + 10, same_second=PAGE + 80, paid_share=0.3)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        mirrored.simulator.other_users.edits_per_page = True
        await mirrored.service.backfill(actor="test")
        mirrored.simulator.other_users.edits_per_page = False
        assert mirrored.simulator.other_users.edit_count > 10
        await mirrored.service.refresh(SyncStrategy.SCHEDULED)
        assert await mirrored.differing() == []


class LongCalls:
    """Each page takes ten minutes, twice what change capture overlaps; a bill of the first page is deleted behind the reader."""

    def __init__(self, mirrored: Mirrored) -> None:
        self._mirrored = mirrored
        self._client = mirrored.raw
        self.deleted: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def query(self, statement: str) -> QueryPage:
        self._mirrored.clock.ahead += timedelta(minutes=10)
        page = await self._client.query(statement)
        if page.entity == "Bill" and self.deleted is None:
            self.deleted = delete_one(self._mirrored, page.objects)
        return page


class CutAtSecondPage:
    """Of bills: the first is stored by then."""

    def __init__(self, mirrored: Mirrored) -> None:
        self._client = mirrored.raw
        self._bills = 0

    async def query(self, statement: str) -> QueryPage:
        if " FROM Bill " in statement:
            self._bills += 1
            if self._bills > 1:
                raise Cut
        return await self._client.query(statement)


def delete_one(mirrored: Mirrored, bills: Sequence[Payload]) -> str:
    """Delete the first that no payment holds."""
    company = mirrored.company
    bill = next(bill for bill in bills if not company.links.payers_of(("Bill", bill["Id"])))
    company.delete("Bill", dict(company.get("Bill", bill["Id"]).body))
    return str(bill["Id"])


@pytest.fixture
async def edited(
    database: Database,
    redis_url: str,
    small_pages: None,  # noqa: ARG001 - for its effect
) -> AsyncIterator[Mirrored]:
    """Two pages of bills, and others who edit one object a page."""
    clock = MovedClock()
    size = LargeCompany(bills=PAGE + 60, invoices=20, vendors=10, customers=10, months=3, paid_share=0.1)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        mirrored.simulator.other_users.edits_per_page = True
        yield mirrored


async def test_what_happens_behind_the_reader_is_brought_however_long_it_takes(edited: Mirrored) -> None:
    slow = LongCalls(edited)
    await edited.service_with(client=slow).backfill(actor="test")
    assert edited.simulator.other_users.edit_count >= 10
    edited.simulator.other_users.edits_per_page = False
    await edited.service.refresh(SyncStrategy.SCHEDULED)
    assert await edited.differing() == []
    assert set(await edited.held("Bill", deleted=True)) == {slow.deleted}


async def test_taken_up_weeks_later_nothing_of_the_time_between_is_missing(edited: Mirrored) -> None:
    with pytest.raises(Cut):
        await edited.service_with(client=CutAtSecondPage(edited)).backfill(actor="test")
    deleted = delete_one(edited, list((await edited.held("Bill")).values()))
    edited.clock.ahead += timedelta(days=50)
    await edited.service.backfill(actor="test")
    edited.simulator.other_users.edits_per_page = False
    await edited.service.refresh(SyncStrategy.SCHEDULED)
    assert await edited.differing() == []
    assert set(await edited.held("Bill", deleted=True)) == {deleted}
