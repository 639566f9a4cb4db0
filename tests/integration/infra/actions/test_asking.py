import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.actions.errors import KeyUsedForOther, MalformedClientKey, TargetTaken, UnknownOperation
from infra.actions.identity import IdentityGraph
from infra.config import Rail
from infra.errors import InvalidInput, UnstorableText
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import PAY, RENAME


async def test_a_double_click_is_one_action(bench: Bench) -> None:
    wish = bench.wish()
    rows = await asyncio.gather(*(bench.request(wish) for _ in range(6)))
    assert len({row.id for row in rows}) == 1
    assert len(await bench.steps(rows[0])) == 1


async def test_many_double_clicks_at_once_are_one_action_each(bench: Bench) -> None:
    """Two that insert in the same moment meet in any of the key's unique indexes, whichever is looked at first."""
    for number in range(25):
        wish = bench.wish(bill=f"race-{number}", amount=40, payee="v1")
        rows = await asyncio.gather(*(bench.request(wish) for _ in range(8)))
        assert len({row.id for row in rows}) == 1


async def test_the_same_key_is_the_same_action_also_when_it_is_done_or_failed(bench: Bench) -> None:
    wish = bench.wish()
    done = await bench.work(await bench.request(wish))
    again = await bench.request(replace(wish, meaning={"amount": 40, "payee": "v1", "bill": "1"}))
    assert (again.id, again.state) == (done.id, "confirmed")
    assert len(bench.books.writes) == 1


@pytest.mark.parametrize("other", [{"bill": "2"}, {"amount": 41}, {"payee": "v2"}])
async def test_the_same_key_for_something_else_is_refused(bench: Bench, other: dict[str, Any]) -> None:
    wish = bench.wish()
    row = await bench.request(wish)
    with pytest.raises(KeyUsedForOther) as refused:
        await bench.request(replace(wish, meaning={**wish.meaning, **other}))
    assert refused.value.intent_id == row.id


async def test_another_action_cannot_have_an_object_that_one_has(bench: Bench) -> None:
    first = await bench.request()
    with pytest.raises(TargetTaken) as refused:
        await bench.request()
    assert (refused.value.intent_id, refused.value.external_id) == (first.id, "1")
    await bench.work(first)
    assert (await bench.request()).id != first.id


async def test_of_many_who_want_the_same_object_at_once_one_gets_it(bench: Bench) -> None:
    outcomes = await asyncio.gather(*(bench.request() for _ in range(8)), return_exceptions=True)
    taken = [each for each in outcomes if isinstance(each, TargetTaken)]
    got = [each for each in outcomes if not isinstance(each, BaseException)]
    assert (len(got), len(taken)) == (1, 7)
    assert {each.intent_id for each in taken} == {got[0].id}


async def test_one_that_is_refused_leaves_the_others_of_its_transaction(bench: Bench) -> None:
    held = await bench.request()
    async with bench.unit() as uow:
        kept = await bench.engine.request(uow, bench.wish(bill="2", amount=10))
        with pytest.raises(TargetTaken):
            await bench.engine.request(uow, bench.wish())
    assert (await bench.get(kept)).state == "requested"
    assert (await bench.get(held)).state == "requested"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"operation": "sell_the_house"}, UnknownOperation),
        ({"client_key": "short"}, MalformedClientKey),
        ({"client_key": "k" * 65}, MalformedClientKey),
        ({"client_key": "with spaces in it, long"}, MalformedClientKey),
        ({"meaning": {"bill": "1", "amount": -1}}, InvalidInput),
        ({"meaning": {"bill": "1", "amount": 1, "memo": "a\0b"}}, UnstorableText),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    bench: Bench, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"."):
        await bench.request(bench.wish(), **changes)


async def test_an_action_that_waits_for_a_person_holds_its_object_and_goes_on_when_it_is_released(bench: Bench) -> None:
    row = await bench.request(held="Two people must agree.")
    assert (row.state, row.hold, row.due_at, await bench.steps(row)) == ("blocked", "person", None, [])
    assert (await bench.work(row)).state == "blocked"
    with pytest.raises(TargetTaken):
        await bench.request()
    async with bench.unit() as uow:
        await bench.engine.release(uow, bench.business_id, row.id, actor="user:2", request_id="r")
    assert (await bench.work(row)).state == "confirmed"


async def test_an_action_for_another_day_waits_for_it(bench: Bench) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    row = await bench.request(not_before=tomorrow)
    assert row.due_at == tomorrow
    assert (await bench.work(row)).state == "requested"
    assert [step.due_at >= tomorrow for step in await bench.steps(row)] == [True]
    async with bench.unit() as uow:
        await bench.engine.hold(uow, bench.business_id, row.id, why="Wait.", actor="user:2", request_id="r")
        released = await bench.engine.release(uow, bench.business_id, row.id, actor="user:2", request_id="r")
    assert released.due_at is not None
    assert abs(released.due_at - tomorrow) < timedelta(seconds=5)
    assert (await bench.look_after(row)).state == "confirmed"


async def test_what_looks_the_same_is_found_for_a_question(bench: Bench) -> None:
    first = await bench.done(bill="1", amount=40, payee="v1")
    same, other = bench.wish(bill="2", amount=40, payee="v1"), bench.wish(bill="2", amount=41, payee="v1")
    async with bench.unit() as uow:
        assert [row.id for row in await bench.engine.list_alike(uow, same)] == [first.id]
        assert await bench.engine.list_alike(uow, other) == []
        assert await bench.engine.list_alike(uow, bench.wish(operation=RENAME, name="x")) == []


async def test_an_action_is_found_by_what_it_used_and_what_it_made(bench: Bench) -> None:
    row = await bench.request()
    async with bench.unit() as uow:
        graph = IdentityGraph(uow.session, bench.business_id)
        holder = await graph.find_holder(Rail.QBO, kind="Bill", external_id="1")
        assert holder is not None
        assert holder.id == row.id
    await bench.work(row)
    async with bench.unit() as uow:
        graph = IdentityGraph(uow.session, bench.business_id)
        made = await graph.find_by_external_id(PAY, "1000")
        assert made is not None
        assert made.id == row.id
        assert await graph.find_holder(Rail.QBO, kind="Bill", external_id="1") is None
        assert [one.id for one in await graph.list_of_target(Rail.QBO, kind="Bill", external_id="1")] == [row.id]
