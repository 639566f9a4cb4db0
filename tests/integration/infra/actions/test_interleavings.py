import random
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.actions.engine import ActionEngine
from infra.actions.models import ActionIntent
from infra.actions.states import SETTLED
from infra.db.unit_of_work import UnitOfWorkFactory
from tests.integration.infra.actions.bench import Bench
from tests.integration.infra.actions.fake_books import FakeBooks, Trouble
from tests.integration.infra.actions.turns import Turns, worker

TROUBLES: tuple[list[Trouble], ...] = ([], [FakeBooks.lost_answer], [FakeBooks.lost_request])


@pytest.mark.parametrize("seed", range(8))
async def test_two_workers_in_any_order_make_one_payment(bench: Bench, seed: int) -> None:
    await _meet(bench, seed)


async def test_two_workers_in_an_order_never_tried_before(bench: Bench) -> None:
    """Its seed stands in the failure's message; put it above to see it again."""
    await _meet(bench, random.SystemRandom().randrange(10**9))


async def _meet(bench: Bench, seed: int) -> None:
    """Leases are over at once here, so each worker takes the other for dead whenever it looks."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    order = [chance.randrange(2) for _ in range(16)]
    bench.books.script = list(chance.choice(TROUBLES))
    row = await bench.request()
    hasty = replace(bench.timing(), lease=timedelta(0))

    def engine_of(uow: UnitOfWorkFactory) -> ActionEngine:
        return bench.another_worker(uow=uow, timing=hasty)

    action = (bench.business_id, row.id)
    pair = [worker(name, database_url=bench.app_url, engine_of=engine_of, action=action) for name in "ab"]
    turns = Turns()
    turns.run(pair, order)
    row = await _brought_to_its_end(bench, row)
    history = (seed, turns.trace, await bench.events(row), await bench.attempts(row))
    assert (row.state, row.verifications >= 1) == ("confirmed", True), history
    assert [payment["Id"] for payment in bench.books.payments.values()] == [row.external_id], history
    versions = [entry.version for entry in await bench.log_of(row)]
    assert versions == list(range(1, row.version + 1)), history
    assert len({write.request_id for write in bench.books.writes}) == 1, history
    assert await bench.open_lines(row) == [], history


async def _brought_to_its_end(bench: Bench, row: ActionIntent) -> ActionIntent:
    """Somebody comes later, when everything is quiet."""
    ago = timedelta(minutes=2)
    for _ in range(8):
        row = await bench.get(row)
        if row.state in SETTLED and row.verifications:
            break
        sent = {} if row.last_sent_at is None else {"last_sent_at": ago, "first_sent_at": ago}
        lease = {} if row.lease_until is None else {"lease_until": ago}
        row = await bench.look_after(row, **sent, **lease)
    return row
