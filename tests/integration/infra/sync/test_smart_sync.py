"""When a read asks QBO, when it answers from the mirror, and what it says of the answer's age."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.config import Rail
from infra.errors import RailNeedsReconnect
from infra.qbo.answers import Changes
from infra.qbo.errors import QBOAccessRevoked, QBOUnavailable
from infra.qbo.raw_client import QBORawClient
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.sync.freshness import FreshnessNeed, FreshnessSource, SyncStrategy
from infra.sync.in_flight import Flight, Key, Refreshed, RefreshesInFlight
from infra.sync.mirror_age import StaleRefused
from infra.sync.refresh_lease import RefreshLeases
from infra.sync.runs import RunState
from tests.integration.infra.qbo.company_rig import Mirrored

LIVE = FreshnessNeed(SyncStrategy.LIVE)
PAGE = FreshnessNeed(SyncStrategy.PAGE)


class SlowClient:
    """Answers when it is let go."""

    def __init__(self, client: QBORawClient) -> None:
        self._client = client
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
        self.asked.set()
        await self.go.wait()
        return await self._client.changes_since(entities, since=since)


class WatchedFlights(RefreshesInFlight):
    """Tells how many readers have come to the refreshes under way, however long a busy machine keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = 0

    def join(self, key: Key, start: Callable[[], Awaitable[Refreshed]]) -> tuple[Flight, bool]:
        self.joined += 1
        return super().join(key, start)

    async def until_joined_by(self, readers: int) -> None:
        while self.joined < readers:  # noqa: ASYNC110 - only the count tells
            await asyncio.sleep(0.005)


class FailingClient:
    def __init__(self, error: Exception) -> None:
        self.calls = 0
        self._error = error

    async def changes_since(self, *_arguments: Any, **_options: Any) -> Changes:
        self.calls += 1
        raise self._error


def make_stale(mirrored: Mirrored) -> None:
    mirrored.clock.ahead += timedelta(minutes=21)


def add_bill(mirrored: Mirrored) -> str:
    lines = next(iter(mirrored.true("Bill").values()))["Line"]
    today = mirrored.clock.now().date().isoformat()
    record = mirrored.company.create("Bill", {"VendorRef": {"value": "1"}, "Line": lines, "TxnDate": today})
    return str(record.id)


async def test_a_fresh_mirror_answers_alone(mirrored: Mirrored) -> None:
    before = mirrored.calls
    mirrored.clock.ahead += timedelta(minutes=19)
    answer = await mirrored.service.get_bills()
    assert mirrored.calls == before
    assert len(answer.value) == sum(bill["Balance"] > 0 for bill in mirrored.true("Bill").values())
    found = answer.freshness
    assert (found.source, found.calls_spent, found.stale, found.reason) == (FreshnessSource.MIRROR, 0, False, None)
    assert found.age_seconds is not None
    assert 19 * 60 <= found.age_seconds < 20 * 60


async def test_a_stale_mirror_is_refreshed_once_with_one_call(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    new, before = add_bill(mirrored), mirrored.calls
    answer = await mirrored.service.get_bills()
    assert mirrored.calls == before + 1
    assert new in {bill.external_id for bill in answer.value}
    assert (answer.freshness.source, answer.freshness.calls_spent) == (FreshnessSource.RAIL, 1)
    assert not answer.freshness.stale
    await mirrored.service.get_bills()
    assert mirrored.calls == before + 1


@pytest.mark.parametrize("seconds", [0, 60])
async def test_the_caller_may_want_it_younger(mirrored: Mirrored, seconds: int) -> None:
    mirrored.clock.ahead += timedelta(minutes=2)
    before = mirrored.calls
    answer = await mirrored.service.get_bills(freshness=FreshnessNeed(max_age=timedelta(seconds=seconds)))
    assert mirrored.calls == before + 1
    assert not answer.freshness.stale


async def test_the_caller_may_be_content_with_it_older(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    before = mirrored.calls
    answer = await mirrored.service.get_bills(freshness=FreshnessNeed(max_age=timedelta(days=1)))
    assert mirrored.calls == before
    assert not answer.freshness.stale


async def test_a_notice_of_a_change_makes_a_young_mirror_stale(mirrored: Mirrored) -> None:
    await mirrored.change_states("Bill", dirty_since=mirrored.clock.now())
    before = mirrored.calls
    await mirrored.service.get_invoices()
    assert mirrored.calls == before  # nothing was said of invoices
    assert not (await mirrored.service.get_bills()).freshness.stale
    await mirrored.service.get_bills()
    assert mirrored.calls == before + 1


async def test_out_of_time_it_is_the_mirror_with_a_reason_and_the_refresh_goes_on(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    new, slow = add_bill(mirrored), SlowClient(mirrored.raw)
    service = mirrored.service_with(client=slow)
    answer = await service.get_bills()
    assert answer.freshness.stale
    assert answer.freshness.reason == "qbo did not answer within 2 s"
    assert answer.freshness.source is FreshnessSource.MIRROR
    assert new not in {bill.external_id for bill in answer.value}
    slow.go.set()
    while (await mirrored.runs())[-1].state != RunState.DONE:  # noqa: ASYNC110 - the run is told by its row alone
        await asyncio.sleep(0.01)
    before = mirrored.calls
    later = await service.get_bills()
    assert mirrored.calls == before
    assert new in {bill.external_id for bill in later.value}
    assert not later.freshness.stale


async def test_a_page_does_not_wait_and_rings_one_refresh(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    slow = SlowClient(mirrored.raw)
    service = mirrored.service_with(client=slow)
    for _ in range(3):
        answer = await service.get_bills(freshness=PAGE)
        assert answer.freshness.stale
        assert answer.value
    async with asyncio.timeout(60):
        await slow.asked.wait()
    slow.go.set()
    while (await mirrored.runs())[-1].state != RunState.DONE:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert len(await mirrored.runs()) == 2  # the backfill and one refresh


@pytest.mark.parametrize(
    "error", [QBOUnavailable("QuickBooks is down."), QBOAccessRevoked("Connect again.", code="invalid_grant")]
)
async def test_with_qbo_down_a_read_shows_the_mirror_and_a_live_one_refuses(
    mirrored: Mirrored, error: Exception
) -> None:
    make_stale(mirrored)
    service = mirrored.service_with(client=FailingClient(error))
    answer = await service.get_bills()
    assert answer.value
    assert (answer.freshness.stale, answer.freshness.reason) == (True, str(error))
    with pytest.raises(StaleRefused, match=str(error)):
        await service.get_bills(freshness=LIVE)


async def test_an_object_that_cannot_be_read_does_not_take_the_mirror_away(mirrored: Mirrored) -> None:
    class Garbling:
        async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
            answer = await mirrored.raw.changes_since(entities, since=since)
            for bill in answer.objects["Bill"]:
                del bill["SyncToken"]
            return answer

    make_stale(mirrored)
    add_bill(mirrored)
    answer = await mirrored.service_with(client=Garbling()).get_bills()
    assert answer.value
    assert (answer.freshness.stale, answer.freshness.quarantined) == (False, 1)
    assert "cannot be read" in (answer.freshness.reason or "")


async def test_live_asks_however_young_the_mirror_is(mirrored: Mirrored) -> None:
    new, before = add_bill(mirrored), mirrored.calls
    answer = await mirrored.service.get_bills(freshness=LIVE)
    assert mirrored.calls == before + 1
    assert new in {bill.external_id for bill in answer.value}
    assert not answer.freshness.stale


async def test_live_never_answers_stale(mirrored: Mirrored) -> None:
    """A change announced while QBO was asked may not be in the answer."""

    class Noticed:
        async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
            answer = await mirrored.raw.changes_since(entities, since=since)
            await mirrored.change_states("Bill", dirty_since=mirrored.clock.now() + timedelta(seconds=1))
            return answer

    service = mirrored.service_with(client=Noticed())
    with pytest.raises(StaleRefused):
        await service.get_bills(freshness=LIVE)
    assert not (await service.get_invoices(freshness=LIVE)).freshness.stale


async def test_fifty_readers_of_a_stale_mirror_make_one_refresh(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    before, runs = mirrored.calls, len(await mirrored.runs())
    answers = await asyncio.gather(*(mirrored.service.get_bills() for _ in range(50)))
    assert mirrored.calls == before + 1
    assert len(await mirrored.runs()) == runs + 1
    sources = [answer.freshness.source for answer in answers]
    assert sources.count(FreshnessSource.RAIL) == 1
    # Those that had to wait for a connection of the pool may find the mirror fresh already.
    assert FreshnessSource.COALESCED in sources
    assert sum(answer.freshness.calls_spent for answer in answers) == 1
    assert not any(answer.freshness.stale for answer in answers)


async def test_what_was_read_in_the_future_is_read_again(mirrored: Mirrored) -> None:
    """By a process whose clock is a day ahead: nobody else's would look again for as long."""
    now = mirrored.clock.now()
    await mirrored.change_states(last_synced_at=now + timedelta(days=1))
    before = mirrored.calls
    for _ in range(2):
        answer = await mirrored.service.get_bills()
    assert mirrored.calls == before + 1
    assert answer.freshness.as_of is not None
    assert answer.freshness.as_of < now + timedelta(minutes=1)


async def test_readers_that_share_a_failing_refresh_all_get_the_mirror(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    down = FailingClient(QBOUnavailable("QuickBooks is down."))
    service = mirrored.service_with(client=down)
    answers = await asyncio.gather(*(service.get_bills() for _ in range(8)))
    assert all(answer.freshness.stale and answer.value for answer in answers)


async def test_one_reader_that_gives_up_does_not_stop_the_refresh_of_the_others(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    slow = SlowClient(mirrored.raw)
    flights = WatchedFlights()
    service = mirrored.service_with(client=slow, in_flight=flights)
    impatient = asyncio.create_task(service.get_bills())
    await slow.asked.wait()
    patient = asyncio.create_task(service.get_bills())
    await flights.until_joined_by(2)
    impatient.cancel()
    slow.go.set()
    assert (await patient).freshness.source is FreshnessSource.COALESCED
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_live_reader_joins_no_refresh_that_was_begun_before_it_asked(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    slow = SlowClient(mirrored.raw)
    flights = WatchedFlights()
    service = mirrored.service_with(client=slow, in_flight=flights)
    earlier = asyncio.create_task(service.get_bills())
    await slow.asked.wait()
    before = mirrored.calls
    live = [asyncio.create_task(service.get_bills(freshness=LIVE)) for _ in range(5)]
    await flights.until_joined_by(6)
    slow.go.set()
    answers = await asyncio.gather(earlier, *live)
    assert mirrored.calls == before + 2
    assert not any(answer.freshness.stale for answer in answers)
    assert [answer.freshness.source for answer in answers[1:]].count(FreshnessSource.RAIL) == 1


async def test_readers_of_several_processes_make_one_refresh(mirrored: Mirrored) -> None:
    """Each service has its own flights, as each process has; what they share is the lease in the database."""
    make_stale(mirrored)
    slow, before = SlowClient(mirrored.raw), mirrored.calls
    processes = [mirrored.service_with(client=slow) for _ in range(4)]
    reading = [asyncio.create_task(service.get_bills()) for service in processes for _ in range(5)]
    await slow.asked.wait()
    await asyncio.sleep(0.2)
    slow.go.set()
    answers = await asyncio.gather(*reading)
    assert mirrored.calls == before + 1
    # A busy machine may let the readers' two seconds pass; whoever had an answer in time had the new one.
    assert all("within" in (answer.freshness.reason or "") for answer in answers if answer.freshness.stale)
    assert sum(answer.freshness.calls_spent for answer in answers) <= 1


async def test_the_lease_of_a_process_that_died_is_taken_over(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    leases = RefreshLeases(mirrored.uow, mirrored.business_id, Rail.QBO)
    assert await leases.take(strategy="scheduled", now=mirrored.clock.now()) is not None
    assert await leases.take(strategy="scheduled", now=mirrored.clock.now()) is None
    assert (await mirrored.service.get_bills()).freshness.stale  # it may still be alive
    async with mirrored.uow([mirrored.business_id]) as uow:
        await uow.session.execute(
            text("UPDATE refresh_lease SET leased_until = now() - interval '1 s' WHERE business_id = :id"),
            {"id": mirrored.business_id},
        )
    assert not (await mirrored.service.get_bills()).freshness.stale


async def test_after_a_failure_the_rail_rests_whoever_asks(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    down = FailingClient(QBOUnavailable("QuickBooks is down."))

    async def ask() -> int:
        answer = await mirrored.service_with(client=down).get_bills()
        assert (answer.freshness.stale, answer.freshness.reason) == (True, "QuickBooks is down.")
        return down.calls

    assert await ask() == 1
    for tried, pause in enumerate((5, 10, 20, 40, 60, 60), start=1):
        mirrored.clock.ahead += timedelta(seconds=pause - 1)
        assert await ask() == tried
        mirrored.clock.ahead += timedelta(seconds=1)
        assert await ask() == tried + 1
    async with mirrored.uow([mirrored.business_id]) as uow:  # a night of it
        await uow.session.execute(
            text("UPDATE refresh_lease SET failures = 500 WHERE business_id = :id"), {"id": mirrored.business_id}
        )
    mirrored.clock.ahead += timedelta(minutes=1)
    assert await ask() == tried + 2
    mirrored.clock.ahead += timedelta(minutes=1)
    assert not (await mirrored.service.get_bills()).freshness.stale


async def test_a_business_that_was_never_connected_says_so(mirrored: Mirrored) -> None:
    asked = 0

    async def no_grant(_business_id: UUID, _lane: Lane, _patience: Patience) -> QBORawClient:
        nonlocal asked
        asked += 1
        raise RailNeedsReconnect("This business is not connected to QuickBooks yet.")

    mirrored.start_over()
    answer = await mirrored.service_with(clients=no_grant).get_bills()
    assert (answer.value, answer.freshness.as_of, answer.freshness.age_seconds) == ([], None, None)
    assert answer.freshness.stale
    assert "connected" in (answer.freshness.reason or "")
    with pytest.raises(StaleRefused):
        await mirrored.service_with(clients=no_grant).get_bills(freshness=LIVE)
    assert asked == 0


async def test_during_the_backfill_a_read_asks_nothing_and_says_why(mirrored: Mirrored) -> None:
    await mirrored.change_states("Bill", synced_through=None, last_synced_at=None)
    before = mirrored.calls
    answer = await mirrored.service.get_bills()
    assert mirrored.calls == before
    assert answer.freshness.stale
    assert answer.freshness.reason == "the first sync of this company has not finished"


async def test_a_lost_grant_is_reported_once_and_each_read_says_so(mirrored: Mirrored) -> None:
    make_stale(mirrored)
    revoked = FailingClient(QBOAccessRevoked("Connect again.", code="invalid_grant"))
    service = mirrored.service_with(client=revoked)
    answer = await service.get_bills()
    assert answer.freshness.reason == "Connect again."
    assert mirrored.lost_grants == ["Connect again."]
    assert revoked.calls == 1
    with pytest.raises(RailNeedsReconnect):
        await service.refresh(SyncStrategy.SCHEDULED)
