"""The last word before something is sent: who objects, and what then becomes of the action."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from infra.actions.engine import ActionEngine
from infra.actions.models import ActionIntent
from infra.actions.rail import Payload, RailLook
from infra.actions.spec import Go, Intent, Objection, Refuse, Verdict, Wait
from infra.db.unit_of_work import UnitOfWork
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import PAY, SPECS, FakeBooks


class Somebody:
    """Objects in turn; without an objection left it lets everything go."""

    def __init__(self, bench: Bench, *objections: Objection) -> None:
        self.bench, self.objections = bench, list(objections)
        self.knew: Sequence[tuple[str, str]] = ()
        self.told: list[ActionIntent] = []

    async def say(self, uow: UnitOfWork, row: ActionIntent) -> Objection | None:
        assert (row.state, uow.session.in_transaction()) == ("claimed", True)
        self.knew = list(self.bench.books.kept)
        return self.objections.pop(0) if self.objections else None

    async def stopped(self, row: ActionIntent) -> None:
        self.told.append(row)

    def engine(self) -> ActionEngine:
        async def with_what_was_read(look: RailLook, intent: Intent) -> Verdict:
            verdict = await SPECS[PAY].preflight(look, intent)
            bill: Payload = {"Id": str(intent.meaning["bill"])}
            return replace(verdict, read={"Bill": [bill]}) if isinstance(verdict, Go) else verdict

        specs = {**SPECS, PAY: replace(SPECS[PAY], preflight=with_what_was_read)}
        return self.bench.another_worker(specs=specs, last_word=self.say, stopped=self.stopped)


async def test_what_has_to_wait_is_held_for_a_person_and_keeps_its_bill(bench: Bench) -> None:
    somebody = Somebody(bench, Wait("Approve the bill first."))
    bench.engine = somebody.engine()
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.hold, row.held, row.first_sent_at) == ("blocked", "person", "Approve the bill first.", None)
    assert (bench.books.writes, await bench.open_lines(row), row.due_at) == ([], ["1"], None)
    assert [told.id for told in somebody.told] == [row.id]
    assert somebody.knew == [("Bill", "1")]  # the mirror had it before the word was given
    async with bench.unit() as uow:
        await bench.engine.release(uow, bench.business_id, row.id, actor="user:2", request_id="req-2")
    assert (await bench.work(row)).state == "confirmed"
    assert len(bench.books.writes) == 1


async def test_without_the_books_that_were_read_there_is_no_last_word_and_nothing_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_given: Any, **_more: Any) -> None:
        raise OperationalError("a mirror's lock", None, LockNotAvailable())

    somebody = Somebody(bench)
    bench.engine = somebody.engine()
    row = await bench.request()
    with monkeypatch.context() as patched:
        patched.setattr(bench.books, "keep", locked)
        with pytest.raises(OperationalError):
            await bench.work(row)
    assert ((await bench.get(row)).state, bench.books.writes) == ("claimed", [])
    bench.age(row, lease_until=timedelta(seconds=1))
    assert (await bench.work(row)).state == "confirmed"  # once its lease is over
    assert len(bench.books.writes) == 1


async def test_what_is_refused_ends_and_frees_its_bill(bench: Bench) -> None:
    somebody = Somebody(bench, Refuse("books_closed", "The books are closed."))
    bench.engine = somebody.engine()
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.outcome_code, row.outcome_words) == ("failed", "books_closed", "The books are closed.")
    assert (bench.books.writes, await bench.open_lines(row), somebody.told) == ([], [], [])


async def test_nobody_objects_to_telling_again_what_may_have_been_executed(bench: Bench) -> None:
    somebody = Somebody(bench)
    bench.engine = somebody.engine()
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    somebody.objections = [Wait("No.")]
    since = bench.timing().settled_after
    row = await bench.look_after(row, last_sent_at=since, first_sent_at=since)
    assert (row.state, len(bench.books.writes), somebody.objections) == ("confirmed", 2, [Wait("No.")])
