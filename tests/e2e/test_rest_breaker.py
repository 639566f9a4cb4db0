"""QuickBooks down, slow and flapping: nobody waits for it in vain, and one call at a time finds out when it is back."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from infra.qbo.errors import QBOCircuitOpen, QBOError
from infra.qbo.simulator.trouble.background import add_trouble
from infra.qbo.simulator.trouble.rules import read_rules
from infra.qbo.transport import Patience
from infra.ratelimit import circuit
from infra.ratelimit.lanes import Lane
from tests.e2e.rest import Shop, assert_problem

ONCE = Patience(budget=timedelta(seconds=5), wait_for_limit=timedelta(seconds=5), retry_waits=())
DOWN = {"do": "answer", "status": 503}
HANGING = {"do": "latency", "constant_ms": 4000}


def calls(shop: Shop) -> int:
    return int(shop.simulator.oracle.totals["requests"])


def trouble(shop: Shop, effect: dict[str, Any]) -> None:
    add_trouble(shop.simulator, read_rules([{"name": "down", "effect": effect}], source="test"))


async def fail(shop: Shop, *, times: int, patience: Patience = ONCE) -> None:
    """What a process's jobs would meet: calls that fail, one after the other."""
    client = await shop.web.services.qbo_rail.client(UUID(shop.visitor.business_id), Lane.USER, patience)

    async def ask() -> None:
        with pytest.raises(QBOError):
            await client.count("Bill")

    await asyncio.gather(*(ask() for _ in range(times)))


async def test_with_the_circuit_open_reads_answer_at_once_and_live_refuses_at_once(shop: Shop) -> None:
    await shop.read_books()
    fresh = await shop.visitor.get("/bills")
    trouble(shop, DOWN)
    await fail(shop, times=10)
    sent = calls(shop)
    shop.simulator.latency_seconds = 30  # who asked now would wait
    async with asyncio.timeout(15):
        for _ in range(10):
            stale = await shop.visitor.get("/bills", max_age=0)
        refused = await shop.visitor.ask("/bills", max_age="live")
    assert stale["data"] == fresh["data"]
    assert stale["freshness"]["stale"]
    assert "keeps failing and is not asked again for" in stale["freshness"]["reason"]
    assert "keeps failing" in assert_problem(refused, 503, "stale-refused")["detail"]
    assert calls(shop) == sent


async def test_one_probe_at_a_time_finds_out_that_it_is_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "FIRST_PAUSE_SECONDS", 0.3)
    await shop.read_books()
    trouble(shop, DOWN)
    await fail(shop, times=10)
    sent = calls(shop)
    await asyncio.sleep(0.4)
    await fail(shop, times=4)
    assert calls(shop) == sent + 1
    shop.simulator.trouble.remove("down")
    async with asyncio.timeout(30):  # twice as long after a failed probe, and a busy machine may have failed one more
        while (back := await shop.visitor.ask("/bills", max_age="live")).status_code == 503:  # noqa: ASYNC110 - QuickBooks has no event
            await asyncio.sleep(0.2)
    assert back.json()["freshness"]["source"] == "rail"


async def test_calls_that_hang_open_the_circuit_too(shop: Shop) -> None:
    await shop.read_books()
    trouble(shop, HANGING)
    hasty = Patience(budget=timedelta(seconds=1.5), wait_for_limit=timedelta(seconds=1.5), retry_waits=())
    for _ in range(2):
        await fail(shop, times=5, patience=hasty)
    client = await shop.web.services.qbo_rail.client(UUID(shop.visitor.business_id), Lane.USER, ONCE)
    with pytest.raises(QBOCircuitOpen):
        await client.count("Bill")


async def test_a_flapping_quickbooks_is_asked_on_and_gets_no_storm_of_repetitions(shop: Shop) -> None:
    await shop.read_books()
    budget = shop.web.services.qbo_rail.breaker.retries
    while budget.spend():
        pass
    add_trouble(shop.simulator, read_rules([{"name": "flaps", "effect": DOWN, "match": {"every": 3}}], source="test"))
    client = await shop.web.services.qbo_rail.client(
        UUID(shop.visitor.business_id),
        Lane.USER,
        Patience(retry_waits=(0.001,) * 3, wait_for_limit=ONCE.wait_for_limit),
    )
    sent, failed = calls(shop), 0
    for _ in range(30):
        try:
            await client.count("Bill")
        except QBOError:
            failed += 1
    assert shop.web.services.qbo_rail.breaker.wait_seconds(shop.company.realm_id) == 0
    assert calls(shop) - sent <= 30 + 3  # a tenth of what succeeds may be repeated
    assert failed >= 8
