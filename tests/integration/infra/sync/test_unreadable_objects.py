"""An object that does not fit what we know of its kind: refused by name, without its content, and the mirror still answers."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from infra.errors import UnreadableRailObject
from infra.qbo.answers import Changes
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.integration.infra.qbo.company_rig import Mirrored, MovedClock, mirrored_company
from tests.integration.infra.sync.bill_mirror import BillMirror, bill
from tests.rig import Database


async def test_a_bill_of_another_shape_is_refused_by_name_and_field(mirror: BillMirror) -> None:
    odd = bill("77", PrivateNote="our secret")
    odd.payload["TotalAmt"] = "a lot of money"
    del odd.payload["VendorRef"]
    with pytest.raises(UnreadableRailObject) as caught:
        await mirror.put(odd)
    text = str(caught.value)
    assert "Bill 77" in text
    assert "TotalAmt" in text
    assert "VendorRef" in text
    assert "secret" not in text
    assert "a lot" not in text
    assert await mirror.list_all() == {}


@pytest.fixture
async def mirrored(database: Database, redis_url: str) -> AsyncIterator[Mirrored]:
    clock = MovedClock()
    size = LargeCompany(bills=6, invoices=3, vendors=3, customers=3, months=1, paid_share=0.3)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        yield mirrored


async def test_a_reader_gets_the_mirror_and_is_told_which_object(mirrored: Mirrored) -> None:
    class Misshaping:
        async def changes_since(self, entities: Sequence[str], *, since: datetime) -> Changes:
            answer = await mirrored.raw.changes_since(entities, since=since)
            for changed in answer.objects["Bill"]:
                changed["TotalAmt"] = None
                changed["PrivateNote"] = "changed"
            return answer

    mirrored.clock.ahead += timedelta(minutes=21)
    bill_id, body = next(iter(mirrored.true("Bill").items()))
    mirrored.company.update("Bill", body | {"PrivateNote": "changed"})
    answer = await mirrored.service_with(client=Misshaping()).get_bills()
    assert answer.value
    assert answer.freshness.stale
    assert f"Bill {bill_id}" in (answer.freshness.reason or "")
    assert "TotalAmt" in (answer.freshness.reason or "")
