"""Who gets in, and how every refusal looks."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from domains.core.paging import NameCursor
from runway.routes import API, ROUTERS, api_page
from runway.routes.route_index import RouteIndex
from runway.settings import Settings
from runway.sign_in import issue_token
from runway.web import ROUTERS as WEB
from tests.e2e.rest import Web, assert_problem, running_web, settings_for
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOME_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
OPEN = {"/healthz", "/readyz", "/api/v1/qbo/callback"}
ROUTES = [route for router in API for route in router.routes if isinstance(route, APIRoute)]
CALLS = sorted((method, route.path) for route in ROUTES for method in route.methods or ())
GUARDED = [(method, path) for method, path in CALLS if path not in OPEN]


def filled(path: str) -> str:
    return re.sub(r"{\w+}", SOME_ID, path)


async def test_every_route_of_the_application_is_known_here(web: Web) -> None:
    documented = [(method.upper(), path) for path, method, _ in operations(web)]
    assert sorted(documented) == CALLS
    assert {path for _, path in documented} > OPEN
    known = [route for router in (*ROUTERS, *WEB) for route in router.routes]
    assert [route for route in known if route not in web.app.routes] == []
    index, *added = (route for route in web.app.routes if route not in known)
    assert isinstance(index, RouteIndex)  # finds those below; adds none
    for route in added:
        assert isinstance(route, Route)
        assert route.methods is None  # asked with one method it answers as with any: what it adds refuses
        assert_problem(await web.http.request("PROPFIND", route.path), 405, "method-not-allowed")
    assert {route.path for route in api_page.router.routes if isinstance(route, APIRoute)} == {"/docs", "/openapi.json"}


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_no_route_answers_without_a_token(web: Web, method: str, path: str) -> None:
    answer = await web.http.request(method, filled(path))
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer oo_wrong", "Bearer wrong", "Bearer ", "Basic b286b28=", "oo_wrong", ""])
async def test_what_is_no_living_token_opens_nothing(web: Web, header: str) -> None:
    assert_problem(await web.http.get("/api/v1/sync", headers={"Authorization": header}), 401, "unauthenticated")


async def test_an_expired_token_opens_nothing(web: Web) -> None:
    issued = await issue_token(web.services.access_uow, "Late", name="old", lifetime=timedelta(seconds=-1))
    headers = {"Authorization": f"Bearer {issued.token}"}
    assert_problem(await web.http.get("/api/v1/sync", headers=headers), 401, "unauthenticated")


async def test_a_token_opens_its_own_business_only(web: Web) -> None:
    mine, other = await web.sign_in("Mine"), await web.sign_in("Other")
    assert (await mine.ask("/sync", headers={"X-Business-ID": mine.business_id})).status_code == 200
    refusals = [
        assert_problem(await mine.ask("/sync", headers={"X-Business-ID": named}), 404, "not-found")
        for named in (other.business_id, str(uuid4()), "nobody")
    ]
    assert len({(refusal["title"], refusal["detail"]) for refusal in refusals}) == 1


async def test_health_needs_no_token(web: Web) -> None:
    assert (await web.http.get("/healthz")).json() == {"status": "ok"}


async def test_unknown_paths_and_methods_are_problems_too(web: Web) -> None:
    assert_problem(await web.http.get("/api/v1/nothing"), 404, "not-found")
    refused = await web.http.post("/api/v1/bills", json={})
    assert_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/bills?limit=0", "query.limit"),
        ("/bills?limit=201", "query.limit"),
        ("/bills?due_within=-1", "query.due_within"),
        ("/bills?due_within=soon", "query.due_within"),
        ("/bills?status=late", "query.status"),
        ("/bills?vendors=31", "query.vendors"),
        ("/bills/seven", "path.bill_id"),
        (f"/bills/{SOME_ID}?as_of=2026-03-01T00:00:00", "query.as_of"),
        (f"/bills/{SOME_ID}?as_of=9999-12-31T23:59:59Z", "query.as_of"),
        (f"/invoices/{SOME_ID}/history?limit=101", "query.limit"),
        ("/accounts?type=Purse", "query.type"),
        ("/payments?since=yesterday", "query.since"),
        ("/runway?window=27", "query.window"),
        ("/runway?floor=-1", "query.floor"),
        ("/runway?floor=NaN", "query.floor"),
    ],
)
async def test_a_malformed_request_names_its_part(web: Web, path: str, where: str) -> None:
    visitor = await web.sign_in("Malformed")
    body = assert_problem(await visitor.ask(path), 422, "malformed-request")
    assert {error["where"].removesuffix(".constrained-str") for error in body["errors"]} >= {where}


@pytest.mark.parametrize(
    "path",
    [
        "/bills?max_age=soon",
        "/bills?max_age=-1",
        "/bills?max_age=1.5",
        "/bills?max_age=",
        "/invoices?cursor=x",
        f"/bills/{SOME_ID}/history?cursor=-1",
        "/payments?since=2026-02-01&until=2026-01-01",
        "/runway?floor=1&floor_days=1",
    ],
)
async def test_what_reads_well_and_means_nothing_is_400(web: Web, path: str) -> None:
    visitor = await web.sign_in("Meaningless")
    assert_problem(await visitor.ask(path), 400, "invalid-input")


async def test_the_callers_request_id_is_kept_unless_it_is_unfit(web: Web) -> None:
    kept = await web.http.get("/healthz", headers={"X-Request-ID": "abc-1.2"})
    assert kept.headers["x-request-id"] == "abc-1.2"
    for unfit in ("a b", "x" * 129, "a\tb", ""):
        assert (await web.http.get("/healthz", headers={"X-Request-ID": unfit})).headers["x-request-id"] != unfit


async def test_a_bug_shows_nothing_of_our_insides(database: Database, redis_url: str, tmp_path: Path) -> None:
    async def broken() -> None:
        raise RuntimeError("the secret is 4711")

    async with running_web(database, redis_url, settings=settings_for(tmp_path, None)) as web:
        web.app.add_api_route("/broken", broken)
        answer = await web.http.get("/broken", headers={"X-Request-ID": "find-me"})
    body = assert_problem(answer, 500, "internal")
    assert body["request_id"] == "find-me"
    assert "4711" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_rail_that_is_switched_off_says_so(database: Database, redis_url: str, tmp_path: Path) -> None:
    with_qbo = settings_for(tmp_path, None)
    settings = Settings(
        servers=with_qbo.servers, rails=with_qbo.rails, web=with_qbo.web, keyring=with_qbo.keyring, qbo=None
    )
    async with running_web(database, redis_url, settings=settings) as web:
        visitor = await web.sign_in("No rail")
        body = assert_problem(await visitor.ask("/bills"), 409, "rail-not-enabled")
        assert "OODALOO_RAILS" in body["detail"]


async def test_an_unconnected_business_has_empty_books_and_says_why(web: Web) -> None:
    visitor = await web.sign_in("Unconnected")
    body = await visitor.get("/bills")
    assert body["data"] == []
    freshness = body["freshness"]
    assert "first sync" in freshness.pop("reason")
    assert freshness == {
        "as_of": None,
        "age_seconds": None,
        "source": "mirror",
        "calls_spent": 0,
        "stale": True,
        "quarantined": 0,
        "open_drift": 0,
    }
    runway = (await visitor.get("/runway"))["data"]
    assert runway["runway"]["state"] == "cash_unknown"
    assert runway["books"]["is_stale"]


def operations(web: Web) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in web.app.openapi()["paths"].items()
        for method, operation in item.items()
    ]


def success_of(operation: dict[str, Any]) -> dict[str, Any]:
    """The answer of an operation that went well; one that may be taken and not over has 202 besides."""
    answers = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
    answer = answers.pop(min(answers))
    assert set(answers) <= {"202"}
    found: dict[str, Any] = answer
    return found


async def test_the_openapi_document_is_complete(web: Web) -> None:
    document = web.app.openapi()
    assert document["openapi"].startswith("3.1")
    for path, _, operation in operations(web):
        assert operation["summary"], path
        assert operation["description"], path
        success = success_of(operation)
        assert success["description"], path
        assert ("204" in operation["responses"]) is ("content" not in success)
        for content in success.get("content", {}).values():
            assert content["example"], path
            assert content["schema"], path
        if path in {"/healthz", "/readyz"}:
            continue
        for status in ("400", "401", "403", "404", "409", "422", "429", "500", "503"):
            problem = operation["responses"][status]["content"]["application/problem+json"]
            assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert problem["example"]["status"] == int(status)
    assert unresolved(document, document) == []


async def test_operation_ids_stay(web: Web) -> None:
    assert sorted(operation["operationId"] for *_, operation in operations(web)) == [
        "approve_bill",
        "ask_client",
        "ask_for_comparison",
        "ask_for_reconciliation",
        "assign_business",
        "assign_item",
        "batch_execute",
        "cancel_payment",
        "change_member",
        "close_dispute",
        "close_promise",
        "close_write_off",
        "compare_scenarios",
        "confirm_deletions",
        "confirm_discount",
        "connect_qbo",
        "create_business",
        "create_token",
        "decide_step",
        "delete_scenario",
        "disconnect_qbo",
        "dismiss_item",
        "end_expected_date",
        "end_must_pay",
        "execute_payment",
        "export_access_log",
        "finish_connecting_qbo",
        "finish_ritual",
        "forget_discount",
        "get_admin_health",
        "get_ageing",
        "get_approval_policy",
        "get_bill",
        "get_connection",
        "get_connection_health",
        "get_customer_reminders",
        "get_dashboard",
        "get_digest",
        "get_digest_sends",
        "get_digest_settings",
        "get_forecast",
        "get_forecast_accuracy",
        "get_health",
        "get_invoice",
        "get_kpis",
        "get_log_head",
        "get_log_proof",
        "get_me",
        "get_operational",
        "get_pay_plan",
        "get_payment",
        "get_payment_trail",
        "get_portfolio",
        "get_readiness",
        "get_reminder_policy",
        "get_ritual",
        "get_runway",
        "get_runway_settings",
        "get_sync",
        "get_sync_budget",
        "invite_member",
        "list_access_log",
        "list_accounts",
        "list_actions",
        "list_approvals",
        "list_bill_history",
        "list_bills",
        "list_businesses",
        "list_collections",
        "list_customer_payments",
        "list_customers",
        "list_discounts",
        "list_drift",
        "list_failed",
        "list_firm_tray",
        "list_invitations",
        "list_invoice_history",
        "list_invoices",
        "list_members",
        "list_notices",
        "list_payments",
        "list_scenarios",
        "list_tokens",
        "list_tray",
        "list_vendor_payments",
        "list_vendors",
        "mark_seen",
        "note_promise",
        "note_write_off",
        "open_dispute",
        "pay_bill",
        "preview_actions",
        "record_payment",
        "remove_member",
        "restore_item",
        "retry_failed",
        "review_payment",
        "revoke_invitation",
        "revoke_token",
        "run_collections",
        "save_scenario",
        "send_all_digests",
        "send_digest",
        "send_reminder",
        "set_approval_policy",
        "set_customer_reminders",
        "set_digest_settings",
        "set_expected_date",
        "set_must_pay",
        "set_reminder_policy",
        "set_runway_settings",
        "snooze_item",
        "start_ritual",
        "unapprove_bill",
        "void_payment",
        "watch_payment",
    ]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.response_model], ids=lambda route: route.name)
async def test_each_documented_example_is_an_answer(web: Web, route: APIRoute) -> None:
    (method,) = route.methods or {"GET"}
    operation = web.app.openapi()["paths"][route.path][method.lower()]
    example = success_of(operation)["content"]["application/json"]["example"]
    shown = route.response_model.model_validate(example).model_dump(mode="json")
    assert keys(shown) == keys(example)


async def test_the_document_and_its_pages_are_served(web: Web) -> None:
    served = await web.http.get("/openapi.json")
    assert served.json()["info"]["title"] == "Oodaloo"
    page = await web.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path, method, operation in operations(web):
        assert f'<section id="{operation["operationId"]}"><h2>{method.upper()} {path}</h2>' in page.text


async def test_the_api_page_needs_nothing_from_elsewhere(web: Web) -> None:
    page = await web.http.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert [word for word in ("<script", "<link", "<img", "src=", "//cdn", "url(") if word in page.text] == []


@pytest.mark.parametrize(
    "path",
    [
        "/vendors?search=%00",
        "/customers?search=a%00",
        "/accounts?search=%00",
        "/bills?vendor=%00",
        "/invoices?customer=%00",
    ],
)
async def test_text_that_no_database_holds_is_refused(web: Web, path: str) -> None:
    visitor = await web.sign_in("Zero")
    assert_problem(await visitor.ask(path), 422, "malformed-request")


async def test_a_cursor_of_such_text_is_refused(web: Web) -> None:
    visitor = await web.sign_in("Zero")
    cursor = NameCursor("\0", UUID(SOME_ID)).encode()
    assert_problem(await visitor.ask(f"/vendors?cursor={cursor}"), 400, "invalid-input")


def keys(value: Any) -> Any:
    """The shape of JSON: names, without values; free objects (`payload`, `changes`) as they are."""
    if isinstance(value, dict):
        return {name: keys(inner) for name, inner in value.items()}
    return [keys(inner) for inner in value] if isinstance(value, list) else None


def unresolved(part: Any, document: Any) -> list[str]:
    if isinstance(part, list):
        return [missing for inner in part for missing in unresolved(inner, document)]
    if not isinstance(part, dict):
        return []
    found = [missing for inner in part.values() for missing in unresolved(inner, document)]
    reference = part.get("$ref")
    if isinstance(reference, str):
        target = document
        for name in reference.removeprefix("#/").split("/"):
            target = target.get(name, {})
        if not target:
            found.append(reference)
    return found
