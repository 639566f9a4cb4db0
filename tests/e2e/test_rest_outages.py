"""QuickBooks slow or gone: the mirror answers within its budget and says that it is stale."""

import asyncio
from uuid import UUID

from infra.config import Rail
from infra.sync import runs
from runway.registry import MIRROR_SPECS
from tests.e2e.rest import Shop


async def test_slow_quickbooks_makes_a_runway_stale_and_costs_one_refresh(shop: Shop) -> None:
    await shop.read_books()
    fresh = await shop.visitor.get("/runway")
    shop.simulator.latency_seconds = 3
    stale = await shop.visitor.get("/runway", max_age=0)
    assert stale["freshness"]["stale"]
    assert stale["freshness"]["source"] == "mirror"
    assert stale["freshness"]["reason"] == "qbo did not answer within 2 s"
    assert stale["data"]["cash"] == fresh["data"]["cash"]
    assert stale["data"]["books"]["is_stale"]
    runs = (await shop.visitor.get("/sync"))["data"]["runs"]
    assert [(run["kind"], run["state"]) for run in runs] == [("incremental", "running"), ("backfill", "done")]


async def test_a_runway_of_changed_books_waits_for_slow_quickbooks_once(shop: Shop) -> None:
    await shop.read_books()
    services, business_id = shop.web.services, UUID(shop.visitor.business_id)
    entities, dirty = [spec.entity for spec in MIRROR_SPECS], {"dirty_since": services.clock.now()}
    async with services.uow([business_id]) as uow:
        await runs.change_states(uow.session, business_id, rail=Rail.QBO, entities=entities, values=dirty)
    shop.simulator.latency_seconds = 30
    async with asyncio.timeout(6):  # each of its four reads could wait two seconds
        stale = await shop.visitor.get("/runway")
    assert stale["freshness"]["reason"] == "qbo did not answer within 2 s"
    assert [run["kind"] for run in (await shop.visitor.get("/sync"))["data"]["runs"]] == ["incremental", "backfill"]


async def test_with_quickbooks_gone_the_mirror_answers(shop: Shop) -> None:
    await shop.read_books()
    fresh = await shop.visitor.get("/bills")
    await shop.stop_quickbooks()
    stale = await shop.visitor.get("/bills", max_age=0)
    assert stale["data"] == fresh["data"]
    assert stale["freshness"]["stale"]
    assert stale["freshness"]["reason"]
    assert stale["freshness"]["as_of"] == fresh["freshness"]["as_of"]
    assert not (await shop.visitor.get("/bills"))["freshness"]["stale"]
