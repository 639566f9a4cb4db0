"""The edge of the whole application: what every answer carries, and what no route ever sees."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, StreamingResponse
from structlog.testing import capture_logs

from infra.config import EdgeSettings, WebSettings
from infra.ids import new_id
from runway.routes import ROUTERS
from runway.routes.edge import NamedLimit, charge
from tests.e2e.rest import PUBLIC_URL, Web, assert_problem, running_web, settings_for
from tests.rig import Database

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
SERVED = {
    path: {method for route in ROUTES if route.path == path for method in route.methods or ()}
    for path in (route.path for route in ROUTES)
}
SOME_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
JSON = {"Content-Type": "application/json"}


def assert_guarded(answer: httpx.Response) -> None:
    """What every answer has, whoever made it, each header once."""
    headers = answer.headers
    names = [name for name, _ in headers.multi_items() if name != "set-cookie"]
    assert len(names) == len(set(names)), names
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in {"same-origin", "no-referrer"}
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    assert "server" not in headers
    policy = headers["content-security-policy"]
    directives = {name: rest for name, _, rest in (part.strip().partition(" ") for part in policy.split(";"))}
    assert directives["default-src"] == directives["object-src"] == directives["base-uri"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["form-action"]
    assert "unsafe" not in policy
    assert "*" not in policy


@asynccontextmanager
async def edged(
    database: Database, redis_url: str, home: Path, *, web: Mapping[str, Any] | None = None, **edge: Any
) -> AsyncIterator[Web]:
    """The application with an edge of its own."""
    settings = replace(settings_for(home, None), edge=EdgeSettings.model_validate(edge))
    if web is not None:
        settings = replace(settings, web=WebSettings.model_validate(web))
    async with running_web(database, redis_url, settings=settings) as running:
        yield running


def from_address(web: Web, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(web.app, client=(address, 4711)), base_url=PUBLIC_URL)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", sorted(SERVED))
async def test_every_route_and_method_is_guarded(web: Web, path: str) -> None:
    """With no token, with a wrong one and with a right one, with every method: served, refused or not there."""
    visitor = await web.sign_in("Edge")
    filled = "/".join(SOME_ID if part.startswith("{") else part for part in path.split("/"))
    # `/payments/batch-execute` is named, and therefore no payment's id, whatever is asked of it.
    taken_by = [route for route in ROUTES if route.path == filled] or ROUTES
    served = set().union(*(route.methods or () for route in taken_by if route.path_regex.match(filled)))
    for token in (None, "oo_wrong", visitor.token):
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        for method in METHODS:
            answer = await web.http.request(method, filled, headers=sent)
            assert_guarded(answer)
            assert answer.status_code < 500 or filled.startswith("/api/v1/qbo"), answer.text  # QBO is away
            if method not in served:
                assert answer.status_code == 405, (method, answer.text)
                assert set(answer.headers["allow"].split(", ")) <= served
                if method != "HEAD":
                    assert_problem(answer, 405, "method-not-allowed")
            elif answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/docs/", "//evil.test/docs", "/%2e%2e/etc/passwd"])
async def test_what_is_not_there_is_guarded(web: Web, path: str) -> None:
    for method in METHODS:
        answer = await web.http.request(method, f"{PUBLIC_URL}{path}")
        assert_guarded(answer)
        assert answer.status_code in {404, 307}
        assert "evil.test" not in answer.headers.get("location", "").removeprefix(PUBLIC_URL)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_page_has_a_nonce_of_its_own_and_uses_it(web: Web) -> None:
    nonces = set()
    for _ in range(3):
        page = await web.http.get("/docs")
        policy = page.headers["content-security-policy"]
        (nonce,) = {part for part in policy.replace(";", " ").split() if part.startswith("'nonce-")}
        assert f'<style nonce="{nonce[7:-1]}">' in page.text
        assert "style=" not in page.text
        assert "form-action 'self' http://127.0.0.1:9;" in policy  # where the settings say that Intuit is
        nonces.add(nonce)
    assert len(nonces) == 3


@pytest.mark.asyncio(loop_scope="module")
async def test_another_host_is_not_answered_for(web: Web) -> None:
    for host in ("evil.test", "", "oodaloo.test.evil.test", "oodaloo.test@evil.test"):
        answer = await web.http.get("/healthz", headers={"Host": host})
        assert_problem(answer, 421, "misdirected")
        assert_guarded(answer)
        assert "evil" not in answer.text
    for host in ("oodaloo.test", "OODALOO.test:80", "localhost:8000", "[::1]:8000"):
        assert (await web.http.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_long_addresses_and_many_headers_are_refused(web: Web) -> None:
    refused = await web.http.get("/healthz", params={"q": "x" * 9000})
    assert_problem(refused, 414, "address-too-long")
    assert_guarded(refused)
    for headers in ({"X-Long": "x" * 40_000}, {f"X-{n}": "1" for n in range(120)}):
        refused = await web.http.get("/healthz", headers=headers)
        assert_problem(refused, 431, "headers-too-large")
        assert_guarded(refused)


async def give_back(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


async def test_a_body_too_large_is_refused_by_its_word_and_by_count(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    sent = 0

    async def trickle(size: int) -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size // 1024):
            sent += 1024
            yield b"x" * 1024

    async with edged(database, redis_url, tmp_path, body_bytes=10_240) as web:
        web.app.add_api_route("/echo", give_back, methods=["POST"])
        for content in (b"x" * 10_241, trickle(10_240 * 10)):
            refused = await web.http.post("/echo", content=content)
            assert_problem(refused, 413, "body-too-large")
            assert refused.headers["connection"] == "close"
            assert_guarded(refused)
        assert sent < 10_240 * 2  # it was not read to its end
        lying = await web.http.post("/echo", content=trickle(20_480), headers={"Content-Length": "5"})
        assert_problem(lying, 413, "body-too-large")
        for kept in (b"x" * 10_240, trickle(10_240)):
            assert (await web.http.post("/echo", content=kept)).json() == {"bytes": 10_240}
        # A route that takes no body is no way round.
        assert_problem(await web.http.request("GET", "/healthz", content=b"x" * 10_241), 413, "body-too-large")


async def test_a_body_nested_too_deep_never_reaches_a_parser(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async def parse(body: dict[str, Any]) -> int:
        return len(body)

    async with edged(database, redis_url, tmp_path) as web:
        web.app.add_api_route("/parse", parse, methods=["POST"])
        for body in (b'{"a":' + b"[" * 60 + b"]" * 60 + b"}", b"[" * 100_000):
            for kind in ("application/json", "application/vnd.api+json", "text/plain"):
                refused = await web.http.post("/parse", content=body, headers={"Content-Type": kind})
                assert_problem(refused, 400, "nested-too-deep")
        fine = json.dumps({"a": [[[[]]]], "b": "[" * 500}).encode()
        assert (await web.http.post("/parse", content=fine, headers=JSON)).json() == 2
        broken = await web.http.post("/parse", content=b'{"a": [', headers=JSON)
        assert_problem(broken, 422, "malformed-request")
        form = await web.http.post(
            "/echo", content=b"[" * 500, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert form.status_code == 404


async def test_a_body_that_does_not_come_is_not_waited_for(database: Database, redis_url: str, tmp_path: Path) -> None:
    async def stop_halfway() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.Event().wait()

    async with edged(database, redis_url, tmp_path, body_timeout=0.1) as web:
        web.app.add_api_route("/echo", give_back, methods=["POST"])
        refused = await web.http.post("/echo", content=stop_halfway())
        assert_problem(refused, 408, "body-too-slow")
        assert refused.headers["connection"] == "close"
        assert_guarded(refused)


async def test_a_request_that_takes_too_long_is_cancelled_and_one_that_tells_of_progress_is_not(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    cancelled = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def own_time_out() -> None:
        raise TimeoutError

    async def progress() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            for number in range(6):
                yield f"{number}\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(lines())

    async with edged(database, redis_url, tmp_path, request_timeout=0.2) as web:
        for path, route in (("/never", never), ("/own", own_time_out), ("/progress", progress)):
            web.app.add_api_route(path, route)
        refused = await web.http.get("/never")
        assert_problem(refused, 503, "timed-out")
        assert_guarded(refused)
        assert cancelled.is_set()
        assert_problem(await web.http.get("/own"), 500, "internal")
        assert (await web.http.get("/progress")).text == "0\n1\n2\n3\n4\n5\n"


async def test_an_address_and_a_token_have_their_limits(database: Database, redis_url: str, tmp_path: Path) -> None:
    """60 a minute, half of it at once; the test is over before much of it has come back."""
    async with edged(database, redis_url, tmp_path, address_per_minute=40, credential_per_minute=10) as web:
        visitor = await web.sign_in("Limits")
        bearer = {"Authorization": f"Bearer {visitor.token}"}
        async with from_address(web, "198.51.100.1") as here, from_address(web, "198.51.100.2") as there:
            by_token = [await here.get("/api/v1/sync", headers=bearer) for _ in range(7)]
            assert [answer.status_code for answer in by_token] == [200] * 5 + [429] * 2
            body = assert_problem(by_token[-1], 429, "too-many-requests")
            assert body["limit"] == "credential"
            assert 1 <= int(by_token[-1].headers["retry-after"]) <= 6
            assert_guarded(by_token[-1])
            # The token is limited wherever it is used; the address is not, until its own limit.
            assert (await there.get("/api/v1/sync", headers=bearer)).status_code == 429
            # Made-up tokens have a limit each, and the address's all together.
            by_address = [
                await here.get("/api/v1/sync", headers={"Authorization": f"Bearer oo_{n}"}) for n in range(30)
            ]
            assert {answer.status_code for answer in by_address[:14]} == {401}
            assert assert_problem(by_address[-1], 429, "too-many-requests")["limit"] == "address"
            assert (await there.get("/docs")).status_code == 200
            assert (await here.get("/healthz")).status_code == 200


async def test_a_session_cookie_is_a_credential_too(database: Database, redis_url: str, tmp_path: Path) -> None:
    async with edged(database, redis_url, tmp_path, credential_per_minute=4) as web:
        for cookie in ("__Host-sid=one", "a=b; sid=two"):
            answers = [await web.http.get("/docs", headers={"Cookie": cookie}) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (await web.http.get("/docs", headers={"Cookie": "theme=dark"})).status_code == 200


async def test_money_has_a_limit_of_its_own_for_each_business(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async def pay(request: Request) -> None:
        await charge(request, NamedLimit.MONEY, businesses[request.headers["which"]])

    businesses = {"one": new_id(), "two": new_id()}
    async with edged(database, redis_url, tmp_path) as web:
        web.app.add_api_route("/pay", pay, methods=["POST"])
        answers = [await web.http.post("/pay", headers={"which": "one"}) for _ in range(32)]
        assert [answer.status_code for answer in answers[:30]] == [200] * 30
        assert assert_problem(answers[-1], 429, "too-many-requests")["limit"] == "money"
        assert (await web.http.post("/pay", headers={"which": "two"})).status_code == 200


async def test_without_redis_requests_are_answered_and_still_limited(database: Database, tmp_path: Path) -> None:
    nowhere = "unix:///nowhere/valkey.sock"
    async with edged(database, nowhere, tmp_path, address_per_minute=20, web_processes=2) as web:
        answers = await asyncio.gather(*(web.http.get("/docs") for _ in range(20)))
    let_in = Counter(answer.status_code for answer in answers)
    assert set(let_in) == {200, 429}
    assert 5 <= let_in[200] < 10  # one more every six seconds, on a machine that takes so long


async def test_forwarded_addresses_are_believed_from_our_proxies_only(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async def tell(request: Request) -> list[str]:
        return [request.state.client_address, request.url.scheme]

    told = {"X-Forwarded-For": "1.2.3.4, 198.51.100.7", "X-Forwarded-Proto": "https"}
    async with edged(database, redis_url, tmp_path, trusted_proxies="10.0.0.0/8", address_per_minute=4) as web:
        web.app.add_api_route("/who", tell)
        async with from_address(web, "10.0.0.1") as proxy, from_address(web, "203.0.113.9") as stranger:
            assert (await proxy.get("/who", headers=told)).json() == ["198.51.100.7", "https"]
            assert (await proxy.get("/who")).json() == ["10.0.0.1", "http"]
            assert (await stranger.get("/who", headers=told)).json() == ["203.0.113.9", "http"]
            # Nor does a made-up address get round the limit.
            made_up = [await stranger.get("/who", headers={"X-Forwarded-For": f"1.1.1.{n}"}) for n in range(3)]
            assert [answer.status_code for answer in made_up] == [200, 429, 429]


async def test_https_is_demanded_for_good_where_the_public_url_has_it(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with edged(database, redis_url, tmp_path, web={"public_url": "https://oodaloo.test"}) as web:
        for path in ("/healthz", "/nothing", "/docs"):
            answer = await web.http.get(path)
            assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    async with edged(database, redis_url, tmp_path) as web:
        assert "strict-transport-security" not in (await web.http.get("/healthz")).headers


async def test_production_shows_no_documentation(database: Database, redis_url: str, tmp_path: Path) -> None:
    async with edged(database, redis_url, tmp_path, environment="production") as web:
        for path in ("/docs", "/openapi.json", "/redoc", "/docs/oauth2-redirect"):
            answer = await web.http.get(path)
            assert_problem(answer, 404, "not-found")
            assert_guarded(answer)
        assert (await web.http.get("/healthz")).status_code == 200


async def test_errors_of_every_making_are_guarded_and_tell_nothing(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    async def broken(kind: str) -> None:
        raise {"bug": RuntimeError, "group": ExceptionGroup}[kind](
            *{"bug": ("4711",), "group": ("4711", [KeyError()])}[kind]
        )

    async def strange() -> HTMLResponse:
        return HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src *", "X-Content-Type-Options": "x"})

    async with edged(database, redis_url, tmp_path) as web:
        web.app.add_api_route("/broken/{kind}", broken)
        web.app.add_api_route("/strange", strange)
        for kind in ("bug", "group"):
            answer = await web.http.get(f"/broken/{kind}")
            assert_problem(answer, 500, "internal")
            assert_guarded(answer)
            assert "4711" not in answer.text
        assert_guarded(await web.http.get("/strange"))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_refused_is_logged_with_its_request_id(web: Web) -> None:
    with capture_logs() as events:
        await web.http.get("/healthz", headers={"Host": "evil.test", "X-Request-ID": "find-me"})
    refused, done = events
    assert (refused["event"], refused["reason"], refused["client"]) == (
        "http.request.refused",
        "Misdirected",
        "127.0.0.1",
    )
    assert (done["event"], done["status"]) == ("http.request.done", 421)
