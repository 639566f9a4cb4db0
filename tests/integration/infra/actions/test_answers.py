"""Each answer that a rail may give, and what is believed of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from infra.actions.rail import AnswerKind, SendStage, Write, WriteAnswer
from infra.errors import RailNeedsReconnect, RailRateLimited, RailRejected, RailUnavailable
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import PAY, RENAME, SPECS, FakeBooks, answer, saying


@pytest.mark.parametrize("kind", [AnswerKind.NOT_SENT, AnswerKind.NOT_EXECUTED])
async def test_what_was_surely_not_executed_is_sent_again_with_the_same_bytes(bench: Bench, kind: AnswerKind) -> None:
    bench.books.script = [saying(kind, retry_after_seconds=7.0, code="429")]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.ever_ambiguous, row.waits) == ("retry_wait", False, 1)
    assert row.due_at is not None
    assert row.due_at - row.changed_at >= timedelta(seconds=6.9)
    assert row.due_at is not None
    row = await bench.look_after(row)
    assert row.state == "confirmed"
    first, second = bench.books.writes
    assert first == second
    assert [kind for kind, _ in await bench.attempts(row)] == ["first", "resend", "check"]


async def test_a_refusal_of_the_first_request_ends_it_and_frees_the_bill(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.REFUSED, code="6540", words="The account is closed.", status=400)]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.outcome_code, row.due_at) == ("failed", "6540", None)
    assert row.outcome_words == "The account is closed."
    assert await bench.open_lines(row) == []
    assert (await bench.done(bill="1", amount=40)).state == "confirmed"


async def test_a_refusal_after_a_doubt_proves_nothing(bench: Bench) -> None:
    bench.books.script = [FakeBooks.lost_request, saying(AnswerKind.REFUSED, code="6540")]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.ever_ambiguous) == ("unknown", True)
    row = await bench.look_after(row, last_sent_at=timedelta(seconds=61), first_sent_at=timedelta(seconds=61))
    assert (row.state, row.replays, await bench.open_lines(row)) == ("unknown", 1, ["1"])
    assert (await bench.attempts(row))[-1] == ("replay", "refused")


async def test_no_access_waits_for_a_person_and_goes_on_by_itself_then(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.ACCESS_GONE, words="QuickBooks must be connected again.")]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.hold, row.ever_ambiguous) == ("blocked", "access", False)
    bench.account = "another-realm"
    row = await bench.look_after(row)
    assert (row.state, row.due_at is not None) == ("blocked", True)
    bench.account = "realm-1"
    row = await bench.look_after(row)
    assert row.state == "requested"
    assert (await bench.work(row)).state == "confirmed"


async def test_nothing_is_sent_to_the_books_of_another_company(bench: Bench) -> None:
    row = await bench.request()
    bench.account = "another-realm"
    row = await bench.work(row)
    assert (row.state, row.hold, bench.books.writes) == ("blocked", "access", [])


async def test_our_own_number_is_no_refusal(bench: Bench) -> None:
    async def taken_by_ourselves(books: FakeBooks, request: Write) -> WriteAnswer:
        books.execute(request)
        return answer(AnswerKind.DUPLICATE_NUMBER, code="6140")

    bench.books.script = [taken_by_ourselves]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.external_id) == ("confirmed", "1000")
    assert "adopted" in await bench.events(row)
    bench.books.script = [saying(AnswerKind.DUPLICATE_NUMBER, code="6140", words="The number is taken.")]
    assert (await bench.done(bill="2", amount=10)).state == "failed"


async def test_a_mark_that_is_taken_as_a_number_says_that_ours_is_there_though_it_cannot_be_seen_yet(
    bench: Bench,
) -> None:
    """The row was lost in a failover after it was sent, and made again with the same mark."""

    async def taken_by_ourselves_unseen(books: FakeBooks, request: Write) -> WriteAnswer:
        books.execute(request)
        books.is_hidden = True
        return answer(AnswerKind.DUPLICATE_NUMBER, code="6140")

    numbered = replace(SPECS[PAY], is_numbered_by_mark=lambda _: True)
    bench.engine = bench.another_worker(specs={**SPECS, PAY: numbered})
    bench.books.script = [taken_by_ourselves_unseen]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, await bench.open_lines(row)) == ("unknown", ["1"])
    bench.books.is_hidden = False
    row = await bench.look_after(row)
    assert (row.state, len(bench.books.writes)) == ("confirmed", 1)


async def test_a_number_of_which_nobody_can_say_whose_it_is_leaves_doubt(bench: Bench) -> None:
    async def taken_and_gone(books: FakeBooks, _request: Write) -> WriteAnswer:
        books.reads = RailUnavailable("away")
        return answer(AnswerKind.DUPLICATE_NUMBER, code="6140")

    bench.books.script = [taken_and_gone]
    assert (await bench.done(bill="1", amount=40)).state == "unknown"


async def test_a_success_that_shows_something_else_is_no_success(bench: Bench) -> None:
    async def otherwise(books: FakeBooks, request: Write) -> WriteAnswer:
        payment = books.execute(request)
        payment["Amount"] = Decimal(99)
        return answer(AnswerKind.DONE, payload=dict(payment))

    bench.books.script = [otherwise]
    row = await bench.done(bill="1", amount=40)
    assert (row.state, row.outcome_code) == ("unknown", "echo_differs")
    assert [notice.kind for notice in bench.notices] == ["echo_differs"]
    row = await bench.look_after(row)
    assert row.state == "needs_review"


@pytest.mark.parametrize("broken", [{}, {"Id": "5"}])
async def test_a_success_that_cannot_be_read_is_doubt(bench: Bench, broken: dict[str, str]) -> None:
    bench.books.script = [saying(AnswerKind.DONE, payload=broken)]
    assert (await bench.done(bill="1", amount=40)).state == "unknown"


async def test_a_rail_that_breaks_its_word_and_raises_leaves_doubt(bench: Bench) -> None:
    async def raise_it(_books: FakeBooks, _request: Write) -> WriteAnswer:
        raise RailRejected("no", code="1")

    bench.books.script = [raise_it]
    row = await bench.done(bill="1", amount=40)
    assert row.state == "unknown"
    assert (await bench.attempts(row)) == [("first", "doubtful")]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RailUnavailable("away"), "retry_wait"),
        (RailRateLimited("slow", retry_after_seconds=9), "retry_wait"),
        (RailRejected("no", code="400"), "retry_wait"),
        (KeyError("a slip of ours"), "retry_wait"),
        (RailNeedsReconnect("gone"), "blocked"),
    ],
)
async def test_without_a_look_nothing_is_sent(bench: Bench, error: Exception, state: str) -> None:
    bench.books.reads = error
    row = await bench.done(bill="1", amount=40)
    assert (row.state, bench.books.writes, row.ever_ambiguous) == (state, [], False)
    bench.books.reads = None
    row = await bench.look_after(row)
    if state == "blocked":
        row = await bench.work(row)
    assert row.state == "confirmed"


async def test_a_bill_that_somebody_paid_meanwhile_is_not_paid_again(bench: Bench) -> None:
    row = await bench.request()
    bench.books.bills["1"] = Decimal(10)
    row = await bench.work(row)
    assert (row.state, row.outcome_code, bench.books.writes) == ("failed", "already_paid", [])
    assert row.seen == {"balance": 10}


async def test_a_stale_change_is_built_anew_under_a_new_id(bench: Bench) -> None:
    async def edited_meanwhile(books: FakeBooks, request: Write) -> WriteAnswer:
        books.names["9"]["SyncToken"] += 1
        return await books.done(request)

    bench.books.script = [edited_meanwhile]
    row = await bench.work(await bench.request(bench.wish(operation=RENAME, name="new")))
    assert (row.state, row.is_stale, row.revision) == ("retry_wait", True, 0)
    row = await bench.work(row)
    assert (row.state, row.revision, bench.books.names["9"]["Name"]) == ("confirmed", 1, "new")
    first, second = bench.books.writes
    assert first.request_id != second.request_id
    assert first.body != second.body


async def test_a_change_that_is_stale_every_time_is_given_up(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.STALE, code="5010")] * 7
    row = await bench.request(bench.wish(operation=RENAME, name="new"))
    for _ in range(7):
        row = await bench.work(row)
    assert (row.state, row.outcome_code, len(bench.books.writes)) == ("failed", "keeps_changing", 6)


async def test_a_create_that_is_refused_as_stale_is_refused(bench: Bench) -> None:
    bench.books.script = [saying(AnswerKind.STALE, code="5010", stage=SendStage.BODY, words="It changed.")]
    assert (await bench.done(bill="1", amount=40)).state == "failed"
