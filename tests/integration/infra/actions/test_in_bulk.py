"""Many actions at once are what each alone would be, and cost no more statements."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from infra.actions.errors import IntentNotFound, KeyUsedForOther, TargetTaken, TooLate
from infra.actions.in_bulk import Outcome, release_many, request_many
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest
from infra.actions.states import ActionState
from infra.clock import SystemClock
from infra.ids import new_id
from tests.integration.infra.actions.bench import Bench


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement of this process from here on."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    yield heard
    event.remove(Engine, "before_cursor_execute", hear)


WHO: Any = {"actor": "user:2", "request_id": "req-2"}


def wish(bench: Bench, bill: str, **given: Any) -> ActionRequest:
    return bench.wish(bill=bill, amount=40, payee="v1", **given)


async def ask(bench: Bench, *wishes: ActionRequest) -> list[Outcome]:
    async with bench.unit() as uow:
        return await request_many(bench.engine.shop, uow, wishes)


def taken(outcomes: Sequence[Outcome]) -> list[ActionIntent]:
    assert all(isinstance(outcome, ActionIntent) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, ActionIntent)]


async def test_each_is_what_it_would_be_alone(bench: Bench) -> None:
    alone = await bench.request(wish(bench, "1"))
    later = SystemClock().now() + timedelta(days=1)
    many = taken(await ask(bench, wish(bench, "2"), wish(bench, "3")))
    held = taken([await bench.request(wish(bench, "4"), held="wait", not_before=later)])
    for row in (*many, *held):
        assert await bench.open_lines(row) == [row.meaning["bill"]]
    (first,) = await bench.log_of(alone)
    for row in many:
        (logged,) = await bench.log_of(row)
        assert (logged.transaction_type, logged.actor, logged.source) == ("requested", "user:1", "user")
        assert (set(logged.snapshot), set(logged.changes)) == (set(first.snapshot), set(first.changes))
        assert [step.arguments for step in await bench.steps(row)] == [[str(bench.business_id), str(row.id)]]
    for row in many:
        bench.books.bills.setdefault(row.meaning["bill"], bench.books.bills["1"])
        assert (await bench.work(row)).state == ActionState.CONFIRMED


async def test_what_is_taken_is_refused_alone(bench: Bench) -> None:
    holder = await bench.request(wish(bench, "1"))
    outcomes = await ask(bench, wish(bench, "1"), wish(bench, "2"), wish(bench, "2"), wish(bench, "3"))
    first, second = outcomes[0], outcomes[2]
    assert isinstance(first, TargetTaken)
    assert first.intent_id == holder.id
    (two, three) = taken([outcomes[1], outcomes[3]])
    assert isinstance(second, TargetTaken)
    assert second.intent_id == two.id
    assert (await bench.open_lines(two), await bench.open_lines(three)) == (["2"], ["3"])


async def test_a_key_that_is_known_is_the_same_action(bench: Bench) -> None:
    known = await bench.request(wish(bench, "1", key="the-key-of-bill-1"))
    other = await bench.request(wish(bench, "5", key="the-key-of-bill-5"))
    outcomes = await ask(
        bench,
        wish(bench, "1", key="the-key-of-bill-1"),
        wish(bench, "6", key="the-key-of-bill-5"),
        wish(bench, "2"),
        bench.wish(bill="7", amount=1, payee="v1", key="short"),
    )
    same, fresh = taken([outcomes[0], outcomes[2]])
    assert same.id == known.id
    assert isinstance(outcomes[1], KeyUsedForOther)
    assert outcomes[1].intent_id == other.id
    assert not isinstance(outcomes[3], ActionIntent)
    assert await bench.events(known) == await bench.events(fresh) == ["requested"]


async def test_whoever_comes_at_the_same_moment_waits_and_only_their_own_is_refused(bench: Bench) -> None:
    async with bench.unit() as uow:
        before = await bench.engine.request(uow, wish(bench, "2"))
        waiting = asyncio.create_task(ask(bench, wish(bench, "1"), wish(bench, "2"), wish(bench, "3")))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
    outcomes = await waiting
    taken([outcomes[0], outcomes[2]])
    assert isinstance(outcomes[1], TargetTaken)
    assert outcomes[1].intent_id == before.id


async def test_what_waits_is_let_go_together(bench: Bench) -> None:
    later = SystemClock().now() + timedelta(days=1)
    held = await bench.request(wish(bench, "1"), held="wait")
    scheduled = await bench.request(wish(bench, "2"), not_before=later)
    both = await bench.request(wish(bench, "3"), held="wait", not_before=later)
    going = await bench.request(wish(bench, "4"))
    cancelled = await bench.request(wish(bench, "5"))
    nothing = new_id()
    ids = [row.id for row in (held, scheduled, both, going, cancelled)]
    async with bench.unit() as uow:
        await bench.engine.cancel(uow, bench.business_id, cancelled.id, **WHO)
        outcomes = await release_many(uow, bench.business_id, [*ids, nothing], **WHO)
    assert isinstance(outcomes[cancelled.id], TooLate)
    assert isinstance(outcomes[nothing], IntentNotFound)
    assert await bench.events(held) == ["requested", "released"]
    assert await bench.events(scheduled) == ["requested", "brought_forward"]
    assert await bench.events(going) == ["requested"]
    assert (await bench.log_of(held))[-1].changes["state"] == ["blocked", "requested"]
    waits = await bench.get(both)
    assert (waits.state, waits.due_at, waits.held) == ("requested", waits.not_before, None)
    for row, bill in ((held, "1"), (scheduled, "2")):
        bench.books.bills.setdefault(bill, bench.books.bills["1"])
        assert (await bench.work(row)).state == ActionState.CONFIRMED


async def test_the_number_of_statements_does_not_grow(bench: Bench, statements: list[str]) -> None:
    def spent(before: int) -> int:
        return len(statements) - before

    await ask(bench, wish(bench, "1"))
    counted = []
    for many in (2, 12):
        begun = len(statements)
        rows = taken(await ask(bench, *(wish(bench, f"{many}-{number}") for number in range(many))))
        asked, begun = spent(begun), len(statements)
        async with bench.unit() as uow:
            await release_many(uow, bench.business_id, [row.id for row in rows], **WHO)
        counted.append((asked, spent(begun)))
    assert counted[0] == counted[1]


async def test_none_is_none(bench: Bench) -> None:
    assert await ask(bench) == []
