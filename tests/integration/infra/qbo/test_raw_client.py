"""The raw client: one status and body at a time by respx, what has state against a scripted server on a real port."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx
from pydantic import HttpUrl, SecretStr
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from infra import exact_json
from infra.clock import SystemClock
from infra.config import QBOSettings
from infra.ids import new_id
from infra.qbo import http_client, statements
from infra.qbo.errors import (
    QBOAccessRevoked,
    QBOAuthExpired,
    QBOError,
    QBONotFound,
    QBORateLimited,
    QBOUnavailable,
    QBOValidationFault,
)
from infra.qbo.http_client import open_http
from infra.qbo.raw_client import QBORawClient
from infra.qbo.transport import Call, Patience, QBOTransport
from infra.ratelimit.breaker import RailBreaker
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from tests.integration.infra.qbo.served import served
from tests.integration.infra.qbo.token_racer import settings_for

WIDE = Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000)
QUICK = Patience(retry_waits=(0.001, 0.001, 0.001), wait_for_limit=timedelta(seconds=5))
TIME = "2026-03-01T04:00:00.250-08:00"
HOST = "http://qbo.test"


def reaching(url: str) -> QBOSettings:
    """Both the stage and HOST may be called."""
    return settings_for(url).model_copy(update={"discovery_url": HttpUrl(HOST)})


@dataclass
class HandTokens:
    """Hands out token 1, and one more for each refresh."""

    number: int = 1
    rejected: list[str] = field(default_factory=list)

    async def access_token(self) -> SecretStr:
        return SecretStr(f"canary-{self.number}")

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        self.rejected.append(after_rejected.get_secret_value())
        self.number += 1
        return await self.access_token()


@dataclass
class Script:
    """Answers one after the other, the last one for ever; keeps what was asked."""

    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    requests: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    delay_seconds: float = 0.0

    def then(self, status: int, content: Any, **headers: str) -> None:
        body = content if isinstance(content, bytes) else exact_json.dumps(content)
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.requests.append((request.method, request.url.path, await request.body(), dict(request.headers)))
        await asyncio.sleep(self.delay_seconds)
        status, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await Response(body, status_code=status, headers=headers)(scope, receive, send)


@dataclass
class Stage:
    """The module's one server; each test puts its own script on."""

    script: Script = field(default_factory=Script)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.script(scope, receive, send)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    with served(stage) as url:
        stage.url = url
        yield stage


@pytest.fixture
def script(stage: Stage) -> Script:
    stage.script = Script()
    return stage.script


@dataclass
class Desk:
    """Makes clients, for the scripted server or for respx's host."""

    redis: Redis
    tokens: HandTokens
    http: httpx.AsyncClient
    script_url: str
    realm: str = field(default_factory=lambda: new_id().hex)

    def client(
        self,
        url: str | None = None,
        *,
        patience: Patience = QUICK,
        limits: Limits = WIDE,
        settings: QBOSettings | None = None,
    ) -> QBORawClient:
        return QBORawClient(
            self.realm,
            http=self.http,
            settings=settings or settings_for(url or self.script_url),
            tokens=self.tokens,
            limiter=RailLimiter(self.redis, rail="qbo", limits=limits),
            clock=SystemClock(),
            lane=Lane.USER,
            patience=patience,
        )


@pytest.fixture
async def desk(redis_url: str, stage: Stage) -> AsyncIterator[Desk]:
    async with Redis.from_url(redis_url) as redis, open_http(reaching(stage.url)) as http:
        yield Desk(redis, HandTokens(), http, stage.url)


def page_of(entity: str, *objects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "QueryResponse": {entity: list(objects), "startPosition": 1, "maxResults": len(objects), **more},
        "time": TIME,
    }


def record(external_id: str, changed: str = "2026-02-01T10:00:00-08:00", **more: Any) -> dict[str, Any]:
    return {"Id": external_id, "SyncToken": "0", "MetaData": {"LastUpdatedTime": changed}, **more}


def fault(code: str) -> dict[str, Any]:
    return {"Fault": {"Error": [{"Message": "No", "code": code}], "type": "ValidationFault"}, "time": TIME}


async def test_a_query_sends_what_qbo_needs_and_keeps_amounts_exact(desk: Desk) -> None:
    statement = "SELECT * FROM Bill WHERE MetaData.LastUpdatedTime >= '2026-01-01T00:00:00+00:00' AND DocNumber = 'A&B'"
    with respx.mock(base_url=HOST) as qbo:
        route = qbo.get(f"/v3/company/{desk.realm}/query").respond(
            content=b'{"QueryResponse":{"Bill":[{"Id":"1","TotalAmt":0.10,"Balance":12345678901234.56789}],"maxResults":1},"time":"'
            + TIME.encode()
            + b'"}'
        )
        page = await desk.client(HOST).query(statement)
    request = route.calls.last.request
    assert dict(request.url.params) == {"query": statement, "minorversion": "75"}
    assert b"%2B00%3A00" in request.url.raw_path
    assert b"A%26B" in request.url.raw_path
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer canary-1"
    assert page.objects == [{"Id": "1", "TotalAmt": Decimal("0.10"), "Balance": Decimal("12345678901234.56789")}]
    assert (page.entity, page.total_count) == ("Bill", None)
    assert page.answered_at == datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert page.asked_at.tzinfo is not None
    assert page.cost.calls == 1


async def test_a_long_statement_goes_as_a_body(desk: Desk, script: Script) -> None:
    script.then(200, page_of("Bill"))
    statement = statements.select("Bill", statements.id_in(map(str, range(1000))), limit=1000)
    await desk.client().query(statement)
    [(method, path, body, headers)] = script.requests
    assert (method, path, body.decode()) == ("POST", f"/v3/company/{desk.realm}/query", statement)
    assert headers["content-type"] == "application/text"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, exact_json.dumps(fault("4001")), QBOValidationFault),
        (200, exact_json.dumps(fault("610")), QBONotFound),
        (200, b"<IntuitResponse><Fault type='x'><Error code='4000'/></Fault></IntuitResponse>", QBOValidationFault),
        (200, b'{"QueryResponse": {"Bill": [', QBOUnavailable),
        (200, b"<html>login</html>", QBOUnavailable),
        (200, b"", QBOUnavailable),
        (200, b"[]", QBOUnavailable),
        (200, b'{"time": "2026-03-01T04:00:00-08:00"}', QBOUnavailable),
        (302, b"", QBOUnavailable),
        (400, exact_json.dumps(fault("4000")), QBOValidationFault),
        (403, exact_json.dumps(fault("3100")), QBOAccessRevoked),
        (403, b"<html>", QBOUnavailable),
        (500, b"", QBOUnavailable),
    ],
)
async def test_every_answer_but_a_readable_page_is_an_error(
    desk: Desk, status: int, body: bytes, expected: type[QBOError]
) -> None:
    with respx.mock(base_url=HOST) as qbo:
        qbo.get(path__regex=".*/query").respond(status, content=body, headers={"intuit_tid": "1-tid"})
        with pytest.raises(expected) as caught:
            await desk.client(HOST).query("SELECT * FROM Bill")
    assert type(caught.value) is expected


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.PoolTimeout])
async def test_a_lost_connection_is_tried_again_three_times(desk: Desk, error: type[httpx.HTTPError]) -> None:
    with respx.mock(base_url=HOST) as qbo:
        route = qbo.get(path__regex=".*/query").mock(side_effect=error)
        with pytest.raises(QBOUnavailable, match=error.__name__):
            await desk.client(HOST).query("SELECT * FROM Bill")
    assert route.call_count == 4


async def test_a_read_that_succeeds_at_last_counts_all_its_calls(desk: Desk, script: Script) -> None:
    script.then(503, b"<html>")
    script.then(200, b'{"QueryResponse":')
    script.then(200, page_of("Bill", record("1")))
    page = await desk.client().query("SELECT * FROM Bill")
    assert (len(page.objects), page.cost.calls, len(script.requests)) == (1, 3, 3)


async def test_what_qbo_refused_is_not_sent_again(desk: Desk, script: Script) -> None:
    script.then(400, fault("4001"))
    with pytest.raises(QBOValidationFault):
        await desk.client().query("SELECT * FROM Bill")
    assert len(script.requests) == 1


async def test_pauses_between_tries_grow_and_vary_by_a_quarter(desk: Desk, script: Script) -> None:
    script.then(503, b"")
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    client = QBOTransport(
        desk.realm,
        http=desk.http,
        settings=settings_for(desk.script_url),
        tokens=desk.tokens,
        limiter=RailLimiter(desk.redis, rail="qbo", limits=WIDE),
        lane=Lane.USER,
        clock=SystemClock(),
        patience=Patience(),
        breaker=RailBreaker(None, rail="qbo"),
        count=lambda _: None,
        sleep=sleep,
    )
    with pytest.raises(QBOUnavailable):
        await client.read(Call("query", "/query"))
    assert [round(pause / base, 6) for pause, base in zip(pauses, (1, 2, 4), strict=True)] == pytest.approx(
        [1, 1, 1], abs=0.25
    )


async def test_no_pause_goes_past_the_budget(desk: Desk, script: Script) -> None:
    script.then(503, b"")
    with pytest.raises(QBOUnavailable):
        await desk.client(patience=Patience(budget=timedelta(seconds=1), retry_waits=(3600.0,))).query(
            "SELECT * FROM Bill"
        )
    assert len(script.requests) == 1


async def test_a_slow_answer_ends_with_the_budget(desk: Desk, script: Script) -> None:
    script.then(200, page_of("Bill"))
    script.delay_seconds = 1.0
    with pytest.raises(QBOUnavailable, match=r"within 0\.1 s"):
        await desk.client(patience=Patience(budget=timedelta(seconds=0.1))).query("SELECT * FROM Bill")


async def test_a_refused_token_is_refreshed_once_and_the_call_repeated_once(desk: Desk, script: Script) -> None:
    script.then(401, b"<html>Unauthorized</html>")
    script.then(200, page_of("Bill", record("1")))
    page = await desk.client().query("SELECT * FROM Bill")
    assert [headers["authorization"] for _, _, _, headers in script.requests] == ["Bearer canary-1", "Bearer canary-2"]
    assert (desk.tokens.rejected, page.cost.calls) == (["canary-1"], 2)


async def test_a_second_refusal_is_the_end(desk: Desk, script: Script) -> None:
    script.then(401, b"")
    with pytest.raises(QBOAuthExpired):
        await desk.client().query("SELECT * FROM Bill")
    assert len(script.requests) == 2


async def test_a_429_blocks_the_company_for_everyone(desk: Desk, script: Script) -> None:
    script.then(429, b"<IntuitResponse/>", retry_after="7")
    with pytest.raises(QBORateLimited) as caught:
        await desk.client().query("SELECT * FROM Bill")
    assert caught.value.retry_after_seconds == 7
    with pytest.raises(QBORateLimited, match="blocked"):
        await desk.client().query("SELECT * FROM Vendor")
    assert len(script.requests) == 1


async def test_a_backfill_sits_a_429_out(desk: Desk, script: Script) -> None:
    script.then(429, b"", retry_after="1")
    script.then(200, page_of("Bill", record("1")))
    page = await desk.client().query("SELECT * FROM Bill")
    assert (len(page.objects), page.cost.calls) == (1, 2)


async def test_a_full_limit_is_told_without_a_call(desk: Desk, script: Script) -> None:
    script.then(200, page_of("Bill"))
    client = desk.client(limits=Limits(per_minute=1, burst=1, per_second=1_000_000), patience=Patience())
    await client.query("SELECT * FROM Bill")
    with pytest.raises(QBORateLimited) as caught:
        await client.query("SELECT * FROM Bill")
    assert (len(script.requests), caught.value.status) == (1, None)
    assert 30 < caught.value.retry_after_seconds <= 60


async def test_the_log_has_the_tid_and_neither_token_nor_payload(desk: Desk, script: Script) -> None:
    script.then(500, b"", intuit_tid="1-first")
    script.then(200, page_of("Bill", record("1", PrivateNote="confidential")), intuit_tid="1-second")
    with capture_logs() as events:
        await desk.client().query("SELECT * FROM Bill WHERE DocNumber = 'confidential'")
    done = [event for event in events if event["event"] == "qbo.query.done"]
    assert [(event["entity"], event["status"]) for event in done] == [("Bill", 500), ("Bill", 200)]
    assert all("ms" in event for event in done)
    assert "canary" not in repr(events)
    assert "confidential" not in repr(events)


async def test_errors_do_not_show_the_token(desk: Desk, script: Script) -> None:
    script.then(500, b"")
    with pytest.raises(QBOUnavailable) as caught:
        await desk.client().query("SELECT * FROM Bill")
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "canary" not in repr(chain)
        chain = chain.__cause__ or chain.__context__


async def test_a_body_that_never_ends_is_cut(desk: Desk, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LARGEST_BODY_BYTES", 1000)
    script.then(200, page_of("Bill", record("1", PrivateNote="x" * 2000)))
    with pytest.raises(QBOUnavailable, match="larger"):
        await desk.client().query("SELECT * FROM Bill")


async def test_no_match_is_an_empty_page_and_a_count_is_a_number(desk: Desk, script: Script) -> None:
    script.then(200, {"QueryResponse": {}, "time": TIME})
    script.then(200, {"QueryResponse": {"totalCount": 41}, "time": TIME})
    assert (await desk.client().query("select * from bill")).objects == []
    assert await desk.client().count("Vendor") == 41


async def test_changes_keep_deletions_apart_and_every_entity_has_its_place(desk: Desk, script: Script) -> None:
    deleted = {
        "status": "Deleted",
        "domain": "QBO",
        "Id": "979",
        "MetaData": {"LastUpdatedTime": "2026-02-23T12:55:50-08:00"},
    }
    groups = [{"Bill": [record("1"), deleted], "startPosition": 1, "maxResults": 2}, {}, {"Payment": [deleted]}]
    script.then(200, {"CDCResponse": [{"QueryResponse": groups}], "time": TIME})
    since = datetime(2026, 2, 1, 1, 0, tzinfo=UTC)
    changes = await desk.client().changes_since(["Bill", "Vendor", "Payment"], since=since)
    assert {entity: [item["Id"] for item in items] for entity, items in changes.objects.items()} == {
        "Bill": ["1"],
        "Vendor": [],
        "Payment": [],
    }
    assert [len(changes.deletions[entity]) for entity in ("Bill", "Vendor", "Payment")] == [1, 0, 1]
    [gone] = changes.deletions["Bill"]
    assert (gone.external_id, gone.deleted_at) == ("979", datetime(2026, 2, 23, 20, 55, 50, tzinfo=UTC))
    assert (changes.total, changes.is_possibly_cut) == (3, False)


async def test_a_thousand_changes_are_possibly_cut(desk: Desk, script: Script) -> None:
    bills = [record(str(number)) for number in range(999)]
    script.then(200, {"CDCResponse": [{"QueryResponse": [{"Bill": bills}]}], "time": TIME})
    script.then(200, {"CDCResponse": [{"QueryResponse": [{"Bill": [*bills, record("1000")]}]}], "time": TIME})
    since = datetime(2026, 2, 1, tzinfo=UTC)
    answers = [await desk.client().changes_since(["Bill"], since=since) for _ in range(2)]
    assert [answer.is_possibly_cut for answer in answers] == [False, True]


async def test_an_object_is_read_by_its_id(desk: Desk, script: Script) -> None:
    script.then(200, {"BillPayment": record("7"), "time": TIME})
    script.then(400, fault("610"))
    answer = await desk.client().read("BillPayment", "7")
    assert (answer.payload["Id"], script.requests[0][1]) == ("7", f"/v3/company/{desk.realm}/billpayment/7")
    with pytest.raises(QBONotFound):
        await desk.client().read("BillPayment", "../8")
    assert script.requests[1][1].endswith("/billpayment/../8") or "%2F" in script.requests[1][1]


async def test_many_ids_take_one_call_for_each_500(desk: Desk, script: Script) -> None:
    script.then(200, page_of("Vendor", record("1")))
    script.then(200, page_of("Vendor", record("501")))
    page = await desk.client().read_many("Vendor", [str(number) for number in range(1, 601)])
    assert ([item["Id"] for item in page.objects], page.cost.calls) == (["1", "501"], 2)
    assert b"Active IN (true, false)" in script.requests[0][2]
    assert (await desk.client().read_many("Vendor", [])).objects == []


async def test_the_lists_read_every_page_and_give_each_record_once(desk: Desk, script: Script) -> None:
    first = [record(str(number), f"2026-02-01T10:{number // 60:02}:{number % 60:02}-08:00") for number in range(1000)]
    script.then(200, page_of("Vendor", *first))
    script.then(200, page_of("Vendor", first[-1] | {"SyncToken": "1"}, record("1000")))
    vendors = await desk.client().get_vendors_from_qbo()
    assert len(vendors) == 1001
    assert [vendor["SyncToken"] for vendor in vendors if vendor["Id"] == "999"] == ["1"]


async def test_bills_and_invoices_are_the_open_ones_by_due_date(desk: Desk) -> None:
    with respx.mock(base_url=HOST) as qbo:
        route = qbo.get(path__regex=".*/query").respond(json={"QueryResponse": {}, "time": TIME})
        client = desk.client(HOST)
        await client.get_bills_from_qbo(7)
        await client.get_invoices_from_qbo()
        await client.get_invoices_from_qbo(30)
    bills, invoices, overdue = (call.request.url.params["query"] for call in route.calls)
    today = datetime.now(UTC).date()
    due = {today + timedelta(days=7), today + timedelta(days=8)}
    assert any(f"DueDate <= '{day}' AND Balance > '0'" in bills for day in due)
    assert "DueDate" not in invoices
    assert "Balance > '0'" in invoices
    assert any(f"DueDate <= '{day}'" in overdue for day in (today - timedelta(days=30), today - timedelta(days=29)))


@pytest.mark.parametrize("realm", ["", "1/../2", "1?x"])
async def test_a_realm_that_would_change_the_path_is_refused(desk: Desk, realm: str) -> None:
    desk.realm = realm
    with pytest.raises(ValueError, match="realm"):
        desk.client()
