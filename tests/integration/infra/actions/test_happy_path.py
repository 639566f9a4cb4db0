from decimal import Decimal

from infra.actions.states import ActionState
from tests.integration.infra.actions.bench import Bench


async def test_a_payment_is_recorded_once_and_every_edge_has_its_row(bench: Bench) -> None:
    row = await bench.request()
    assert (row.state, row.version, await bench.open_lines(row)) == ("requested", 1, ["1"])
    assert [(step.job, step.arguments) for step in await bench.steps(row)] == [
        ("actions.work", [str(bench.business_id), str(row.id)])
    ]
    done = await bench.work(row)
    assert done.state == ActionState.CONFIRMED, done.outcome_words
    assert (done.external_id, done.verifications, bench.books.bills["1"]) == ("1000", 1, Decimal(60))
    assert await bench.events(row) == ["requested", "claimed", "send_started", "confirmed", "verified"]
    assert await bench.attempts(row) == [("first", "done"), ("check", "found")]
    assert await bench.open_lines(row) == []
    assert bench.books.kept == [("Payment", "1000"), ("Bill", "1"), ("Payment", "1000")]
    assert done.external_id == "1000"
    assert bench.notices == []
