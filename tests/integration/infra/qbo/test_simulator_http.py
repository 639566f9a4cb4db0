"""The simulator as any client meets it: over HTTP, on a real port."""
# ruff: noqa: S608 - QBO's query language, not SQL

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from infra import exact_json
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import CompanyTransaction
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, bill, invoice, make_file

OTHER_REALM = "9130000000000002"
BACK = "http://localhost/callback"


class Client:
    """A simulator, its clock, and an HTTP client that holds a valid token."""

    def __init__(self, simulator: Simulator, clock: MovableClock, info: SimulatorInfo, http: httpx.AsyncClient) -> None:
        self.simulator, self.clock, self.info, self.http = simulator, clock, info, http
        self.headers = {"Authorization": f"Bearer {info.access_token}", "Accept": "application/json"}

    async def get(self, path: str, *, realm_id: str = REALM, **params: str) -> httpx.Response:
        return await self.http.get(f"/v3/company/{realm_id}/{path}", params=params, headers=self.headers)

    async def post(self, path: str, body: Any, **params: str) -> httpx.Response:
        content = body if isinstance(body, str) else exact_json.dumps(body)
        return await self.http.post(f"/v3/company/{REALM}/{path}", content=content, params=params, headers=self.headers)

    async def query(self, text: str) -> dict[str, Any]:
        answer: dict[str, Any] = exact_json.loads((await self.get("query", query=text)).content)["QueryResponse"]
        return answer

    async def token(self, form: dict[str, str], *, secret: str | None = None) -> httpx.Response:
        auth = (self.info.client_id, secret or self.info.client_secret)
        return await self.http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth)

    async def refresh(self, token: str) -> httpx.Response:
        return await self.token({"grant_type": "refresh_token", "refresh_token": token})


Start = Callable[..., Awaitable[Client]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def run(transactions: list[CompanyTransaction] | None = None, **options: Any) -> Client:
            clock = MovableClock()
            files = [make_file(transactions), make_file(realm_id=OTHER_REALM)]
            companies = [load_company(file, clock=clock) for file in files]
            simulator = Simulator(companies, clock=clock, **{"limits": False, **options})
            info = await stack.enter_async_context(running_simulator(simulator))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=info.base_url, timeout=30))
            return Client(simulator, clock, info, http)

        yield run


@pytest.fixture
async def client(start: Start) -> Client:
    return await start()


async def test_a_user_connects_a_company(client: Client) -> None:
    discovery = (await client.http.get(client.info.discovery_url)).json()
    asked = {
        "client_id": client.info.client_id,
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": BACK,
        "state": "a&b",
    }
    page = (await client.http.get(discovery["authorization_endpoint"], params=asked)).text
    assert "Small Works" in page
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    form = {**asked, "realm_id": OTHER_REALM, "action": "connect"}
    assert hidden.keys() >= asked.keys()
    back = await client.http.post(discovery["authorization_endpoint"], data=form)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}
    assert back.headers["location"].startswith(BACK)
    assert (answer["state"], answer["realmId"]) == ("a&b", OTHER_REALM)
    exchange = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": BACK}
    tokens = await client.token(exchange)
    assert (tokens.json()["token_type"], tokens.json()["x_refresh_token_expires_in"]) == ("bearer", 8726400)
    client.headers["Authorization"] = f"Bearer {tokens.json()['access_token']}"
    info = await client.get(f"companyinfo/{OTHER_REALM}", realm_id=OTHER_REALM)
    assert info.json()["CompanyInfo"]["CompanyName"] == "Small Works"
    assert (await client.token(exchange)).json()["error"] == "invalid_grant"


async def test_a_user_cancels(client: Client) -> None:
    form = {"client_id": client.info.client_id, "redirect_uri": BACK, "state": "s", "action": "cancel"}
    back = await client.http.post("/connect/oauth2", data=form)
    assert parse_qs(urlsplit(back.headers["location"]).query) == {"state": ["s"], "error": ["access_denied"]}


@pytest.mark.parametrize("spoilt", [{"client_id": "x"}, {"redirect_uri": "javascript:alert(1)"}, {"state": ""}])
async def test_a_spoilt_request_for_consent_stays_on_the_page(client: Client, spoilt: dict[str, str]) -> None:
    asked = {"client_id": client.info.client_id, "redirect_uri": BACK, "state": "s", **spoilt}
    assert (await client.http.get("/connect/oauth2", params=asked)).status_code == 400


async def test_of_many_refreshes_at_once_one_wins(client: Client) -> None:
    answers = await asyncio.gather(*(client.refresh(client.info.refresh_token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    loser = next(answer for answer in answers if answer.status_code == 400)
    assert loser.json() == {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}
    assert loser.headers["intuit_tid"]
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert (await client.refresh(winner["refresh_token"])).status_code == 200


async def test_client_credentials_go_in_the_header_or_the_form(client: Client) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": client.info.refresh_token}
    wrong = await client.token(form, secret="wrong")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    in_form = {**form, "client_id": client.info.client_id, "client_secret": client.info.client_secret}
    assert (await client.http.post("/oauth2/v1/tokens/bearer", data=in_form)).status_code == 200


async def test_a_revoked_grant_is_dead(client: Client) -> None:
    auth = (client.info.client_id, client.info.client_secret)
    body = {"token": client.info.refresh_token}
    revoked = await client.http.post("/v2/oauth2/tokens/revoke", json=body, auth=auth)
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert (await client.get("query", query="SELECT * FROM Bill")).status_code == 401


async def test_tokens_fail_in_the_gateway_s_spelling(client: Client) -> None:
    elsewhere = await client.get("companyinfo/1", realm_id=OTHER_REALM)
    assert (elsewhere.status_code, elsewhere.json()["fault"]["error"][0]["code"]) == (403, "3100")
    await client.http.post("/admin/expire-tokens")
    expired = await client.get("companyinfo/1")
    assert (expired.status_code, expired.json()["fault"]["type"]) == (401, "AUTHENTICATION")
    assert expired.json()["fault"]["error"][0]["message"].endswith("errorCode=003200; statusCode=401")
    fresh = (await client.refresh(client.info.refresh_token)).json()
    client.headers["Authorization"] = f"Bearer {fresh['access_token']}"
    assert (await client.get("companyinfo/1")).status_code == 200


async def test_a_bill_s_life(client: Client) -> None:
    created = await client.post("bill", bill(Decimal("100.00")), minorversion="75")
    assert (created.status_code, list(created.json())) == (200, ["Bill", "time"])
    made = created.json()["Bill"]
    assert b'"TotalAmt":100.00' in created.content
    updated = await client.post(
        "bill", {**bill(Decimal("50.00")), "Id": made["Id"], "SyncToken": "0"}, operation="update"
    )
    assert updated.json()["Bill"]["SyncToken"] == "1"
    stale = await client.post("bill", {**bill(), "Id": made["Id"], "SyncToken": "0"})
    assert (stale.status_code, stale.json()["Fault"]["Error"][0]["code"]) == (400, "5010")
    assert (await client.get(f"Bill/{made['Id']}")).json()["Bill"] == updated.json()["Bill"]
    gone = await client.post("bill", {"Id": made["Id"], "SyncToken": "1"}, operation="delete")
    assert gone.json()["Bill"] == {"status": "Deleted", "domain": "QBO", "Id": made["Id"]}
    missing = await client.get(f"bill/{made['Id']}")
    assert missing.json()["Fault"]["Error"][0]["code"] == "610"
    (group,) = (await client.get("cdc", entities="Bill", changedSince="2026-03-01")).json()["CDCResponse"][0][
        "QueryResponse"
    ]
    assert [row["status"] for row in group["Bill"]] == ["Deleted"]


async def test_the_same_requestid_is_done_once(client: Client) -> None:
    first = await client.post("bill", bill(Decimal(1)), requestid="r-1")
    again = await client.post("bill", bill(Decimal(2)), requestid="r-1")
    assert again.content == first.content
    assert await client.query("SELECT COUNT(*) FROM Bill") == {"totalCount": 1}


async def test_a_refused_request_may_be_corrected_under_its_requestid(client: Client) -> None:
    assert (await client.post("bill", {}, requestid="r-2")).status_code == 400
    assert (await client.post("bill", bill(Decimal(2)), requestid="r-2")).status_code == 200


async def test_a_query_may_be_posted(client: Client) -> None:
    answer = await client.post("query", "SELECT * FROM Vendor WHERE DisplayName = 'books by bessie'")
    assert [row["Id"] for row in answer.json()["QueryResponse"]["Vendor"]] == ["57"]
    nothing = await client.post("query", "SELECT * FROM Bill")
    assert nothing.json()["QueryResponse"] == {}


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "bill", "500"),
        ("PUT", "bill", "500"),
        ("DELETE", "bill/1", "500"),
        ("GET", "estimate/1", "610"),
        ("GET", "treasure/1", "500"),
        ("GET", "query", "4000"),
    ],
)
async def test_what_is_not_there_is_a_service_fault(client: Client, method: str, path: str, code: str) -> None:
    answer = await client.http.request(method, f"/v3/company/{REALM}/{path}", headers=client.headers)
    fault = answer.json()["Fault"]
    assert (answer.status_code, fault["Error"][0]["code"], fault["type"]) == (400, code, "ValidationFault")
    assert answer.headers["intuit_tid"]


async def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    answer = await client.post("bill", "<Bill/>")
    assert answer.json()["Fault"]["Error"][0]["code"] == "2010"


async def test_the_eleventh_call_in_a_second_is_throttled_in_xml(start: Start) -> None:
    client = await start(limits=True)
    statuses = [(await client.get("companyinfo/1")).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    throttled = await client.get("companyinfo/1")
    assert throttled.headers["content-type"].startswith("application/xml")
    assert "errorCode=003001" in throttled.text
    client.clock.advance(seconds=1)
    assert (await client.get("companyinfo/1")).status_code == 200


async def test_throttling_can_come_as_json(start: Start) -> None:
    client = await start(limits=True, behaviour=Behaviour(throttle_body="json"))
    answers = [await client.get("companyinfo/1") for _ in range(11)]
    assert answers[-1].json()["fault"]["error"][0]["code"] == "3001"


async def test_the_oracle_knows_what_was_served_and_that_the_books_balance(client: Client) -> None:
    await client.post("bill", bill(Decimal("12.34")))
    await client.query("SELECT * FROM Bill")
    oracle = exact_json.loads((await client.http.get("/admin/oracle")).content)["realms"][REALM]
    assert oracle["requests"] == {"write": 1, "query": 1}
    assert oracle["entities"]["Bill"] == 1
    assert sum(oracle["trial_balance"].values()) == 0
    assert Decimal("12.34") in oracle["trial_balance"].values()


def make_book(count: int) -> list[CompanyTransaction]:
    """Invoices over two years, about two a day."""
    first = date(2024, 3, 1)
    days = (first + timedelta(days=number * 700 // count) for number in range(count))
    return [
        CompanyTransaction("Invoice", {**invoice(Decimal(10)), "Id": str(number), "TxnDate": day.isoformat()})
        for number, day in enumerate(days, start=1)
    ]


async def keyset(client: Client) -> set[str]:
    """Ids as keyset pages see them, boundary inclusive, until a page is not full."""
    seen: set[str] = set()
    since, rows = "2000-01-01T00:00:00Z", 100
    while rows == 100:
        where = f"MetaData.LastUpdatedTime >= '{since}' ORDERBY MetaData.LastUpdatedTime MAXRESULTS 100"
        page = (await client.query(f"SELECT * FROM Invoice WHERE {where}"))["Invoice"]
        seen |= {row["Id"] for row in page}
        since, rows = page[-1]["MetaData"]["LastUpdatedTime"], len(page)
        client.clock.advance(seconds=1)
    return seen


async def positions(client: Client) -> set[str]:
    """Ids as paging by position over a moving order sees them."""
    seen: set[str] = set()
    start = 1
    while page := await client.query(
        f"SELECT * FROM Invoice ORDERBY MetaData.LastUpdatedTime STARTPOSITION {start} MAXRESULTS 100"
    ):
        seen |= {row["Id"] for row in page["Invoice"]}
        start += 100
        client.clock.advance(seconds=1)
    return seen


async def test_with_an_edit_a_page_paging_by_position_loses_records_and_keyset_does_not(start: Start) -> None:
    client = await start(make_book(1500))
    everything = {str(number) for number in range(1, 1501)}
    await client.http.post("/admin/edit-per-page", json={"enabled": True, "seed": 7})
    assert everything - await positions(client)
    assert await keyset(client) == everything
    await client.http.post("/admin/edit-per-page", json={"enabled": False})
    edits = exact_json.loads((await client.http.get("/admin/oracle")).content)["edits"]
    assert edits > 0
    objects = exact_json.loads((await client.http.get(f"/admin/objects/{REALM}/invoice")).content)
    assert sum(int(row["SyncToken"]) for row in objects) == edits


async def test_latency_is_added_to_each_call(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await start(latency_ms=200)
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds == 0.2:
            slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("infra.qbo.simulator.api.company_endpoint.asyncio.sleep", note)
    await client.get("companyinfo/1")
    assert slept == [0.2]
