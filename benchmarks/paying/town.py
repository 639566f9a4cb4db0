"""Companies of the simulator, a process of its own; connected, read, with nothing to approve; and the product's processes beside."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from benchmarks.paying.plant import Plant, free_port
from domains.ap.models import Bill
from domains.ar.models import Invoice
from infra import exact_json
from infra.clock import SystemClock
from infra.config import KeyringSettings, QBOSettings, RailSettings, ServerSettings, WebSettings
from infra.db.unit_of_work import UnitOfWork
from infra.embedded.servers import ServerAddresses
from infra.errors import OodalooError
from infra.ids import new_id
from infra.qbo.oauth import TokenGrant
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.generator import write_large
from infra.qbo.simulator.files.large_company import LargeCompany
from runway.services import Services
from runway.settings import Settings
from runway.sign_in import issue_token
from runway.wiring import open_services
from runway.worker import environment_of

_HOUR = timedelta(hours=1)
_LIMITLESS = "100000000"
_NO_APPROVAL_BELOW = "900000000.00"
_PATIENCE_SECONDS = 60.0


class TooSlow(OodalooError):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what} was not so within {seconds:g} s.")


@dataclass(frozen=True)
class OpenBill:
    id: UUID
    external_id: str
    vendor: str
    balance: Decimal


@dataclass(frozen=True)
class PayingCompany:
    """A business that mirrors a realm, a service's token for it, somebody else's for the realm itself, and what is open in it."""

    business_id: UUID
    realm_id: str
    token: str
    rail_token: str
    bills: Sequence[OpenBill]
    invoices: Sequence[UUID]


@dataclass(frozen=True)
class PayingTown:
    """`services` are this process's own, beside those of the plant's processes."""

    services: Services
    plant: Plant
    companies: Sequence[PayingCompany]
    simulator_url: str
    web_port: int
    simulator: httpx.AsyncClient

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def account(self) -> str:
        """QuickBooks' id of the bank account that pays."""
        return profile.CHECKING

    async def start_web(self, name: str = "web", *, port: int | None = None, **environment: str) -> None:
        port = port or self.web_port
        self.plant.start(name, "serve", "--port", str(port), environment=environment)
        await wait_until_up(self.plant, name, f"http://127.0.0.1:{port}/healthz")

    async def trouble(self, *rules: Mapping[str, Any]) -> None:
        """What befalls the calls to QuickBooks from now on, in place of what did."""
        (await self.simulator.delete("/admin/trouble")).raise_for_status()
        if rules:
            (await self.simulator.post("/admin/trouble", content=exact_json.dumps(list(rules)))).raise_for_status()

    async def objects(self, realm_id: str, entity: str) -> list[dict[str, Any]]:
        """All of them in QuickBooks, as its books have them."""
        answer = await self.simulator.get(f"/admin/objects/{realm_id}/{entity}", timeout=30)
        answer.raise_for_status()
        found: list[dict[str, Any]] = exact_json.loads(answer.content)
        return found

    async def pay_elsewhere(self, company: PayingCompany, bill: OpenBill) -> None:
        """Somebody pays the bill in QuickBooks itself."""
        line = {"Amount": bill.balance, "LinkedTxn": [{"TxnId": bill.external_id, "TxnType": "Bill"}]}
        payment = {
            "VendorRef": {"value": bill.vendor},
            "TotalAmt": bill.balance,
            "PayType": "Check",
            "CheckPayment": {"BankAccountRef": {"value": self.account}},
            "Line": [line],
        }
        answer = await self.simulator.post(
            f"/v3/company/{company.realm_id}/billpayment",
            content=exact_json.dumps(payment),
            headers={"Authorization": f"Bearer {company.rail_token}", "Content-Type": "application/json"},
        )
        answer.raise_for_status()

    async def oracle(self, realm_id: str, *, limit: int = 0) -> dict[str, Any]:
        """What the simulator counted of a realm; `limit` of its latest calls are listed."""
        answer = await self.simulator.get("/admin/oracle", params={"realm": realm_id, "limit": str(limit)}, timeout=30)
        answer.raise_for_status()
        told: dict[str, Any] = exact_json.loads(answer.content)
        return told


@asynccontextmanager
async def open_paying_town(
    addresses: ServerAddresses, *, home: Path, companies: int, size: LargeCompany, pace: float = 1.0
) -> AsyncIterator[PayingTown]:
    """Nothing of the product runs yet but this process; `pace` is what its actions' durations are multiplied with."""
    file = home / "company.json"
    await asyncio.to_thread(write_large, size, file, today=SystemClock().now().date())
    port = free_port()
    plant = Plant(home, {**environment_of(addresses), "OODALOO_HOME": str(home)}, pace=pace)
    try:
        told = home / "simulator.told"
        realm = str(new_id().int)[-15:]
        plant.start_module(
            "simulator", "benchmarks.paying.simulator_child", str(file), f"9{realm}", str(companies), str(told)
        )
        simulator = await asyncio.to_thread(_read_when_there, plant, told)
        plant.environment |= _environment(simulator["info"], port)
        async with (
            open_services(_settings(home, simulator["info"]), addresses) as services,
            httpx.AsyncClient(base_url=simulator["info"]["base_url"], trust_env=False) as http,
        ):
            connected = [await _connect(services, realm_id, grant) for realm_id, grant in simulator["grants"].items()]
            yield PayingTown(services, plant, connected, simulator["info"]["base_url"], port, http)
    finally:
        plant.stop()


async def wait_until_up(plant: Plant, name: str, url: str) -> None:
    """Whatever it answers.

    Raises:
        TooSlow, ProcessEnded: it does not.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < deadline:
            plant.check(name)
            try:
                await http.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    raise TooSlow(f"The {name}'s start", _PATIENCE_SECONDS)


def _read_when_there(plant: Plant, told: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not told.exists():
        plant.check("simulator")
        if time.monotonic() > deadline:
            raise TooSlow("The simulator's start", _PATIENCE_SECONDS)
        time.sleep(0.05)
    read: dict[str, Any] = exact_json.loads(told.read_bytes())
    return read


async def _connect(services: Services, realm_id: str, grant: Mapping[str, str]) -> PayingCompany:
    """As the consent page leaves it, read whole, and with no approval needed for what it pays."""
    now = services.clock.now()
    issued = await issue_token(services.access_uow, f"Company {realm_id}", name="proof", lifetime=timedelta(days=1))

    async def claim(uow: UnitOfWork) -> None:
        await services.qbo_connections.finish_connect(
            uow.session, issued.business_id, external_account_id=realm_id, now=now
        )

    kept = TokenGrant(
        access_token=SecretStr(grant["access_token"]),
        refresh_token=SecretStr(grant["refresh_token"]),
        issued_at=now,
        expires_at=now + _HOUR,
        refresh_expires_at=now + 100 * 24 * _HOUR,
    )
    await services.qbo_rail.auth.connect(issued.business_id, realm_id, grant=kept, also=claim)
    await (await services.sync_of(issued.business_id)).backfill(actor="proof")
    async with services.uow([issued.business_id]) as uow:
        bills = await uow.session.execute(
            select(Bill.id, Bill.external_id, Bill.vendor_external_id, Bill.balance)
            .where(Bill.business_id == issued.business_id, Bill.balance > 0)
            .order_by(Bill.id)
        )
        invoices = await uow.session.scalars(
            select(Invoice.id).where(Invoice.business_id == issued.business_id, Invoice.balance > 0)
        )
        return PayingCompany(
            issued.business_id,
            realm_id,
            issued.token,
            grant["access_token"],
            [OpenBill(*row) for row in bills],
            list(invoices),
        )


async def approve_nothing(town: PayingTown) -> None:
    """From now on no bill needs an approval: what is proved here is what comes after it."""
    async with httpx.AsyncClient(base_url=town.web_url, trust_env=False) as http:
        for company in town.companies:
            answer = await http.put(
                "/api/v1/approval-policy",
                json={"needed_from": _NO_APPROVAL_BELOW},
                headers={"Authorization": f"Bearer {company.token}"},
            )
            answer.raise_for_status()


def _environment(info: Mapping[str, Any], port: int) -> dict[str, str]:
    return {
        "OODALOO_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "OODALOO_LOG_LEVEL": "WARNING",
        "OODALOO_ADDRESS_PER_MINUTE": _LIMITLESS,
        "OODALOO_CREDENTIAL_PER_MINUTE": _LIMITLESS,
        "OODALOO_MONEY_PER_MINUTE": _LIMITLESS,
        "QBO_CLIENT_ID": info["client_id"],
        "QBO_CLIENT_SECRET": info["client_secret"],
        "QBO_API_URL": info["api_url"],
        "QBO_DISCOVERY_URL": info["discovery_url"],
    }


def _settings(home: Path, info: Mapping[str, Any]) -> Settings:
    named = ("client_id", "client_secret", "api_url", "discovery_url")
    return Settings(
        servers=ServerSettings(home=home),
        rails=RailSettings(),
        web=WebSettings(),
        keyring=KeyringSettings(keyring_file=None),
        qbo=QBOSettings.model_validate({name: info[name] for name in named}),
    )
