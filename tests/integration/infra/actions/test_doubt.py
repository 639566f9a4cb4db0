"""What follows when nobody knows whether a request was executed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from infra.actions.errors import FoundAfterAll, NotTheObject, TooLate
from infra.actions.models import ActionIntent
from infra.actions.rail import AnswerKind, Write, WriteAnswer
from infra.actions.timing import ActionTiming
from infra.errors import RailUnavailable
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import RENAME, FakeBooks, answer, saying

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def sent_at(bench: Bench, row: ActionIntent, ago: timedelta) -> ActionIntent:
    """A look so long after the send."""
    return await bench.look_after(row, last_sent_at=ago, first_sent_at=ago)


async def test_a_lost_answer_is_found_by_its_mark_and_never_sent_again(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, await bench.open_lines(row)) == ("unknown", ["1"])
    row = await bench.look_after(row)
    assert (row.state, row.external_id, row.verifications) == ("confirmed", "1000", 1)
    assert (len(bench.books.writes), bench.books.bills["1"]) == (1, Decimal(60))


async def test_what_was_recorded_and_voided_before_it_was_found_is_told_as_such(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    row = await bench.done(bill="1", amount=40)
    bench.books.void("1000")
    row = await bench.look_after(row)
    assert (row.state, row.external_id, row.reversed_at is not None) == ("confirmed", "1000", True)
    assert [notice.kind for notice in bench.notices] == ["reversed_externally"]
    assert (len(bench.books.writes), await bench.open_lines(row)) == (1, [])


async def test_what_is_not_seen_within_a_minute_proves_nothing(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    row = await bench.look_after(row)
    assert (row.state, row.negative_probes, row.replays, len(bench.books.writes)) == ("unknown", 0, 0, 1)
    assert row.due_at is not None
    assert row.last_sent_at is not None
    assert row.due_at - row.last_sent_at < timedelta(seconds=21)


async def test_a_lost_request_is_told_again_with_the_same_bytes(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await sent_at(bench, await bench.done(bill="1", amount=40), 1.1 * MINUTE)
    assert (row.state, row.replays) == ("confirmed", 1)
    first, second = bench.books.writes
    assert first == second
    assert [kind for kind, _ in await bench.attempts(row)] == ["first", "replay", "check"]
    assert (await bench.events(row)).count("send_started") == 2


async def test_a_request_that_arrives_late_and_its_replay_are_one_payment(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    late = bench.books.writes[0]

    async def after_the_late_one(books: FakeBooks, request: Write) -> WriteAnswer:
        books.execute(late)
        return await books.done(request)

    bench.books.script = [after_the_late_one]
    row = await sent_at(bench, row, 1.1 * MINUTE)
    assert (row.state, len(bench.books.payments), bench.books.bills["1"]) == ("confirmed", 1, Decimal(60))


async def test_without_trust_in_the_request_id_nothing_is_told_again(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    wary = bench.another_worker(trusts_request_id=lambda _: False)
    for minutes in (1.1, 3.1, 10.1, 31):
        bench.age(row, last_sent_at=minutes * MINUTE, first_sent_at=minutes * MINUTE)
        row = await bench.work(row, worker=wary)
    assert (row.state, len(bench.books.writes)) == ("needs_review", 1)
    assert row.mark in (row.outcome_words or "")
    assert await bench.open_lines(row) == ["1"]
    assert [notice.kind for notice in bench.notices] == ["needs_review"]


async def test_replays_end_and_a_person_is_asked(bench: Bench) -> None:
    most = ActionTiming().most_replays
    bench.books.script = [FakeBooks.lost_request] * (1 + most)
    row = await bench.done(bill="1", amount=40)
    for told in range(1, most + 1):
        row = await sent_at(bench, row, 5.1 * MINUTE)
        assert (row.state, row.replays) == ("unknown", told)
    for minutes in (1.1, 3.1, 31):
        row = await sent_at(bench, row, minutes * MINUTE)
    assert (row.state, len(bench.books.writes)) == ("needs_review", 1 + most)


async def test_a_replay_that_was_lost_too_is_followed_by_a_longer_wait(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request] * 9
    row = await bench.done(bill="1", amount=40)
    for minutes, replays in ((1.1, 1), (1.1, 2), (1.1, 2), (3.1, 3), (3.1, 3), (5.1, 4)):
        row = await sent_at(bench, row, minutes * MINUTE)
        assert (row.state, row.replays) == ("unknown", replays)


async def test_an_old_request_is_not_told_again(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    row = await bench.look_after(row, first_sent_at=1.1 * HOUR, last_sent_at=2 * MINUTE)
    assert (row.state, row.negative_probes, len(bench.books.writes)) == ("unknown", 1, 1)


async def test_denials_that_an_outage_left_out_are_made_up_for_at_once(bench: Bench) -> None:
    """Half an hour is over, and QuickBooks was away for most of it: two more looks are a matter of minutes, not of hours."""
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    bench.books.bills["1"] = Decimal(0)
    row = await sent_at(bench, row, 31 * MINUTE)
    assert row.state == "unknown"
    assert row.due_at is not None
    assert row.due_at - row.changed_at < 2 * MINUTE


async def test_a_replay_that_was_not_sent_is_given_back(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request, saying(AnswerKind.NOT_SENT, retry_after_seconds=30)]
    row = await sent_at(bench, await bench.done(bill="1", amount=40), 1.1 * MINUTE)
    assert (row.state, row.replays) == ("unknown", 0)


async def test_a_bill_that_somebody_else_closed_is_given_up_after_half_an_hour(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    bench.books.bills["1"] = Decimal(0)
    for minutes in (1.1, 3.1, 10.1):
        row = await sent_at(bench, row, minutes * MINUTE)
        assert row.state == "unknown"
    row = await sent_at(bench, row, 31 * MINUTE)
    assert (row.state, row.release_reason, await bench.open_lines(row)) == ("failed", "closed_elsewhere", [])
    assert row.due_at is not None


async def test_what_was_given_up_and_turns_up_later_is_confirmed_and_told(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    bench.books.is_hidden = True
    row = await bench.done(bill="1", amount=40)
    bench.books.bills["1"] = Decimal(0)
    for minutes in (1.1, 3.1, 10.1, 31):
        row = await sent_at(bench, row, minutes * MINUTE)
    row = await bench.look_after(row)
    assert row.state == "failed"
    bench.books.is_hidden = False
    row = await bench.look_after(row)
    assert (row.state, row.external_id) == ("confirmed", "1000")
    assert [notice.kind for notice in bench.notices] == ["late_found"]
    assert "late_found" in await bench.events(row)


async def test_the_watch_ends_after_thirty_days(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    bench.books.bills["1"] = Decimal(0)
    for minutes in (1.1, 3.1, 10.1, 31):
        row = await sent_at(bench, row, minutes * MINUTE)
    row = await bench.look_after(row, settled_at=timedelta(hours=25))
    assert row.due_at is not None
    row = await bench.look_after(row, settled_at=timedelta(days=30, minutes=1))
    assert (row.state, row.due_at) == ("failed", None)


async def in_review(bench: Bench, *, lost: object = FakeBooks.lost_request) -> ActionIntent:
    bench.books.script = [lost]  # type: ignore[list-item]  # one of the troubles
    row = await bench.done(bill="1", amount=40)
    wary = bench.another_worker(trusts_request_id=lambda _: False)
    for minutes in (1.1, 3.1, 31):
        bench.age(row, last_sent_at=minutes * MINUTE, first_sent_at=minutes * MINUTE)
        row = await bench.work(row, worker=wary)
    assert row.state == "needs_review"
    return row


async def test_a_person_finds_it(bench: Bench) -> None:
    bench.books.is_hidden = True
    row = await in_review(bench, lost=FakeBooks.lost_answer)
    bench.books.is_hidden = False
    with pytest.raises(NotTheObject):
        await bench.engine.review_found(bench.business_id, row.id, external_id="77", actor="user:2", request_id="r")
    found = await bench.engine.review_found(
        bench.business_id, row.id, external_id="1000", actor="user:2", request_id="r"
    )
    assert (found.state, found.external_id) == ("confirmed", "1000")
    assert (await bench.log_of(row))[-1].actor == "user:2"
    assert (await bench.look_after(row)).verifications == 1


async def test_a_person_points_at_another_payment(bench: Bench) -> None:
    row = await in_review(bench)
    other = await bench.done(bill="2", amount=10)
    with pytest.raises(NotTheObject):
        await bench.engine.review_found(
            bench.business_id, row.id, external_id=str(other.external_id), actor="user:2", request_id="r"
        )
    assert (await bench.get(row)).state == "needs_review"


async def test_a_person_says_that_it_is_not_there(bench: Bench) -> None:
    row = await in_review(bench)
    given_up = await bench.engine.review_not_there(bench.business_id, row.id, actor="user:2", request_id="r")
    assert (given_up.state, given_up.release_reason) == ("failed", "not there, says user:2")
    assert given_up.due_at is not None
    assert await bench.open_lines(row) == []
    with pytest.raises(TooLate):
        await bench.engine.review_not_there(bench.business_id, row.id, actor="user:2", request_id="r")


async def test_a_person_overlooks_it(bench: Bench) -> None:
    bench.books.is_hidden = True
    row = await in_review(bench, lost=FakeBooks.lost_answer)
    bench.books.is_hidden = False
    with pytest.raises(FoundAfterAll):
        await bench.engine.review_not_there(bench.business_id, row.id, actor="user:2", request_id="r")
    assert (await bench.get(row)).state == "confirmed"


@pytest.mark.parametrize("says_it_is_there", [True, False])
async def test_whatever_a_person_says_of_what_was_voided_meanwhile_it_is_settled(
    bench: Bench, *, says_it_is_there: bool
) -> None:
    bench.books.is_hidden = True
    row = await in_review(bench, lost=FakeBooks.lost_answer)
    bench.books.is_hidden = False
    bench.books.void("1000")
    if says_it_is_there:
        await bench.engine.review_found(bench.business_id, row.id, external_id="1000", actor="user:2", request_id="r")
    else:
        with pytest.raises(FoundAfterAll):
            await bench.engine.review_not_there(bench.business_id, row.id, actor="user:2", request_id="r")
    assert (await bench.get(row)).state == "confirmed"
    row = await bench.look_after(row)
    assert (row.external_id, row.reversed_at is not None) == ("1000", True)


async def test_what_is_in_review_is_still_looked_for(bench: Bench) -> None:
    bench.books.is_hidden = True
    row = await in_review(bench, lost=FakeBooks.lost_answer)
    bench.books.is_hidden = False
    row = await bench.look_after(row)
    assert row.state == "confirmed"


async def test_a_look_that_is_not_answered_says_nothing(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.done(bill="1", amount=40)
    bench.books.reads = RailUnavailable("away")
    before = row.version
    for minutes in (1.1, 31, 60):
        row = await sent_at(bench, row, minutes * MINUTE)
    assert (row.state, row.negative_probes, row.version) == ("unknown", 0, before)
    assert (await bench.attempts(row))[-1] == ("probe", "not_read")
    assert row.due_at is not None
    assert len(await bench.steps(row)) > 1


async def test_a_change_whose_answer_was_lost_is_read_again(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_answer]
    row = await bench.work(await bench.request(bench.wish(operation=RENAME, name="new")))
    assert row.state == "unknown"
    row = await bench.look_after(row)
    assert (row.state, row.external_id, len(bench.books.writes)) == ("confirmed", "9", 1)


async def test_a_change_that_did_not_arrive_is_sent_again_as_it_was(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.work(await bench.request(bench.wish(operation=RENAME, name="new")))
    row = await sent_at(bench, row, 1.1 * MINUTE)
    assert (row.state, row.revision) == ("confirmed", 0)
    assert bench.books.writes[0] == bench.books.writes[1]


async def test_a_change_that_another_overtook_cannot_arrive_any_more(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request]
    row = await bench.work(await bench.request(bench.wish(operation=RENAME, name="new")))
    bench.books.names["9"] |= {"Name": "theirs", "SyncToken": 1}
    assert (await bench.look_after(row)).state == "unknown"
    row = await sent_at(bench, row, 1.1 * MINUTE)
    assert (row.state, row.release_reason, len(bench.books.writes)) == ("failed", "closed_elsewhere", 1)


async def test_two_objects_with_one_mark_are_told(bench: Bench) -> None:
    async def twice(books: FakeBooks, request: Write) -> WriteAnswer:
        first = books.execute(request)
        books.payments["2000"] = {**first, "Id": "2000"}
        return answer(AnswerKind.DOUBTFUL)

    bench.books.script = [twice]
    row = await bench.look_after(await bench.done(bill="1", amount=40))
    assert (row.state, row.external_id) == ("confirmed", "1000")
    assert [(notice.kind, "2000" in notice.words) for notice in bench.notices] == [("duplicate", True)]


async def test_an_object_of_another_action_is_not_taken(bench: Bench) -> None:
    first = await bench.done(bill="2", amount=10)

    async def of_another(_books: FakeBooks, _request: Write) -> WriteAnswer:
        row = (await bench.get(second)).mark
        bench.books.payments["1000"] |= {"Mark": row, "Amount": Decimal(40)}
        return answer(AnswerKind.DONE, payload=dict(bench.books.payments["1000"]))

    bench.books.script = [of_another]
    second = await bench.request()
    second = await bench.work(second)
    assert (second.state, second.outcome_code) == ("unknown", "object_of_another")
    second = await bench.look_after(second)
    assert second.state == "needs_review"
    assert (await bench.get(first)).external_id == "1000"
    assert {notice.kind for notice in bench.notices} == {"duplicate"}
