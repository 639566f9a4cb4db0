"""What stands is told once and counted, what is over ends, and owners are written to about an alarm once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from domains.core import notices
from domains.core.business_service import BusinessService
from domains.core.connection_service import ConnectionService
from domains.core.models import Connection, ConnectionState
from domains.core.notice_models import Notice
from domains.core.notices import NoticeKind
from domains.core.people import Membership, User
from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.ids import new_id
from infra.jobs.outbox import OutboxRow
from infra.mail.models import Mail
from infra.mail.post import Post
from infra.security.keyring import Keyring
from infra.sync import drift, runs
from infra.sync.call_budget import CallBudget
from infra.sync.call_counts import CallTally, RailCallCount
from infra.sync.drift import Drift, DriftCause, DriftKind
from infra.sync.quarantine import QuarantinedObject
from infra.sync.refresh_lease import RefreshLease
from runway.orchestrators.watch import NOTICE_MAIL_JOB, Watch
from tests.rig import Database

NOW = datetime(2026, 3, 15, 19, 0, tzinfo=UTC)
ALLOWANCE = 1_000_000_000  # more than the tests beside this one make of their own


class SetClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


class Watched:
    """One connected business that is in step."""

    def __init__(self, watch: Watch, clock: SetClock, business_id: UUID) -> None:
        self.watch = watch
        self.clock = clock
        self.business_id = business_id
        self.uow: UnitOfWorkFactory = watch.uow

    async def look(self) -> dict[tuple[str, str], Notice]:
        """The notices that stand afterwards."""
        await self.watch.look_at(self.business_id)
        async with self.uow([self.business_id]) as uow:
            found = await notices.list_notices(uow.session, self.business_id, is_open=True, limit=100)
        return {(one.kind, one.subject): one for one in found}

    async def find(self, **values: object) -> drift.DriftItem:
        found = Drift(**{"kind": DriftKind.TOTAL, "entity": "Account", "external_id": "35", "cause": DriftCause.UNKNOWN, **values})  # type: ignore[arg-type]  # fmt: skip  # a test's own defaults
        async with self.uow([self.business_id]) as uow:
            (item,) = await drift.record(
                uow.session, self.business_id, rail=Rail.QBO, run_id=uuid4(), found=[found], now=self.clock.now()
            )
        return item


@pytest.fixture
async def watched(database: Database, tmp_path: Path) -> AsyncIterator[Watched]:
    engines = [create_engine(url, pool_size=2) for url in (database.app_url, database.access_url, database.jobs_url)]
    uow, access_uow, jobs_uow = map(unit_of_work_factory, engines)
    clock = SetClock()
    watch = Watch(
        uow=uow, access_uow=access_uow, jobs_uow=jobs_uow, connections=ConnectionService(Rail.QBO),
        budget=CallBudget(uow=uow, jobs_uow=jobs_uow, rail=Rail.QBO, allowance=ALLOWANCE, clock=clock),
        post=lambda: Post(Keyring.load(tmp_path / "keyring.json", create=True)), clock=clock, public_url="https://books.example",
    )  # fmt: skip
    async with access_uow([]) as unit:
        business = await BusinessService().create_business(unit.session, "Dune", now=NOW)
        for name, role in (("owner", "owner"), ("viewer", "viewer")):
            user = User(id=new_id(), email=f"{name}-{business.id}@dune.example", name=name, created_at=NOW)
            unit.session.add(user)
            await unit.session.flush()
            unit.session.add(Membership(business_id=business.id, user_id=user.id, role=role, created_at=NOW))
    async with uow([business.id]) as unit:
        unit.session.add(
            Connection(
                business_id=business.id,
                id=new_id(),
                rail="qbo",
                external_account_id=str(business.id.int),
                state="active",
                connected_at=NOW,
                state_changed_at=NOW,
            )
        )
        await runs.ensure_states(unit.session, business.id, rail=Rail.QBO, entities=["Bill", "Account"])
        await runs.change_states(
            unit.session, business.id, rail=Rail.QBO, entities=["Bill", "Account"],
            values={"synced_through": NOW, "last_synced_at": NOW},
        )  # fmt: skip
    yield Watched(watch, clock, business.id)
    for engine in engines:
        await engine.dispose()


async def test_of_books_in_step_there_is_nothing_to_tell(watched: Watched) -> None:
    assert await watched.look() == {}


async def test_open_drift_stands_until_it_is_repaired_and_is_counted(watched: Watched) -> None:
    item = await watched.find(size=Decimal("1.23"), details={"figure": "account balance", "mirror": "1", "rail": "2"})
    for times in (1, 2):
        (notice,) = (await watched.look()).values()
        assert (notice.kind, notice.severity, notice.times) == ("drift", "alarm", times)
        assert "account balance" in notice.title
    async with watched.uow([watched.business_id]) as uow:
        await drift.close(uow.session, watched.business_id, ids=[item.id], request_id="r", now=NOW)
    assert await watched.look() == {}


async def test_owners_are_written_to_about_an_alarm_once(watched: Watched) -> None:
    await watched.find()
    await watched.look()
    await watched.look()
    async with watched.uow([watched.business_id]) as uow:
        jobs = list(await uow.session.scalars(select(OutboxRow).where(OutboxRow.business_id == watched.business_id)))
    assert [job.job for job in jobs] == [NOTICE_MAIL_JOB]
    for _ in range(2):
        await watched.watch.write_letters(*map(UUID, jobs[0].arguments))
    async with watched.watch.access_uow([]) as uow:
        address = f"owner-{watched.business_id}@dune.example"
        letters = list(await uow.session.scalars(select(Mail).where(Mail.recipient.contains(str(watched.business_id)))))
    assert [letter.recipient for letter in letters] == [address]


async def test_a_connection_that_is_gone_or_fails_and_books_that_grow_old(watched: Watched) -> None:
    async with watched.uow([watched.business_id]) as uow:
        uow.session.add(
            RefreshLease(
                business_id=watched.business_id,
                rail="qbo",
                fence=1,
                holder="h",
                strategy="page",
                began_at=NOW,
                leased_until=NOW,
                finished_at=NOW,
                error="QuickBooks did not answer.",
                failures=5,
            )
        )
    watched.clock.moment += timedelta(hours=25)
    told = await watched.look()
    assert set(told) == {("connection_failing", "qbo"), ("stale", "qbo")}
    assert {notice.severity for notice in told.values()} == {"alarm"}  # somebody is written to
    async with watched.uow([watched.business_id]) as uow:
        connection = (await uow.session.scalars(select(Connection))).one()
        connection.state = ConnectionState.NEEDS_RECONNECT.value
    assert set(await watched.look()) == {("reconnect_needed", "qbo")}


async def test_what_cannot_be_read_is_told_by_kind(watched: Watched) -> None:
    async with watched.uow([watched.business_id]) as uow:
        uow.session.add(
            QuarantinedObject(
                business_id=watched.business_id,
                rail="qbo",
                entity="Bill",
                external_id="7",
                reason="no VendorRef",
                payload={},
                first_seen_at=NOW,
                last_seen_at=NOW,
            )
        )
    (notice,) = (await watched.look()).values()
    assert (notice.kind, notice.subject) == ("quarantine", "Bill")
    assert "7 (no VendorRef)" in notice.text


async def test_a_change_in_closed_books_stands_until_somebody_has_seen_it(watched: Watched) -> None:
    item = await watched.find(
        kind=DriftKind.CLOSED_PERIOD, entity="Bill", external_id="7", cause=DriftCause.CLOSED_PERIOD, size=Decimal(5),
        details={"on": "2025-12-01", "closed_on": "2025-12-31", "change": "updated", "doc_number": "B-1"},
    )  # fmt: skip
    async with watched.uow([watched.business_id]) as uow:
        await drift.close(uow.session, watched.business_id, ids=[item.id], request_id="r", now=NOW)
    for _ in range(2):
        (notice,) = (await watched.look()).values()
        assert (notice.kind, notice.severity, notice.times) == (NoticeKind.CLOSED_PERIOD, "alarm", 1)
    async with watched.uow([watched.business_id]) as uow:
        await notices.mark_seen(uow.session, watched.business_id, notice.id, now=NOW)
    assert await watched.look() == {}


async def test_a_dead_job_is_told(watched: Watched) -> None:
    async with watched.uow([watched.business_id]) as uow:
        uow.enqueue("qbo.tie_out", str(watched.business_id), queue="bulk")
    async with watched.watch.jobs_uow([]) as uow:
        row = (await uow.session.scalars(select(OutboxRow).where(OutboxRow.business_id == watched.business_id))).one()
        row.dead_at, row.last_error = NOW, "ValueError: no"
    (notice,) = (await watched.look()).values()
    assert (notice.kind, notice.subject, notice.severity) == ("dead_job", "qbo.tie_out", "alarm")


async def test_a_month_that_will_pass_its_budget_is_told_until_it_will_not(watched: Watched) -> None:
    """By 19:00 of the fifteenth a day's calls are some of what the month will have; told to those that make calls, and to no other."""
    tally = CallTally(watched.uow, clock=watched.clock)
    count = tally.counter(watched.business_id, Rail.QBO, otherwise="scheduled")
    count(True)
    await tally.flush()
    assert await watched.look() == {}
    async with watched.uow([watched.business_id]) as uow:
        calls = select(RailCallCount).where(RailCallCount.business_id == watched.business_id)
        (row,) = await uow.session.scalars(calls)
        row.calls = ALLOWANCE // 10
    watched.clock.moment += timedelta(minutes=2)
    for times in (1, 2):
        (notice,) = (await watched.look()).values()
        assert (notice.kind, notice.severity, notice.times) == (NoticeKind.CALL_BUDGET, "warning", times)
        assert notice.details["monthly_calls"] == ALLOWANCE
        assert float(notice.details["percent"]) >= 100
    async with watched.uow([watched.business_id]) as uow:
        (row,) = await uow.session.scalars(calls)
        row.calls = 1
    watched.clock.moment += timedelta(minutes=2)
    assert await watched.look() == {}
