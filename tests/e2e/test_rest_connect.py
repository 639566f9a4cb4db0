"""Connecting a company through the real OAuth2 flow, what can go wrong on the way, and a grant that is lost later."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from infra.config import Rail
from tests.e2e.rest import PUBLIC_URL, Shop, Visitor, assert_problem

JSON = {"Accept": "application/json"}


async def connection_state(visitor: Visitor) -> str | None:
    connection = (await visitor.get("/sync"))["data"]["connection"]
    return connection["state"] if connection else None


async def test_connect_leads_to_intuits_consent_page(shop: Shop) -> None:
    begun = await shop.visitor.ask("/qbo/connect")
    assert begun.status_code == 302
    assert begun.headers["cache-control"] == "no-store"
    address = urlsplit(begun.headers["location"])
    asked = parse_qs(address.query)
    assert address.path == "/connect/oauth2"
    assert asked["redirect_uri"] == [f"{PUBLIC_URL}/api/v1/qbo/callback"]
    assert asked["client_id"] == [shop.simulator.oauth.client_id]
    told = await shop.visitor.ask("/qbo/connect", headers=JSON)
    assert told.status_code == 200
    assert parse_qs(urlsplit(told.json()["authorize_url"]).query)["state"] != asked["state"]


async def test_a_company_is_connected_and_its_reading_can_be_watched(shop: Shop) -> None:
    before = (await shop.visitor.get("/sync"))["data"]
    assert (before["connection"], before["runs"]) == (None, [])
    assert {entity["state"] for entity in before["entities"]} == {"waiting"}

    page = await shop.visitor.connect()
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "QuickBooks is connected" in page.text
    connection = (await shop.visitor.get("/sync"))["data"]["connection"]
    assert (connection["state"], connection["external_account_id"]) == ("active", shop.company.realm_id)
    waiting = await shop.visitor.get("/bills")
    assert (waiting["data"], waiting["freshness"]["stale"]) == ([], True)

    assert await shop.web.run_jobs(shop.visitor.business_id) == 1
    after = (await shop.visitor.get("/sync"))["data"]
    for entity in after["entities"]:
        assert (entity["state"], entity["last_error"]) == ("done", None)
        assert entity["last_synced_at"]
        assert entity["stored_objects"] == len(shop.bodies(entity["entity"])), entity
    assert [(run["kind"], run["state"], run["error"]) for run in after["runs"]] == [("backfill", "done", None)]
    assert not (await shop.visitor.get("/bills"))["freshness"]["stale"]


async def test_the_callback_answers_json_when_asked(shop: Shop) -> None:
    answer = await shop.web.http.get(await shop.visitor.consent(), headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["connected"] is True


async def test_a_state_works_once(shop: Shop) -> None:
    callback = await shop.visitor.consent()
    assert (await shop.web.http.get(callback)).status_code == 200
    assert_problem(await shop.web.http.get(callback), 401, "unauthenticated")


async def test_a_state_we_never_issued_is_refused(shop: Shop) -> None:
    forged = await shop.web.http.get("/api/v1/qbo/callback?state=forged&code=c&realmId=1")
    assert_problem(forged, 401, "unauthenticated")
    assert await connection_state(shop.visitor) is None


async def test_a_user_may_say_no(shop: Shop) -> None:
    callback = await shop.visitor.consent(action="cancel")
    page = await shop.web.http.get(callback)
    assert page.status_code == 200
    assert "access was declined" in page.text
    assert await connection_state(shop.visitor) is None
    assert await shop.web.run_jobs(shop.visitor.business_id) == 0
    assert_problem(await shop.web.http.get(callback), 401, "unauthenticated")


async def test_what_intuit_says_is_shown_as_text(shop: Shop) -> None:
    state = parse_qs(urlsplit(await shop.visitor.consent()).query)["state"][0]
    page = await shop.web.http.get("/api/v1/qbo/callback", params={"state": state, "error": "<script>x</script>"})
    assert page.status_code == 200
    assert "<script>" not in page.text


async def test_an_incomplete_callback_is_400_and_leaves_the_state_alone(shop: Shop) -> None:
    callback = await shop.visitor.consent()
    state = parse_qs(urlsplit(callback).query)["state"][0]
    assert_problem(await shop.web.http.get(f"/api/v1/qbo/callback?state={state}"), 400, "invalid-input")
    assert_problem(await shop.web.http.get("/api/v1/qbo/callback"), 422, "malformed-request")
    assert (await shop.web.http.get(callback)).status_code == 200


async def test_a_code_that_intuit_refuses_connects_nothing(shop: Shop) -> None:
    asked = parse_qs(urlsplit(await shop.visitor.consent()).query)
    params = {"state": asked["state"][0], "realmId": asked["realmId"][0], "code": "wrong"}
    body = assert_problem(await shop.web.http.get("/api/v1/qbo/callback", params=params), 409, "reconnect-needed")
    assert body["reconnect"] == "/api/v1/qbo/connect"
    assert await connection_state(shop.visitor) is None


async def test_a_company_belongs_to_one_business(shop: Shop) -> None:
    await shop.visitor.connect(realm_id=shop.company.realm_id)
    other = await shop.web.sign_in(f"Other {shop.company.realm_id}")
    assert_problem(await other.connect(realm_id=shop.company.realm_id), 409, "conflict")
    assert await connection_state(other) is None


async def test_a_business_keeps_to_its_company(shop: Shop) -> None:
    first, second = shop.simulator.companies
    await shop.visitor.connect(realm_id=first)
    assert_problem(await shop.visitor.connect(realm_id=second), 409, "conflict")
    assert (await shop.visitor.get("/sync"))["data"]["connection"]["external_account_id"] == first


async def test_intuit_out_of_reach_is_told(shop: Shop) -> None:
    await shop.stop_quickbooks()
    assert_problem(await shop.visitor.ask("/qbo/connect"), 503, "rail-unavailable")


async def test_a_lost_grant_asks_for_a_reconnect_and_a_reconnect_heals(shop: Shop) -> None:
    await shop.read_books()
    bills = (await shop.visitor.get("/bills", limit=200))["data"]
    grant = await shop.web.services.qbo_rail.tokens.get(UUID(shop.visitor.business_id), Rail.QBO)
    shop.simulator.oauth.revoke(grant.refresh_token.get_secret_value())

    stale = await shop.visitor.get("/bills", limit=200, max_age=0)
    assert stale["data"] == bills
    assert (stale["freshness"]["stale"], stale["freshness"]["source"]) == (True, "mirror")
    assert stale["freshness"]["reason"]
    connection = (await shop.visitor.get("/sync"))["data"]["connection"]
    assert connection["state"] == "needs_reconnect"
    assert connection["reason"]
    assert_problem(await shop.visitor.ask("/bills", max_age="live"), 503, "stale-refused")

    requests = shop.simulator.requests[shop.company.realm_id].total()
    assert (await shop.visitor.get("/bills", max_age=0))["freshness"]["stale"]
    assert shop.simulator.requests[shop.company.realm_id].total() == requests

    await shop.read_books()
    assert await connection_state(shop.visitor) == "active"
    healed = await shop.visitor.get("/bills", max_age=0)
    assert (healed["freshness"]["stale"], healed["freshness"]["source"]) == (False, "rail")
