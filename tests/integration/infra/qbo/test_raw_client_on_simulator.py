"""Client, tokens, limiter and keyset paging together against the simulator on a real port."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from infra.clock import SystemClock
from infra.config import QBOSettings
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.ids import new_id
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOAccessRevoked, QBONotFound, QBOValidationFault
from infra.qbo.http_client import open_http
from infra.qbo.keyset import KeysetCursor, keyset_pages
from infra.qbo.oauth import IntuitOAuth
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.security.rail_tokens import RailTokenStore
from tests.integration.infra.qbo.token_racer import KEYRING
from tests.rig import Database

CALLBACK = "http://127.0.0.1/callback"
WIDE = Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000)


@dataclass
class Connected:
    client: QBORawClient
    auth: QBOAuth
    oauth: IntuitOAuth
    http: httpx.AsyncClient
    info: SimulatorInfo
    simulator: Simulator

    @property
    def realm_id(self) -> str:
        return self.info.realm_ids[0]

    async def admin(self, path: str, body: dict[str, Any] | None = None) -> None:
        (await self.http.post(f"{self.info.base_url}/admin/{path}", json=body or {})).raise_for_status()

    async def true_ids(self, entity: str) -> set[str]:
        answer = await self.http.get(f"{self.info.base_url}/admin/objects/{self.realm_id}/{entity}")
        return {item["Id"] for item in answer.json()}


@pytest.fixture
async def connected(database: Database, redis_url: str) -> AsyncIterator[Connected]:
    clock = SystemClock()
    size = LargeCompany(bills=900, invoices=300, same_second=350)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    simulator = Simulator([company], clock=clock, limits=False)
    engine, reads = create_engine(database.app_url), Reads(database.app_url, pool_size=3)
    business_id = new_id()
    async with running_simulator(simulator) as info, Redis.from_url(redis_url) as redis:
        settings = QBOSettings.model_validate({
            "client_id": info.client_id,
            "client_secret": info.client_secret,
            "api_url": info.api_url,
            "discovery_url": info.discovery_url,
        })  # fmt: skip
        async with open_http(settings) as http:
            oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
            store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
            auth = QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=clock)
            code, realm_id = await _consent(oauth, http, info)
            await auth.connect(business_id, realm_id, grant=await oauth.exchange(code, redirect_uri=CALLBACK))
            client = QBORawClient(
                realm_id,
                http=http,
                settings=settings,
                tokens=auth.tokens_of(business_id),
                limiter=RailLimiter(redis, rail="qbo", limits=WIDE),
                clock=clock,
                lane=Lane.BACKFILL,
                patience=Patience(retry_waits=()),
            )
            yield Connected(client, auth, oauth, http, info, simulator)
    await reads.close()
    await engine.dispose()


async def _consent(oauth: IntuitOAuth, http: httpx.AsyncClient, info: SimulatorInfo) -> tuple[SecretStr, str]:
    """What the user does in the browser."""
    url = await oauth.authorize_url("state-1", redirect_uri=CALLBACK)
    (await http.get(url)).raise_for_status()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    form = asked | {"action": "connect", "realm_id": info.realm_ids[0]}
    answer = await http.post(url.partition("?")[0], data=form)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == ["state-1"]
    return SecretStr(query["code"][0]), query["realmId"][0]


async def test_a_company_is_connected_and_read(connected: Connected) -> None:
    client = connected.client
    info = await client.get_company_info_from_qbo()
    assert info["CompanyName"] == "Large Company of 900 bills"
    assert await client.count("Bill") == 900
    assert {vendor["Id"] for vendor in await client.get_vendors_from_qbo()} == await connected.true_ids("Vendor")
    assert {account["Id"] for account in await client.get_accounts_from_qbo()} == await connected.true_ids("Account")
    some = sorted(await connected.true_ids("Invoice"))[:120]
    assert {item["Id"] for item in (await client.read_many("Invoice", some)).objects} == set(some)
    assert (await client.read("Invoice", some[0])).payload["Id"] == some[0]
    with pytest.raises(QBONotFound):
        await client.read("Invoice", "999999999")
    with pytest.raises(QBOValidationFault):
        await client.query("SELECT * FROM Bill MAXRESULTS 5000")


async def test_open_bills_are_those_with_a_balance_and_a_near_due_date(connected: Connected) -> None:
    due = await connected.client.get_bills_from_qbo(10)
    everything = [
        item
        async for page in keyset_pages(connected.client.query, entity="Bill", cursor=KeysetCursor())
        for item in page.objects
    ]
    latest = (datetime.now(UTC) + timedelta(hours=14)).date() + timedelta(days=10)
    expected = {item["Id"] for item in everything if item["Balance"] > 0 and item["DueDate"] <= latest.isoformat()}
    assert expected
    assert {item["Id"] for item in due} == expected


@pytest.mark.parametrize("seed", range(5))
async def test_no_bill_is_lost_while_others_edit_one_a_page(connected: Connected, seed: int) -> None:
    """350 of the 900 bills share one second; a page holds 100."""
    await connected.admin("edit-per-page", {"enabled": True, "seed": seed})
    delivered: set[str] = set()
    async for page in keyset_pages(connected.client.query, entity="Bill", cursor=KeysetCursor(), page_size=100):
        delivered.update(item["Id"] for item in page.objects)
    await connected.admin("edit-per-page", {"enabled": False})
    assert delivered == await connected.true_ids("Bill")
    assert connected.simulator.other_users.edit_count > 0


async def test_changes_since_bring_what_others_edited(connected: Connected) -> None:
    since = (await connected.client.query("SELECT * FROM Vendor MAXRESULTS 1")).answered_at - timedelta(seconds=1)
    company = connected.simulator.companies[connected.realm_id]
    edited = connected.simulator.other_users.edit_one(company, "Invoice")
    assert edited is not None
    changes = await connected.client.changes_since(["Bill", "Invoice"], since=since)
    assert [item["Id"] for item in changes.objects["Invoice"]] == [edited.body["Id"]]
    assert not changes.is_possibly_cut


async def test_an_expired_token_is_replaced_without_the_caller_noticing(connected: Connected) -> None:
    await connected.client.company_info()
    await connected.admin("expire-tokens")
    answer = await connected.client.company_info()
    assert answer.cost.calls == 2


async def test_revoking_ends_one_grant(connected: Connected) -> None:
    grant = connected.simulator.oauth.grant(connected.realm_id, client_id=connected.info.client_id)
    await connected.oauth.revoke(SecretStr(grant["refresh_token"]))
    with pytest.raises(QBOAccessRevoked):
        await connected.oauth.refresh(SecretStr(grant["refresh_token"]))
    await connected.client.company_info()  # another grant of the same company lives on


async def test_a_code_works_once(connected: Connected) -> None:
    code, _ = await _consent(connected.oauth, connected.http, connected.info)
    await connected.oauth.exchange(code, redirect_uri=CALLBACK)
    with pytest.raises(QBOAccessRevoked):
        await connected.oauth.exchange(code, redirect_uri=CALLBACK)
