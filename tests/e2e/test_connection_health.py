"""`/qbo_setup/{business_id}/health`: QuickBooks itself is asked, and what it says is told without a secret."""

import asyncio
import re
from dataclasses import replace
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from infra.config import Rail
from infra.ids import new_id
from infra.sync.call_counts import RailCallCount
from tests.e2e.rest import Shop, assert_problem

METRICS_TOKEN = "a-token-of-the-metrics"


async def test_a_check_asks_quickbooks_itself_and_shows_no_token(shop: Shop) -> None:
    await shop.read_books()
    services, visitor, business_id = shop.web.services, shop.visitor, UUID(shop.visitor.business_id)
    answer = await visitor.ask(f"/qbo_setup/{business_id}/health")
    data = answer.json()["data"]
    grant = await services.qbo_rail.tokens.get(business_id, Rail.QBO)
    assert (data["reachable"], data["state"], data["needs_reconnect"], data["error"]) == (True, "active", False, None)
    assert data["company_name"] == shop.bodies("CompanyInfo")[0]["CompanyName"]
    assert data["external_account_id"] == shop.company.realm_id
    assert data["latency_ms"] > 0
    assert data["token_valid_until"] == grant.expires_at.isoformat().replace("+00:00", "Z")
    for secret in (grant.access_token, grant.refresh_token):
        assert secret.get_secret_value() not in answer.text
    await services.qbo_rail.calls.flush()
    async with services.uow([business_id]) as uow:
        counted = await uow.session.scalars(
            select(RailCallCount.calls).where(
                RailCallCount.business_id == business_id, RailCallCount.feature == "health"
            )
        )
        assert list(counted) == [1]
    text = (await metrics_of(shop)).text
    assert re.search(r'oodaloo_rail_calls_total\{[^}]*lane="users"[^}]*realm_class="small"\}', text)
    assert shop.company.realm_id not in text
    assert str(business_id) not in text


async def test_a_check_says_what_is_wrong_and_what_a_person_must_do(shop: Shop) -> None:
    visitor, path = shop.visitor, f"/qbo_setup/{shop.visitor.business_id}/health"
    never = (await visitor.get(path))["data"]
    assert (never["state"], never["reachable"], never["needs_reconnect"]) == (None, None, True)
    await shop.read_books()
    await shop.stop_quickbooks()
    down = (await visitor.get(path))["data"]
    assert (down["reachable"], down["needs_reconnect"], down["company_name"]) == (False, False, None)
    assert "could not be reached" in down["error"]
    services, business_id = shop.web.services, UUID(visitor.business_id)
    await services.lose_qbo_grant(business_id, "Intuit: invalid_grant", services.clock.now())
    lost = (await visitor.get(path))["data"]
    assert (lost["state"], lost["reachable"], lost["needs_reconnect"]) == ("needs_reconnect", None, True)
    assert "invalid_grant" in lost["error"]


async def test_a_check_is_of_ones_own_business_and_a_few_a_minute(shop: Shop) -> None:
    other = await shop.web.sign_in(f"Other {new_id()}")
    path = f"/qbo_setup/{shop.visitor.business_id}/health"
    foreign = assert_problem(await other.ask(path), 404, "not-found")
    nobodys = assert_problem(await other.ask(f"/qbo_setup/{new_id()}/health"), 404, "not-found")
    assert foreign["detail"] == nobodys["detail"]
    named = {"X-Business-ID": other.business_id}  # the path wins
    assert_problem(await other.ask(path, headers=named), 404, "not-found")
    assert_problem(await shop.web.http.get(f"/api/v1{path}"), 401, "unauthenticated")
    assert (await shop.web.http.get(path, headers=bearer(shop.visitor.token))).status_code == 200
    answers = [await shop.visitor.ask(path) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert assert_problem(answers[-1], 429, "too-many-requests")["limit"] == "health"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def metrics_of(shop: Shop) -> httpx.Response:
    services = shop.web.services
    edge = services.settings.edge.model_copy(update={"metrics_token": SecretStr(METRICS_TOKEN)})
    object.__setattr__(services, "settings", replace(services.settings, edge=edge))
    await asyncio.sleep(2.5)  # counts are told every two seconds
    return await shop.web.http.get("/metrics", headers=bearer(METRICS_TOKEN))
