"""An object that does not fit what we know of its kind: kept apart, told by name without its content, and nothing else waits for it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from infra.config import Rail
from infra.qbo.answers import Payload, QueryPage
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.sync import quarantine
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from infra.sync.quarantine import QuarantinedObject
from tests.integration.infra.qbo.company_rig import Mirrored, MovedClock, mirrored_company
from tests.integration.infra.sync.bill_mirror import BillMirror, bill
from tests.rig import Database

Break = Callable[[Payload], None]


async def test_a_bill_of_another_shape_is_kept_apart_and_its_page_is_stored(mirror: BillMirror) -> None:
    odd = bill("77", PrivateNote="our secret")
    odd.payload["TotalAmt"] = "a lot of money"
    del odd.payload["VendorRef"]
    outcome = await mirror.put(bill("76"), odd, bill("78"))
    assert (outcome.created, outcome.quarantined) == (2, 1)
    assert set(await mirror.list_all()) == {"76", "78"}


def without_vendor(payload: Payload) -> None:
    del payload["VendorRef"]


def with_text_for_an_amount(payload: Payload) -> None:
    payload["TotalAmt"] = "a lot of money"


def with_a_nul(payload: Payload) -> None:
    payload["PrivateNote"] = "before\0after"


def beyond_the_column(payload: Payload) -> None:
    payload["TotalAmt"] = Decimal("1E+20")


def without_sync_token(payload: Payload) -> None:
    del payload["SyncToken"]


def without_time(payload: Payload) -> None:
    del payload["MetaData"]


BREAKS: dict[str, Break] = {
    "missing field": without_vendor,
    "wrong type": with_text_for_an_amount,
    "NUL in text": with_a_nul,
    "too large": beyond_the_column,
    "no SyncToken": without_sync_token,
    "no time": without_time,
}


class Breaking:
    """QBO, in whose bills of these ids something is broken."""

    def __init__(self, mirrored: Mirrored, ids: Sequence[str], spoil: Break) -> None:
        self._raw = mirrored.raw
        self._ids = set(ids)
        self._spoil = spoil

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._raw, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            answer = await method(*arguments, **options)
            objects = answer.objects if isinstance(answer, QueryPage) and answer.entity == "Bill" else ()
            if name == "changes_since":
                objects = answer.objects["Bill"]
            for payload in objects:
                if payload["Id"] in self._ids:
                    self._spoil(payload)
            return answer

        return call


@pytest.fixture
async def mirrored(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    clock = MovedClock()
    size = LargeCompany(bills=8, invoices=3, vendors=3, customers=3, months=1, paid_share=0.3)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        yield mirrored


async def standing(mirrored: Mirrored) -> dict[str, QuarantinedObject]:
    async with mirrored.uow([mirrored.business_id]) as uow:
        found = await quarantine.list_open(uow.session, mirrored.business_id, rail=Rail.QBO)
    return {one.external_id: one for one in found}


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS.keys())
async def test_a_company_is_read_whole_but_for_the_object_and_a_later_delivery_heals_it(
    mirrored: Mirrored, spoil: Break
) -> None:
    odd, *others = mirrored.true("Bill")
    await mirrored.service_with(client=Breaking(mirrored, [odd], spoil)).backfill(actor="test")
    assert set(await mirrored.held("Bill")) == set(others)
    assert set(await standing(mirrored)) == {odd}
    answer = await mirrored.service.get_bills()
    assert (answer.freshness.quarantined, answer.freshness.stale) == (1, False)
    assert "cannot be read" in (answer.freshness.reason or "")
    assert (await mirrored.service.get_invoices()).freshness.quarantined == 0
    mirrored.clock.ahead += timedelta(minutes=30)
    mirrored.company.update("Bill", mirrored.true("Bill")[odd] | {"PrivateNote": "mended"})
    await mirrored.service.refresh(SyncStrategy.SCHEDULED)
    assert await mirrored.differing() == []
    assert await standing(mirrored) == {}
    after = await mirrored.service.get_bills()
    assert (after.freshness.quarantined, after.freshness.reason) == (0, None)


async def test_the_cursor_moves_past_it_and_the_mirror_keeps_the_state_before(mirrored: Mirrored) -> None:
    await mirrored.service.backfill(actor="test")
    mirrored.clock.ahead += timedelta(minutes=30)
    bill_id, body = next(iter(mirrored.true("Bill").items()))
    mirrored.company.update("Bill", body | {"PrivateNote": "changed"})
    broken = mirrored.service_with(client=Breaking(mirrored, [bill_id], without_vendor))
    live = await broken.get_bills(freshness=FreshnessNeed(SyncStrategy.LIVE))
    assert (live.freshness.stale, live.freshness.quarantined) == (False, 1)
    assert (await mirrored.held("Bill"))[bill_id] == body
    kept = (await standing(mirrored))[bill_id]
    assert "VendorRef" in kept.reason
    assert "changed" not in kept.reason
    assert kept.payload["PrivateNote"] == "changed"
    assert {state.last_error for state in (await mirrored.states()).values()} == {None}


async def test_an_older_delivery_does_not_heal_it(mirrored: Mirrored) -> None:
    await mirrored.service.backfill(actor="test")
    mirrored.clock.ahead += timedelta(minutes=30)
    bill_id, body = next(iter(mirrored.true("Bill").items()))
    mirrored.company.update("Bill", body | {"PrivateNote": "changed"})
    await mirrored.service_with(client=Breaking(mirrored, [bill_id], without_vendor)).refresh(SyncStrategy.SCHEDULED)

    class Late:
        def __getattr__(self, name: str) -> Any:
            return getattr(mirrored.raw, name)

        async def changes_since(self, *arguments: Any, **options: Any) -> Any:
            answer = await mirrored.raw.changes_since(*arguments, **options)
            return replace(answer, objects={**answer.objects, "Bill": [body]})

    await mirrored.service_with(client=Late()).refresh(SyncStrategy.SCHEDULED)
    assert set(await standing(mirrored)) == {bill_id}


async def test_a_release_that_can_read_it_does_so_at_its_first_refresh(mirrored: Mirrored) -> None:
    odd = next(iter(mirrored.true("Bill")))
    await mirrored.service_with(client=Breaking(mirrored, [odd], without_vendor)).backfill(actor="test")
    async with mirrored.uow([mirrored.business_id]) as uow:
        kept = (await uow.session.scalars(select(QuarantinedObject))).one()
        kept.payload = mirrored.true("Bill")[odd]  # as if `fill` had learnt to read what it could not
    mirrored.clock.ahead += timedelta(minutes=30)
    before = mirrored.calls
    await mirrored.service.refresh(SyncStrategy.SCHEDULED)
    assert mirrored.calls == before + 1
    assert await mirrored.differing() == []
    assert await standing(mirrored) == {}


async def test_objects_without_an_id_are_kept_each_once(mirrored: Mirrored) -> None:
    def nameless(payload: Payload) -> None:
        del payload["Id"]

    two = list(mirrored.true("Bill"))[:2]
    for _ in range(2):
        await mirrored.service_with(client=Breaking(mirrored, two, nameless)).backfill(actor="test")
        await mirrored.change_states("Bill", synced_through=None)
    assert len(await standing(mirrored)) == 2
