"""What is confirmed is looked at again."""

from datetime import timedelta
from decimal import Decimal

import pytest

from infra.actions.models import ActionIntent
from infra.actions.rail import Write, WriteAnswer
from infra.errors import RailUnavailable
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import RENAME, VOID, FakeBooks


async def settled(bench: Bench, row: ActionIntent, ago: timedelta) -> ActionIntent:
    return await bench.look_after(row, settled_at=ago)


async def test_it_is_looked_at_four_times_and_then_for_good(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    for number, ago in enumerate((timedelta(minutes=2), timedelta(hours=1), timedelta(hours=24)), start=2):
        assert row.due_at is not None
        row = await settled(bench, row, ago)
        assert row.verifications == number
    assert row.due_at is None
    assert (await bench.events(row)).count("verified") == 4
    assert bench.notices == []


async def test_paying_goes_before_looking_again(bench: Bench) -> None:
    await settled(bench, await bench.done(bill="1", amount=40), timedelta(minutes=2))
    assert bench.books.checks == [False, False, True]


async def test_what_is_not_there_at_once_is_for_a_person_and_keeps_its_bill(bench: Bench) -> None:
    bench.books.is_hidden = True
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.outcome_code, await bench.open_lines(row)) == ("needs_review", "gone", ["1"])
    assert [notice.kind for notice in bench.notices] == ["needs_review"]
    bench.books.is_hidden = False
    assert (await bench.look_after(row)).state == "confirmed"
    assert await bench.open_lines(row) == []


async def test_what_no_look_has_seen_is_for_a_person_however_late_the_first_comes(bench: Bench) -> None:
    async def away_afterwards(books: FakeBooks, request: Write) -> WriteAnswer:
        books.reads = RailUnavailable("away")
        return await books.done(request)

    bench.books.script = [away_afterwards]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.verifications) == ("confirmed", 0)
    bench.books.reads, bench.books.is_hidden = None, True
    row = await settled(bench, row, timedelta(hours=2))
    assert (row.state, row.outcome_code, await bench.open_lines(row)) == ("needs_review", "gone", ["1"])


@pytest.mark.parametrize("later", [timedelta(minutes=2), timedelta(hours=1)])
async def test_what_a_look_has_seen_and_somebody_removed_stays_recorded_and_is_told(
    bench: Bench, later: timedelta
) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.payments.clear()
    row = await settled(bench, row, later)
    assert (row.state, row.reversed_at is not None, row.due_at) == ("confirmed", True, None)
    assert [notice.kind for notice in bench.notices] == ["reversed_externally"]


async def test_what_somebody_voided_stays_recorded_and_is_told(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.void("1000")
    row = await settled(bench, row, timedelta(minutes=2))
    assert (row.state, row.reversed_at is not None, row.due_at) == ("confirmed", True, None)
    assert [notice.kind for notice in bench.notices] == ["reversed_externally"]


async def test_what_we_voided_ourselves_says_so_and_alarms_nobody(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    voiding = await bench.done(operation=VOID, payment="1000")
    row = await bench.get(row)
    assert (row.state, row.reversed_at is not None) == ("confirmed", True)
    undone = (await bench.log_of(row))[-1]
    assert (undone.transaction_type, undone.changes["by"]) == ("undone", str(voiding.id))
    row = await settled(bench, row, timedelta(minutes=2))
    assert (row.state, bench.notices) == ("confirmed", [])


async def test_a_second_object_with_the_mark_is_told(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.payments["1500"] = {**bench.books.payments["1000"], "Id": "1500"}
    row = await settled(bench, row, timedelta(minutes=2))
    assert [(notice.kind, "1500" in notice.words) for notice in bench.notices] == [("duplicate", True)]
    assert (row.state, row.external_id) == ("confirmed", "1000")


async def test_what_somebody_edited_is_told(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.payments["1000"]["Amount"] = Decimal(39)
    row = await settled(bench, row, timedelta(minutes=2))
    assert (row.state, [notice.kind for notice in bench.notices]) == ("confirmed", ["echo_differs"])


async def test_a_mark_that_somebody_edited_away_is_no_loss(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.payments["1000"]["Mark"] = ""
    row = await settled(bench, row, timedelta(hours=1))
    assert (row.state, row.reversed_at) == ("confirmed", None)


async def test_a_check_that_is_not_answered_is_made_later(bench: Bench) -> None:
    row = await bench.done(bill="1", amount=40)
    bench.books.reads = RailUnavailable("away")
    row = await settled(bench, row, timedelta(minutes=2))
    assert (row.state, row.verifications, row.due_at is not None) == ("confirmed", 1, True)


async def test_a_change_is_checked_once(bench: Bench) -> None:
    row = await bench.work(await bench.request(bench.wish(operation=RENAME, name="new")))
    assert (row.state, row.verifications, row.due_at) == ("confirmed", 1, None)


async def test_a_change_that_did_nothing_is_for_a_person(bench: Bench) -> None:
    row = await bench.request(bench.wish(operation=RENAME, name="new"))
    real = bench.books.rename

    def only_seemingly(body: dict[str, object]) -> dict[str, object]:
        done = dict(real(body))
        bench.books.names["9"] = {"Id": "9", "Name": "old", "SyncToken": 0}
        return done

    bench.books.rename = only_seemingly  # type: ignore[method-assign]  # books that lie
    row = await bench.work(row)
    assert (row.state, row.outcome_code) == ("needs_review", "gone")
