"""Whose company a callback may name, what a browser sees of it, and the end of a connection."""

from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select

from domains.core.access_log import AccessEvent, AccessLogRow
from infra.config import Rail
from infra.qbo.simulator.trouble.rules import read_rules
from infra.security.rail_tokens import RailToken
from runway.routes.connect import CALLBACK_PATH, connecting
from runway.routes.request_proofs import SESSION_COOKIE
from tests.e2e.rest import PUBLIC_URL, Shop, Visitor, assert_problem

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CONNECTION = f"{PUBLIC_URL}/api/v1/qbo/connection"


def with_realm(callback: str, realm_id: str) -> str:
    path, _, query = callback.partition("?")
    return f"{path}?{urlencode({name: values[0] for name, values in parse_qs(query).items()} | {'realmId': realm_id})}"


def with_state(callback: str, state: str) -> str:
    path, _, query = callback.partition("?")
    return f"{path}?{urlencode({name: values[0] for name, values in parse_qs(query).items()} | {'state': state})}"


def fail(shop: Shop, **match: object) -> None:
    """QuickBooks answers 500 to these calls."""
    shop.simulator.trouble.add(read_rules({"effect": {"do": "answer", "status": 500}, "match": match}, source="test"))


def living_grants(shop: Shop, realm_id: str) -> int:
    """Those that Intuit has not revoked, without the simulator's own, which it starts with."""
    grants = shop.simulator.oauth._grants.values()  # noqa: SLF001 - nothing public counts them
    living = [grant for grant in grants if grant.realm_id == realm_id and not grant.is_revoked]
    return len(living) - (realm_id == shop.company.realm_id)


async def begin_in_a_session(shop: Shop, binding: bytes) -> str:
    """The state of a connect that a signed-in browser begins."""
    connect = connecting(shop.web.services)
    address = await connect.begin(
        UUID(shop.visitor.business_id), redirect_uri=f"{PUBLIC_URL}{CALLBACK_PATH}", session_binding=binding
    )
    return parse_qs(urlsplit(address).query)["state"][0]


async def tokens_kept(shop: Shop) -> list[tuple[str, str, str | None]]:
    business_id = UUID(shop.visitor.business_id)
    async with shop.web.services.uow([business_id]) as uow:
        rows = await uow.session.execute(
            select(
                RailToken.access_token_sealed, RailToken.refresh_token_sealed, RailToken.previous_refresh_token_sealed
            ).where(RailToken.business_id == business_id)
        )
        return [(access, refresh, previous) for access, refresh, previous in rows]


async def disconnect(visitor: Visitor) -> dict[str, object]:
    answer = await visitor.web.http.delete(CONNECTION, headers={"Authorization": f"Bearer {visitor.token}"})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


async def test_the_answer_names_the_company_that_was_read(shop: Shop) -> None:
    name = next(iter(shop.bodies("CompanyInfo")))["CompanyName"]
    answer = await shop.web.http.get(await shop.visitor.consent(), headers=JSON)
    assert answer.json()["company_name"] == name
    assert answer.json()["country"]
    assert name in answer.json()["message"]


async def test_a_realm_that_the_token_does_not_open_is_refused_and_its_grant_revoked(shop: Shop) -> None:
    first, second = shop.simulator.companies
    callback = await shop.visitor.consent(realm_id=first)
    assert_problem(await shop.web.http.get(with_realm(callback, second)), 409, "conflict")
    assert living_grants(shop, first) == 0
    assert_problem(await shop.visitor.ask("/qbo/connection"), 404, "not-found")
    assert await shop.web.run_jobs(shop.visitor.business_id) == 0
    assert_problem(await shop.web.http.get(callback), 401, "unauthenticated")


async def test_a_refusal_does_not_tell_whether_a_company_is_connected(shop: Shop) -> None:
    first, second = shop.simulator.companies
    await shop.visitor.connect(realm_id=first)
    other = await shop.web.sign_in(f"Other {first}")
    taken = assert_problem(await other.connect(realm_id=first), 409, "conflict")
    closed = assert_problem(
        await shop.web.http.get(with_realm(await other.consent(realm_id=second), first)), 409, "conflict"
    )
    unknown = assert_problem(
        await shop.web.http.get(with_realm(await other.consent(realm_id=second), "77")), 409, "conflict"
    )
    for body in (taken, closed, unknown):
        del body["request_id"]
    assert taken == closed == unknown
    grant = await shop.web.services.qbo_rail.tokens.get(UUID(shop.visitor.business_id), Rail.QBO)
    assert grant.external_account_id == first
    assert (await shop.visitor.get("/qbo/connection"))["data"]["state"] == "active"
    assert living_grants(shop, second) == 0


async def test_a_company_that_cannot_be_read_now_is_not_connected_now(shop: Shop) -> None:
    callback = await shop.visitor.consent()
    fail(shop, verb="read")
    assert_problem(await shop.web.http.get(callback), 503, "rail-unavailable")
    assert_problem(await shop.visitor.ask("/qbo/connection"), 404, "not-found")
    assert living_grants(shop, shop.company.realm_id) == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [("?state=forged&code=c&realmId=1", 401), ("?state=x", 400), ("", 422), ("?state=x&code=c&realmId=%3Cb%3E", 422)],
)
async def test_a_browser_sees_a_page_and_a_program_a_problem(shop: Shop, query: str, status: int) -> None:
    page = await shop.web.http.get(f"/api/v1/qbo/callback{query}", headers=BROWSER)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-request-id"] in page.text
    nonce = page.text.partition('nonce="')[2].partition('"')[0]
    assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert "urn:oodaloo" not in page.text
    for headers in (JSON, {"Accept": "*/*"}):
        told = await shop.web.http.get(f"/api/v1/qbo/callback{query}", headers=headers)
        assert told.headers["content-type"] == "application/problem+json"
        assert told.json()["detail"] in page.text.replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">")


async def test_a_state_that_a_browser_began_ends_in_that_browser(shop: Shop) -> None:
    state = await begin_in_a_session(shop, b"its-session")
    callback = with_state(await shop.visitor.consent(), state)
    for headers in ({}, {"Cookie": f"{SESSION_COOKIE}=another"}):
        assert_problem(await shop.web.http.get(callback, headers=headers), 401, "unauthenticated")
    own = {"Cookie": f"{SESSION_COOKIE}=its-session"}
    assert (await shop.web.http.get(callback, headers=own)).status_code == 200
    assert_problem(await shop.web.http.get(callback, headers=own), 401, "unauthenticated")


async def test_a_state_that_a_program_began_ends_in_any_browser(shop: Shop) -> None:
    callback = await shop.visitor.consent()
    assert (await shop.web.http.get(callback, headers={"Cookie": f"{SESSION_COOKIE}=x"})).status_code == 200


async def test_disconnecting_ends_every_call_and_the_same_company_comes_back(shop: Shop) -> None:
    await shop.read_books()
    bills = (await shop.visitor.get("/bills", limit=200))["data"]
    body = await disconnect(shop.visitor)
    assert body["revoked"] is True
    assert living_grants(shop, shop.company.realm_id) == 0

    shown = (await shop.visitor.get("/qbo/connection"))["data"]
    assert (shown["state"], shown["external_account_id"]) == ("disconnected", shop.company.realm_id)
    assert await tokens_kept(shop) == [("", "", None)]

    requests = shop.simulator.requests[shop.company.realm_id].total()
    stale = await shop.visitor.get("/bills", limit=200, max_age=0)
    assert (stale["data"], stale["freshness"]["stale"]) == (bills, True)
    assert_problem(await shop.visitor.ask("/bills", max_age="live"), 503, "stale-refused")
    assert shop.simulator.requests[shop.company.realm_id].total() == requests

    assert (await disconnect(shop.visitor))["revoked"] is True
    assert await shop.web.run_jobs(shop.visitor.business_id) == 3  # two revocations, and the first reading's tie-out
    await shop.read_books()
    assert (await shop.visitor.get("/qbo/connection"))["data"]["state"] == "active"
    assert not (await shop.visitor.get("/bills", max_age=0))["freshness"]["stale"]


async def test_a_revocation_that_intuit_does_not_answer_is_a_job_that_does_it_later(shop: Shop) -> None:
    await shop.visitor.connect(realm_id=shop.company.realm_id)
    assert await shop.web.run_jobs(shop.visitor.business_id) == 1
    fail(shop, verb="revoke", count=1)
    assert (await disconnect(shop.visitor))["revoked"] is False
    assert living_grants(shop, shop.company.realm_id) == 1
    assert await shop.web.run_jobs(shop.visitor.business_id) == 2  # the tie-out besides, which finds no connection
    assert living_grants(shop, shop.company.realm_id) == 0


async def test_a_business_that_was_never_connected_has_nothing_to_end(shop: Shop) -> None:
    answer = await shop.web.http.delete(CONNECTION, headers={"Authorization": f"Bearer {shop.visitor.token}"})
    assert_problem(answer, 404, "not-found")
    assert_problem(await shop.visitor.ask("/qbo/connection"), 404, "not-found")


async def test_each_change_of_the_connection_is_in_the_access_log(shop: Shop) -> None:
    await shop.visitor.connect(realm_id=shop.company.realm_id)
    await disconnect(shop.visitor)
    async with shop.web.services.access_uow([]) as uow:
        rows = await uow.session.scalars(
            select(AccessLogRow)
            .where(AccessLogRow.business_id == UUID(shop.visitor.business_id))
            .where(AccessLogRow.event == AccessEvent.CONNECTION_CHANGED)
            .order_by(AccessLogRow.id)
        )
        told = [(row.details["became"], row.details["external_account_id"]) for row in rows]
    assert told == [("active", shop.company.realm_id), ("disconnected", shop.company.realm_id)]
