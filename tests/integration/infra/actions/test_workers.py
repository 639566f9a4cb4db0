"""Workers that meet, die, sleep and wake: one action is in one hand, and a lost hand writes nothing but what it saw."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import literal

from infra.actions import claim, sending
from infra.actions.engine import ActionEngine
from infra.actions.models import ActionIntent
from infra.actions.rail import AnswerKind, Write, WriteAnswer
from infra.crash_points import POINTS, hooked
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import FakeBooks, answer

LONG_AGO = timedelta(seconds=1)


class Killed(BaseException):
    """As a process that is gone: nothing of ours catches it."""


@contextmanager
def killed_at(point: str) -> Iterator[list[str]]:
    reached: list[str] = []

    def die(name: str) -> None:
        reached.append(name)
        if name == point:
            raise Killed

    with hooked(die), pytest.raises(Killed):
        yield reached


async def lease_over(bench: Bench, row: ActionIntent) -> ActionIntent:
    return await bench.look_after(row, lease_until=LONG_AGO)


async def test_of_many_workers_one_sends(bench: Bench) -> None:
    row = await bench.request()
    workers = [bench.another_worker() for _ in range(6)]
    await asyncio.gather(*(worker.work(bench.business_id, row.id) for worker in workers))
    assert (await bench.get(row)).state == "confirmed"
    assert len(bench.books.writes) == 1


async def test_a_worker_that_finds_another_at_work_comes_back_when_its_lease_is_over(bench: Bench) -> None:
    row = await bench.request()
    with killed_at("claim.committed"):
        await bench.work(row)
    before = await bench.steps(row)
    row = await bench.work(row)
    assert (row.state, bench.books.writes) == ("claimed", [])
    later = [step for step in await bench.steps(row) if step.id not in {one.id for one in before}]
    assert row.lease_until is not None
    assert [step.due_at >= row.lease_until for step in later] == [True]


@pytest.mark.parametrize("point", ["claim.committed", "preflight.before", "preflight.after", "send.before_commit"])
async def test_a_worker_that_died_before_the_send_leaves_nothing_in_doubt(bench: Bench, point: str) -> None:
    row = await bench.request()
    with killed_at(point):
        await bench.work(row)
    assert (await bench.get(row)).state == "claimed"
    row = await lease_over(bench, row)
    assert (row.state, row.ever_ambiguous, len(bench.books.writes)) == ("confirmed", False, 1)
    assert "lease_over" in await bench.events(row)


@pytest.mark.parametrize(
    "point",
    [
        "send.committed",
        "send.before_call",
        "send.after_call",
        "answer.moved",
        "answer.evidence_written",
        "answer.before_commit",
    ],
)
async def test_a_worker_that_died_after_send_started_leaves_a_doubt_that_is_cleared(bench: Bench, point: str) -> None:
    row = await bench.request()
    with killed_at(point):
        await bench.work(row)
    was_called = len(bench.books.writes) == 1
    assert (await bench.get(row)).state == "sending"
    row = await bench.look_after(row, lease_until=LONG_AGO, last_sent_at=timedelta(minutes=2))
    assert (row.state, row.ever_ambiguous, row.replays) == ("confirmed", True, 0 if was_called else 1)
    assert (len(bench.books.writes), len(bench.books.payments)) == (1, 1)


@pytest.mark.parametrize(
    "point", ["answer.committed", "verify.before_look", "verify.after_look", "verify.before_commit", "verify.committed"]
)
async def test_a_worker_that_died_after_the_answer_leaves_only_the_check(bench: Bench, point: str) -> None:
    row = await bench.request()
    with killed_at(point):
        await bench.work(row)
    assert (await bench.get(row)).state == "confirmed"
    row = await lease_over(bench, row)
    assert (row.state, row.verifications >= 1, len(bench.books.writes)) == ("confirmed", True, 1)


@pytest.mark.parametrize("point", ["resolve.before_look", "resolve.after_look", "resolve.before_commit"])
async def test_a_resolver_that_died_is_followed_by_another(bench: Bench, point: str) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    row = await bench.done(bill="1", amount=40)
    with killed_at(point):
        await bench.look_after(row)
    assert (await bench.get(row)).state == "unknown"
    row = await lease_over(bench, row)
    assert (row.state, len(bench.books.writes)) == ("confirmed", 1)


@pytest.mark.parametrize("point", ["accept.begin", "accept.intent_written", "accept.lines_written", "accept.asked"])
async def test_a_request_that_died_before_its_commit_never_was(bench: Bench, point: str) -> None:
    wish = bench.wish()
    with killed_at(point):
        await bench.request(wish)
    row = await bench.request(wish)
    assert (row.version, (await bench.work(row)).state) == (1, "confirmed")


async def test_every_point_of_a_straight_way_and_of_a_doubtful_one_is_reached(bench: Bench) -> None:
    reached: set[str] = set()
    with hooked(reached.add):
        bench.books.script = [FakeBooks.lost_request]
        row = await bench.done(bill="1", amount=40)
        ago = timedelta(minutes=2)
        await bench.look_after(row, last_sent_at=ago, first_sent_at=ago)
        bench.books.bills["2"] -= 50
        await bench.done(bill="2", amount=40)
        row = await bench.request(bench.wish(bill="1", amount=20))
        async with bench.unit() as uow:
            await bench.engine.cancel(uow, bench.business_id, row.id, actor="user:1", request_id="r")
        bench.books.script = [FakeBooks.lost_answer]
        await bench.look_after(await bench.done(bill="1", amount=20))
    elsewhere = {"job.claimed", "job.done", "recover.before_commit", "sweep.before_commit"}
    assert reached == set(POINTS) - elsewhere - {"review.before_look", "review.before_commit"}


async def test_one_who_sleeps_until_after_send_started_does_not_call(bench: Bench) -> None:
    sleepy = bench.another_worker(timing=replace(bench.timing(), send_within=timedelta(0)))
    row = await bench.work(await bench.request(), worker=sleepy)
    assert (row.state, row.ever_ambiguous, bench.books.writes) == ("retry_wait", False, [])
    assert (await bench.look_after(row)).state == "confirmed"


async def _take_over_during_call(bench: Bench, *, then: AnswerKind) -> ActionIntent:
    """The worker's call takes longer than its lease; another finds it dead meanwhile."""
    row = await bench.request()
    another = bench.another_worker()

    async def slow(books: FakeBooks, request: Write) -> WriteAnswer:
        bench.age(row, lease_until=LONG_AGO, last_sent_at=timedelta(seconds=30))
        await another.work(bench.business_id, row.id)
        assert (await bench.get(row)).state == "unknown"
        if then is AnswerKind.DONE:
            return await books.done(request)
        return answer(then, code="x", words="no")

    bench.books.script = [slow]
    return await bench.work(row)


async def test_a_sleeper_who_wakes_with_a_success_leaves_it_as_evidence(bench: Bench) -> None:
    row = await _take_over_during_call(bench, then=AnswerKind.DONE)
    assert (row.state, await bench.open_lines(row)) == ("unknown", ["1"])
    assert ("first", "done") in await bench.attempts(row)
    bench.books.is_hidden = False
    row = await bench.work(row)  # it is due at once: somebody left word
    assert (row.state, row.external_id, len(bench.books.writes)) == ("confirmed", "1000", 1)


@pytest.mark.parametrize("kind", [AnswerKind.REFUSED, AnswerKind.NOT_SENT, AnswerKind.DOUBTFUL, AnswerKind.ACCESS_GONE])
async def test_a_sleeper_who_wakes_with_anything_else_changes_nothing(bench: Bench, kind: AnswerKind) -> None:
    row = await _take_over_during_call(bench, then=kind)
    assert (row.state, row.ever_ambiguous, await bench.open_lines(row)) == ("unknown", True, ["1"])
    assert ("first", kind.value) in await bench.attempts(row)


async def test_a_sleeper_before_send_started_is_shut_out(bench: Bench) -> None:
    """It claimed, slept, and another has claimed since: its "send started" finds another fence."""
    row = await bench.request()
    taken = await claim.take(bench.engine.shop, bench.business_id, row.id)
    assert taken is not None
    other = bench.another_worker()
    bench.age(row, lease_until=LONG_AGO)
    await other.work(bench.business_id, row.id)
    assert (await bench.get(row)).state == "confirmed"
    assert await sending.begin(bench.engine.shop, taken) is None
    assert len(bench.books.writes) == 1


async def test_a_poison_action_is_left_to_a_person_and_can_be_released(bench: Bench) -> None:
    row = await bench.request()
    for _ in range(20):
        with killed_at("preflight.before"):
            await bench.work(row)
        bench.age(row, lease_until=LONG_AGO)
    row = await bench.work(row)
    assert (row.state, row.hold, row.outcome_code) == ("blocked", "parked", "parked")
    assert [notice.kind for notice in bench.notices] == ["parked"]
    async with bench.unit() as uow:
        await bench.engine.release(uow, bench.business_id, row.id, actor="user:1", request_id="r")
    assert (await bench.work(row)).state == "confirmed"


async def test_a_look_that_kills_its_worker_each_time_goes_to_review(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    for _ in range(20):
        with killed_at("resolve.before_look"):
            await bench.look_after(row, lease_until=LONG_AGO)
    row = await lease_over(bench, row)
    assert (row.state, row.outcome_code) == ("needs_review", "parked")


async def test_after_a_failover_what_was_not_sent_as_far_as_is_known_is_looked_for_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await bench.request()
    monkeypatch.setattr(claim, "TIMELINE", literal("00000099"))
    row = await bench.work(row)
    assert (row.state, row.ever_ambiguous, row.db_timeline, bench.books.writes) == ("unknown", True, "00000099", [])
    row = await bench.look_after(row, last_sent_at=timedelta(minutes=2))
    assert (row.state, len(bench.books.writes)) == ("confirmed", 1)


async def test_a_ring_for_what_is_not_there_or_not_due_does_nothing(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    version = row.version
    engine: ActionEngine = bench.engine
    await engine.work(bench.business_id, bench.business_id)
    await engine.work(bench.business_id, row.id)
    assert (await bench.get(row)).version == version
