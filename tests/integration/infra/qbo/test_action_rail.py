"""QBO as the action engine sees it: looks, one way to tell, and a mirror that knows what was just answered."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from infra import exact_json
from infra.actions.rail import AnswerKind
from infra.config import Rail
from infra.db.reads import read_in
from infra.errors import RailNeedsReconnect, RailRejected, RailUnavailable
from infra.qbo import statements
from infra.qbo.errors import QBOAccessRevoked, QBOUnavailable
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.sync.books_mark import books_marks
from infra.sync.freshness import AS_IT_STANDS, SyncStrategy
from tests.integration.infra.qbo.company_rig import SPECS, Mirrored, MovedClock, mirrored_company
from tests.rig import Database
from tests.unit.infra.qbo.simulator.small_company import REALM, bill, bill_payment, changed, invoice, make_file, payment


@pytest.fixture
async def mirrored(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    clock = MovedClock()
    company = load_company(make_file(), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        yield mirrored


class Failing:
    """A client whose looks fail as told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self, _entity: str, _external_id: str) -> Any:
        raise self._error

    async def query(self, _statement: str) -> Any:
        raise self._error


async def test_it_reads_what_is_there_and_nothing_of_what_is_gone(mirrored: Mirrored) -> None:
    owed = mirrored.company.create("Bill", bill("100.00"))
    rail = await mirrored.service.action_rail()
    found = await rail.read("Bill", owed.id)
    assert found is not None
    assert found["Balance"] == 100
    mirrored.company.delete("Bill", owed.body)
    assert await rail.read("Bill", owed.id) is None
    assert await rail.read("Bill", "4711") is None


async def test_it_finds_by_every_condition(mirrored: Mirrored) -> None:
    for number in ("12", "12", "13"):
        mirrored.company.create("Bill", bill("100.00", DocNumber=number))
    mirrored.company.create("Bill", bill("100.00", vendor="57", DocNumber="12"))
    rail = await mirrored.service.action_rail()
    numbered, of_vendor = statements.equals("DocNumber", "12"), statements.equals("VendorRef", "56")
    assert len(await rail.find("Bill", numbered)) == 3
    assert len(await rail.find("Bill", numbered, of_vendor)) == 2
    assert await rail.find("Bill", statements.equals("DocNumber", "O'Brien")) == []


async def test_looking_again_is_behind_whoever_pays(mirrored: Mirrored) -> None:
    lanes: list[Lane] = []

    async def note(_business_id: UUID, lane: Lane, _patience: Patience) -> None:
        lanes.append(lane)

    service = mirrored.service_with(clients=note)
    await service.action_rail()
    await service.action_rail(is_check=True)
    assert lanes == [Lane.PAYMENT, Lane.WEBHOOK]


@pytest.mark.parametrize(
    ("error", "kind"), [(QBOUnavailable("away"), RailUnavailable), (QBOAccessRevoked("gone"), RailNeedsReconnect)]
)
async def test_a_look_that_fails_is_an_error_of_our_own(
    mirrored: Mirrored, error: Exception, kind: type[Exception]
) -> None:
    rail = await mirrored.service_with(client=Failing(error)).action_rail()
    with pytest.raises(kind):
        await rail.read("Bill", "1")
    with pytest.raises(kind):
        await rail.find("Bill")
    assert len(mirrored.lost_grants) == (2 if kind is RailNeedsReconnect else 0)


async def test_a_condition_that_qbo_does_not_take_is_our_mistake(mirrored: Mirrored) -> None:
    rail = await mirrored.service.action_rail()
    with pytest.raises(RailRejected):
        await rail.find("Bill", "Colour = 'green'")


async def test_the_named_ways_record_a_payment_and_a_receipt(mirrored: Mirrored) -> None:
    owed, owing = mirrored.company.create("Bill", bill()), mirrored.company.create("Invoice", invoice())
    paid = exact_json.dumps(bill_payment("100.00", [(owed, "100.00")]))
    received = exact_json.dumps(payment("40.00", [(owing, "40.00")]))
    answers = [
        await mirrored.service.create_payment_immediate(paid, request_id="r1"),
        await mirrored.service.record_payment(received, request_id="r2"),
    ]
    assert [answer.kind for answer in answers] == [AnswerKind.DONE, AnswerKind.DONE]
    assert (owed.body["Balance"], owing.body["Balance"]) == (0, 60)


async def test_an_access_that_is_gone_is_noted_at_once(mirrored: Mirrored) -> None:
    body = exact_json.dumps(bill_payment("100.00", [(mirrored.company.create("Bill", bill()), "100.00")]))
    mirrored.simulator.refusals[REALM] = "120"
    answer = await mirrored.service.create_payment_immediate(body, request_id="r1")
    assert answer.kind is AnswerKind.ACCESS_GONE
    assert mirrored.lost_grants == [answer.words]


async def keep(mirrored: Mirrored, entity: str, *payloads: Any) -> None:
    rail = await mirrored.service.action_rail()
    async with mirrored.uow([mirrored.business_id]) as uow:
        await rail.keep(
            uow.session,
            {entity: payloads},
            fetched_at=mirrored.clock.now(),
            actor="user:7",
            request_id="request-1",
        )


async def test_what_was_answered_is_in_mirror_and_log_at_once(mirrored: Mirrored) -> None:
    owed = mirrored.company.create("Bill", bill("100.00"))
    body = exact_json.dumps(bill_payment("100.00", [(owed, "100.00")]))
    answer = await mirrored.service.create_payment_immediate(body, request_id="r1")
    assert answer.payload is not None
    await keep(mirrored, "BillPayment", answer.payload)
    await keep(mirrored, "Bill", exact_json.loads(owed.encoded()))
    assert await mirrored.held("BillPayment") == mirrored.true("BillPayment")
    assert await mirrored.held("Bill") == mirrored.true("Bill")
    log = SPECS["BillPayment"].log
    async with mirrored.uow([mirrored.business_id]) as uow:
        row = (await uow.session.scalars(select(log))).one()
    assert (row.actor, row.request_id, row.source, row.transaction_type) == ("user:7", "request-1", "qbo", "created")


async def test_an_old_answer_told_again_undoes_nothing(mirrored: Mirrored) -> None:
    owed = mirrored.company.create("Bill", bill("100.00"))
    old = exact_json.loads(owed.encoded())
    mirrored.company.update("Bill", changed(owed, PrivateNote="later"))
    await keep(mirrored, "Bill", exact_json.loads(owed.encoded()))
    await keep(mirrored, "Bill", old)
    assert (await mirrored.held("Bill"))[owed.id]["PrivateNote"] == "later"


async def mark(mirrored: Mirrored) -> str:
    return (await mirrored.service.get_books_mark(freshness=AS_IT_STANDS)).value.mark


async def test_what_is_kept_makes_other_books_and_what_was_known_does_not(mirrored: Mirrored) -> None:
    """A forecast that was worked out between a payment's confirmation and the look that brings its bill's balance is of other books."""
    await mirrored.service.backfill(actor="test")
    owed, before = mirrored.company.create("Bill", bill("100.00")), await mark(mirrored)
    await keep(mirrored, "Bill", exact_json.loads(owed.encoded()))
    after = await mark(mirrored)
    assert after != before
    await keep(mirrored, "Bill", exact_json.loads(owed.encoded()))
    assert await mark(mirrored) == after
    async with mirrored.uow([mirrored.business_id]) as uow:
        marks = await read_in(uow.session, books_marks([mirrored.business_id], Rail.QBO))
    assert marks == [[(mirrored.business_id, after)]]  # as lists of many businesses read it


async def test_a_run_of_a_process_whose_clock_goes_ahead_hides_none_after_it(mirrored: Mirrored) -> None:
    await mirrored.service.backfill(actor="test")
    owed, marks = mirrored.company.create("Bill", bill("100.00")), []
    for ahead in (timedelta(days=1), timedelta(0)):
        mirrored.clock.ahead = ahead
        mirrored.company.update("Bill", changed(owed, PrivateNote=f"looked at {ahead}"))
        assert (await mirrored.service.refresh(SyncStrategy.SCHEDULED)).changed
        marks.append(await mark(mirrored))
    assert marks[0] != marks[1]


async def test_what_is_kept_first_and_committed_last_makes_other_books_too(mirrored: Mirrored) -> None:
    await mirrored.service.backfill(actor="test")
    owed, owing = mirrored.company.create("Bill", bill()), mirrored.company.create("Invoice", invoice())
    rail = await mirrored.service.action_rail()
    told: dict[str, Any] = {"fetched_at": mirrored.clock.now(), "actor": "user:7", "request_id": "r"}
    async with mirrored.uow([mirrored.business_id]) as uow:
        await rail.keep(uow.session, {"Bill": [exact_json.loads(owed.encoded())]}, **told)
        await keep(mirrored, "Invoice", exact_json.loads(owing.encoded()))
        between = await mark(mirrored)
    assert await mark(mirrored) != between


async def test_what_has_no_mirror_or_is_told_as_deleted_is_left_alone(mirrored: Mirrored) -> None:
    await keep(mirrored, "Estimate", {"Id": "1"})
    await keep(mirrored, "Bill", {"Id": "1", "status": "Deleted", "domain": "QBO"})
    assert await mirrored.held("Bill") == {}
