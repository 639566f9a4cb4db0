"""Two writers at once: what row locks alone would not order."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domains.ap.mirrors import BILLS_FROM_QBO, VENDORS_FROM_QBO
from infra.config import Rail
from infra.ids import new_id
from infra.qbo.wire import record_of
from infra.sync import mirror_store, runs
from infra.sync.mirror_store import StoreOutcome
from tests.integration.infra.sync.bill_mirror import START, BillMirror, bill, gone
from tests.unit.domains.bodies import make_vendor


async def test_two_first_deliveries_of_one_page_make_one_row_an_object(mirror: BillMirror) -> None:
    """The second begins while the first is stored and not committed: it sees none of the rows."""
    page = [bill(str(number)) for number in range(50)]
    async with mirror.uow([mirror.business_id]) as first:
        await mirror_store.store(first.session, BILLS_FROM_QBO, mirror.delivery(*page))
        second = asyncio.create_task(mirror.put(*page, fetched=101))
        await asyncio.sleep(0.2)
        assert not second.done()
    assert await second == StoreOutcome(unchanged=50)
    assert len(await mirror.list_all()) == 50
    assert await mirror.log_count() == 50


async def test_many_first_deliveries_at_once(mirror: BillMirror) -> None:
    pages = [[bill(str(number)) for number in range(start, start + 30)] for start in (0, 10, 20, 0, 15)]
    outcomes = await asyncio.gather(*(mirror.put(*page) for page in pages))
    assert sum(outcome.created for outcome in outcomes) == 50
    assert sum(outcome.changed for outcome in outcomes) == await mirror.log_count() == 50


@pytest.mark.parametrize("newer_is_first", [True, False])
async def test_an_older_and_a_newer_delivery_at_once(mirror: BillMirror, *, newer_is_first: bool) -> None:
    older, newer = bill(version=1, Balance=Decimal(1)), bill(version=2, Balance=Decimal(2))
    first, second = (newer, older) if newer_is_first else (older, newer)
    async with mirror.uow([mirror.business_id]) as uow:
        await mirror_store.store(uow.session, BILLS_FROM_QBO, mirror.delivery(first))
        waiting = asyncio.create_task(mirror.put(second))
        await asyncio.sleep(0.1)
    await waiting
    assert await mirror.balance() == 2
    assert await mirror.log_types() == (["created"] if newer_is_first else ["created", "updated"])


async def test_twenty_writers_of_one_object_leave_the_newest_and_no_gap(mirror: BillMirror) -> None:
    states = [bill(version=version, Balance=Decimal(version)) for version in (7, 3, 9, 1, 5, 0, 8, 2, 6, 4) * 2]
    await asyncio.gather(*(mirror.put(state) for state in states))
    assert await mirror.balance() == 9
    entries = await mirror.log()
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    balances = [entry.snapshot["Balance"] for entry in entries]
    assert balances == sorted(balances)


async def test_a_deletion_and_an_edit_at_once(mirror: BillMirror) -> None:
    await mirror.put(bill(version=0))
    await asyncio.gather(
        mirror.put(deletions=[gone(updated=20)]),
        mirror.put(bill(version=1, updated=10, Balance=Decimal(3))),
        mirror.put(bill(version=0)),
    )
    assert (await mirror.get()).deleted_at is not None


async def test_writers_of_other_businesses_and_tables_do_not_wait(mirror: BillMirror, engine: AsyncEngine) -> None:
    other = BillMirror(engine)
    async with mirror.uow([mirror.business_id]) as uow:
        await mirror_store.store(uow.session, BILLS_FROM_QBO, mirror.delivery(bill()))
        async with asyncio.timeout(60):
            await other.put(bill())
            async with mirror.uow([mirror.business_id]) as beside:
                delivery = mirror.delivery(record_of(make_vendor(str(new_id().int % 10**9))))
                await mirror_store.store(beside.session, VENDORS_FROM_QBO, delivery)


async def test_a_writer_that_fails_leaves_nothing(mirror: BillMirror) -> None:
    await mirror.put(bill())
    before = await mirror.physical_rows()

    async def fail_after_storing() -> None:
        async with mirror.uow([mirror.business_id]) as uow:
            await mirror_store.store(uow.session, BILLS_FROM_QBO, mirror.delivery(bill(version=1), bill("8")))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await fail_after_storing()
    assert await mirror.physical_rows() == before
    assert await mirror.log_count() == 1


async def test_who_keeps_an_object_apart_keeps_nobody_from_the_states(mirror: BillMirror) -> None:
    """Its mirrors' locks come first, and the lines of all the states last: a line locked between them would let two wait for each other."""
    odd = bill("77")
    odd.payload["TotalAmt"] = "a lot of money"
    async with mirror.uow([mirror.business_id]) as uow:
        await runs.ensure_states(uow.session, mirror.business_id, rail=Rail.QBO, entities=["Account", "Bill", "Vendor"])
    async with mirror.uow([mirror.business_id]) as storing:
        outcome = await mirror_store.store(storing.session, BILLS_FROM_QBO, mirror.delivery(odd))
        async with asyncio.timeout(60), mirror.uow([mirror.business_id]) as beside:
            await runs.note_kept(
                beside.session, mirror.business_id, rail=Rail.QBO, entities=["Account", "Bill", "Vendor"]
            )
    assert outcome.quarantined == 1
    async with mirror.uow([mirror.business_id]) as uow:
        states = await runs.list_states(uow.session, mirror.business_id, rail=Rail.QBO)
    assert {entity: state.quarantined for entity, state in states.items()} == {"Account": 0, "Bill": 1, "Vendor": 0}


async def test_the_lines_of_the_states_are_locked_in_one_order(mirror: BillMirror, engine: AsyncEngine) -> None:
    """Who waits for the first of them holds none of the others, wherever they lie in the table."""
    async with mirror.uow([mirror.business_id]) as uow:
        await runs.ensure_states(uow.session, mirror.business_id, rail=Rail.QBO, entities=["Vendor", "Account"])
    both, values = ["Vendor", "Account"], {"last_error": "said"}
    async with mirror.uow([mirror.business_id]) as first:
        await runs.change_states(first.session, mirror.business_id, rail=Rail.QBO, entities=["Account"], values=values)
        async with mirror.uow([mirror.business_id]) as second:
            await second.session.execute(text("SET LOCAL enable_indexscan = off"))  # the lines as they lie in the table
            await second.session.execute(text("SET LOCAL enable_bitmapscan = off"))
            waiting = asyncio.create_task(
                runs.change_states(second.session, mirror.business_id, rail=Rail.QBO, entities=both, values=values)
            )
            await until_one_waits(engine)
            await runs.change_states(
                first.session, mirror.business_id, rail=Rail.QBO, entities=both, values={"last_webhook_at": START}
            )
            await first.session.commit()
            await waiting
    async with mirror.uow([mirror.business_id]) as uow:  # both have written, one upon the other
        states = (await runs.list_states(uow.session, mirror.business_id, rail=Rail.QBO)).values()
    assert [(state.last_webhook_at, state.last_error) for state in states] == [(START, "said")] * 2


async def until_one_waits(engine: AsyncEngine) -> None:
    """Until a statement on the states waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE sync_state%'"
    )
    async with asyncio.timeout(60), engine.connect() as connection:
        while not await connection.scalar(waiting):
            await asyncio.sleep(0.01)
            await connection.rollback()
