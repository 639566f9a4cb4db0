"""QuickBooks' own figures over HTTP: kept, asked anew when the books change, and shown with their age when it is gone."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.config import Rail
from tests.e2e.rest import Shop, assert_problem


def calls(shop: Shop) -> int:
    return sum(shop.simulator.requests[shop.company.realm_id].values())


async def features(shop: Shop) -> dict[str, int]:
    days = (await shop.visitor.get("/sync/budget"))["data"]["days"]
    return {one["feature"]: one["calls"] for one in days}


@pytest.mark.parametrize("side", ["payables", "receivables"])
async def test_the_mirror_s_ageing_is_quickbooks_own_to_the_cent(shop: Shop, side: str) -> None:
    await shop.read_books()
    ours = await shop.visitor.get("/ageing", side=side)
    theirs = await shop.visitor.get("/ageing", side=side, source="rail")
    assert theirs["freshness"]["source"] == "rail"
    assert theirs["freshness"]["calls_spent"] == 1
    assert ours["data"]["total"] == theirs["data"]["total"] != "0.00"
    assert ours["data"]["amounts"] == theirs["data"]["amounts"]
    assert _totals(ours) == _totals(theirs)
    assert theirs["data"]["buckets"] == ["Current", "1 - 30", "31 - 60", "61 - 90", "91 and over"]


def _totals(answer: dict[str, Any]) -> dict[str, str]:
    return {row["external_id"]: row["total"] for row in answer["data"]["rows"] if Decimal(row["total"])}


async def test_key_figures_are_kept_until_the_books_change(shop: Shop) -> None:
    await shop.read_books()
    first = await shop.visitor.get("/kpis")
    assert first["freshness"]["calls_spent"] == 2
    assert Decimal(first["data"]["payables"]) > 0
    before = calls(shop)
    again = await shop.visitor.get("/kpis")
    assert again["data"] == first["data"]
    assert (again["freshness"]["source"], again["freshness"]["calls_spent"]) == ("mirror", 0)
    assert calls(shop) == before
    assert shop.simulator.edit(shop.company.realm_id, "Bill") == 1
    assert (await shop.visitor.get("/bills", max_age="live"))["freshness"]["source"] == "rail"
    assert (await shop.visitor.get("/kpis"))["freshness"]["source"] == "rail"


async def test_payment_histories_are_those_of_the_ledger(shop: Shop) -> None:
    await shop.read_books()
    for noun, entity, ref in (("vendors", "BillPayment", "VendorRef"), ("customers", "Payment", "CustomerRef")):
        paid = shop.bodies(entity)
        party = paid[0][ref]["value"]
        listed = (await shop.visitor.get(f"/{noun}", limit=200))["data"]
        (ours,) = [one["id"] for one in listed if one["external_id"] == party]
        shown = (await shop.visitor.get(f"/{noun}/{ours}/payments"))["data"]
        expected = {body["Id"]: Decimal(str(body["TotalAmt"])) for body in paid if body[ref]["value"] == party}
        assert {one["external_id"]: Decimal(one["total"]) for one in shown} == expected
        assert all(one["applied_to"] for one in shown)
        assert_problem(await shop.visitor.ask(f"/{noun}/{uuid4()}/payments"), 404, "not-found")
    counted = await features(shop)
    assert counted["payment_history"] == 2
    assert counted["backfill"] > 5


async def test_with_quickbooks_gone_what_was_kept_is_shown_with_its_age(shop: Shop) -> None:
    await shop.read_books()
    kept = await shop.visitor.get("/ageing", source="rail")
    await shop.stop_quickbooks()
    assert not (await shop.visitor.get("/ageing", source="rail"))["freshness"]["stale"]
    stale = await shop.visitor.get("/ageing", source="rail", max_age="0 s")
    assert stale["data"] == kept["data"]
    assert stale["freshness"]["stale"]
    assert stale["freshness"]["as_of"] == kept["freshness"]["as_of"]
    assert_problem(await shop.visitor.ask("/ageing", source="rail", max_age="live"), 503, "stale-refused")
    assert_problem(await shop.visitor.ask("/kpis"), 503, "stale-refused")


async def test_a_company_that_nobody_connected_asks_for_it(shop: Shop) -> None:
    asked: dict[str, dict[str, Any]] = {"/kpis": {}, "/ageing": {"source": "rail"}}
    for need in ("15 min", "live"):
        for path, more in asked.items():
            refused = await shop.visitor.ask(path, max_age=need, **more)
            assert assert_problem(refused, 409, "reconnect-needed")["reconnect"] == "/api/v1/qbo/connect"
    assert calls(shop) == 0


async def test_with_the_grant_gone_what_was_kept_is_shown_and_nothing_else(shop: Shop) -> None:
    await shop.read_books()
    kept = await shop.visitor.get("/ageing", source="rail")
    grant = await shop.web.services.qbo_rail.tokens.get(UUID(shop.visitor.business_id), Rail.QBO)
    shop.simulator.oauth.revoke(grant.refresh_token.get_secret_value())
    for _ in range(2):  # who asks again at once is not told to come back later either
        body = assert_problem(await shop.visitor.ask("/kpis"), 409, "reconnect-needed")
        assert body["reconnect"] == "/api/v1/qbo/connect"
    before = calls(shop)
    stale = await shop.visitor.get("/ageing", source="rail", max_age="0 s")
    assert stale["data"] == kept["data"]
    assert stale["freshness"]["stale"]
    assert_problem(await shop.visitor.ask("/ageing", source="rail", max_age="live"), 409, "reconnect-needed")
    assert calls(shop) == before


async def test_an_age_is_said_in_words(shop: Shop) -> None:
    await shop.read_books()
    for words in ("60", "60 s", "90 seconds", "15 min", "2 h", "end of yesterday"):
        assert (await shop.visitor.get("/bills", max_age=words))["freshness"]["source"] == "mirror"
    for words in ("yesterday", "1 fortnight", "-5", "60 s ", "123456789"):
        assert_problem(await shop.visitor.ask("/bills", max_age=words), 400, "invalid-input")


async def test_a_month_s_calls_are_counted_and_forecast(shop: Shop) -> None:
    await shop.read_books()
    await shop.visitor.get("/bills", max_age="live")
    await shop.visitor.get("/bills", max_age=0)
    budget = (await shop.visitor.get("/sync/budget"))["data"]
    counted = {one["feature"]: one["calls"] for one in budget["days"]}
    assert (counted["live"], counted["on_demand"]) == (1, 1)
    assert budget["month"]["used"] == sum(counted.values()) <= calls(shop)
    assert budget["month"]["forecast"] >= budget["month"]["used"]
    assert budget["allowance"]["monthly_calls"] == 500_000
    assert budget["allowance"]["yielding"] == "nobody"
