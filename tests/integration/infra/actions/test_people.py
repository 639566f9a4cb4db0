import pytest

from infra.actions.errors import IntentNotFound, TooLate
from infra.actions.rail import AnswerKind
from infra.actions.waking import wake
from infra.config import Rail
from infra.ids import new_id
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import RENAME, FakeBooks, saying


async def test_what_has_not_left_can_be_taken_back(bench: Bench) -> None:
    row = await bench.request()
    for _ in range(2):
        async with bench.unit() as uow:
            cancelled = await bench.engine.cancel(uow, bench.business_id, row.id, actor="user:1", request_id="r")
    assert (cancelled.state, await bench.open_lines(row), await bench.events(row)) == (
        "cancelled",
        [],
        ["requested", "cancelled"],
    )
    assert (await bench.work(row)).state == "cancelled"
    assert bench.books.writes == []
    assert (await bench.request()).id != row.id


@pytest.mark.parametrize("state", ["confirmed", "unknown", "failed"])
async def test_what_has_left_cannot(bench: Bench, state: str) -> None:
    troubles = {"confirmed": [], "unknown": [FakeBooks.lost_request], "failed": [saying(AnswerKind.REFUSED)]}
    bench.books.script = list(troubles[state])  # type: ignore[call-overload]  # lists of troubles, one empty
    row = await bench.done(bill="1", amount=40)
    assert row.state == state
    for wish in (bench.engine.cancel, bench.engine.release):
        with pytest.raises(TooLate):
            async with bench.unit() as uow:
                await wish(uow, bench.business_id, row.id, actor="user:1", request_id="r")
    with pytest.raises(TooLate):
        async with bench.unit() as uow:
            await bench.engine.hold(uow, bench.business_id, row.id, why="x", actor="user:1", request_id="r")


async def test_what_waits_for_its_next_try_can_be_taken_back_and_held(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.NOT_SENT), saying(AnswerKind.NOT_SENT)]
    first, second = await bench.done(bill="1", amount=40), await bench.done(bill="2", amount=10)
    async with bench.unit() as uow:
        who = {"actor": "user:1", "request_id": "r"}
        assert (await bench.engine.cancel(uow, bench.business_id, first.id, **who)).state == "cancelled"
        held = await bench.engine.hold(uow, bench.business_id, second.id, why="Look first.", **who)
    assert (held.state, held.due_at, held.held) == ("blocked", None, "Look first.")


async def test_another_business_has_no_such_action(bench: Bench) -> None:
    row = await bench.request()
    with pytest.raises(IntentNotFound):
        await bench.engine.get(new_id(), row.id)
    async with bench.engine.shop.uow([new_id()]) as uow:
        with pytest.raises(IntentNotFound):
            await bench.engine.cancel(uow, bench.business_id, row.id, actor="user:1", request_id="r")


async def test_a_new_connection_wakes_what_waited_for_it(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.ACCESS_GONE), FakeBooks.lost_answer]
    blocked, unknown = await bench.done(bill="1", amount=40), await bench.done(bill="2", amount=10)
    held = await bench.request(bench.wish(operation=RENAME, name="new"), held="Wait.")
    async with bench.unit() as uow:
        assert await wake(uow, bench.business_id, Rail.QBO) == 2
    assert (await bench.work(unknown)).state == "confirmed"
    assert (await bench.work(blocked)).state == "requested"
    assert (await bench.work(blocked)).state == "confirmed"
    assert (await bench.work(held)).state == "blocked"
