import copy
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis
from fastapi import APIRouter, FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from domains.core.passwords import hashing
from infra.clock import SystemClock
from infra.qbo.simulator.files.company_file import TIGHT, CompanyFile
from infra.qbo.simulator.files.generator import demo_company, generate_large, sample_company
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.timestamps import PACIFIC
from infra.ratelimit import brief
from runway import app
from runway.routes.documentation import describe
from tests.e2e.rest import Shop, Web, open_shop, running_web, settings_for
from tests.e2e.town import Town, open_town
from tests.rig import Database, RunServers, worker_number


@pytest.fixture(scope="package", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Each hash would take a core for a tenth of a second; what it costs in service is for the tests of hashing itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "Argon2Hasher", partial(Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="package", autouse=True)
def patient_limits() -> Iterator[None]:
    """Beside other tests a twentieth of a second is soon over, and each process then lets in a share of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brief, "ANSWERS_WITHIN_SECONDS", 5)
        yield


@pytest.fixture(scope="package", autouse=True)
def one_api_document() -> Iterator[None]:
    """It is made of the routes alone, which each test's application has the same, and takes a second."""
    made: dict[int, Any] = {}

    def made_once(described: FastAPI, routers: Iterable[APIRouter]) -> Any:
        routes = len(described.routes)
        if routes not in made:
            made[routes] = describe(described, routers)
        return made[routes]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "describe", made_once)
        yield


def small_company() -> CompanyFile:
    size = LargeCompany(bills=30, invoices=20, vendors=5, customers=5, months=6)
    return generate_large(size, today=SystemClock().now().astimezone(PACIFIC).date())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Web]:
    """The application alone: QBO does not answer."""
    settings = settings_for(tmp_path_factory.mktemp("web"), None)
    async with running_web(database, module_redis_url, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """The application with its pages, and people; shared by the tests of a module, each with people of its own."""
    async with open_town(database, module_redis_url, home=tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture
async def shop(database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Two small companies, none connected yet."""
    async with open_shop(database, redis_url, home=tmp_path, files=[small_company(), small_company()]) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bakery(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """The demo company, connected and read; shared by the tests of a module."""
    today = SystemClock().now().astimezone(PACIFIC).date()
    home = tmp_path_factory.mktemp("bakery")
    async with open_shop(database, module_redis_url, home=home, files=[demo_company(today)]) as opened:
        await opened.read_books()
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def electrician(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """A sample company with a small part of the demo company's books, connected and read; shared by the tests of a module."""
    home = tmp_path_factory.mktemp("electrician")
    files = [_with_more_to_decide(SystemClock().now().astimezone(PACIFIC).date())]
    async with open_shop(database, module_redis_url, home=home, files=files) as opened:
        await opened.read_books()
        yield opened


def _with_more_to_decide(today: date) -> CompanyFile:
    """The tight sample company, with a savings account and an invoice that is long overdue."""
    file = sample_company(TIGHT, today=today)
    file.accounts.append({"Id": "900", "Name": "Savings", "AccountType": "Bank", "AccountSubType": "Savings"})
    invoice = next(one for one in reversed(file.transactions) if one.entity == "Invoice")
    sent, due = today - timedelta(days=80), today - timedelta(days=50)
    late = {"Id": "900001", "DocNumber": "L-1", "TxnDate": sent.isoformat(), "DueDate": due.isoformat()}
    file.transactions.append(replace(invoice, body=copy.deepcopy(invoice.body) | late))
    return file


@pytest.fixture(scope="module")
def module_redis_url(servers: RunServers, worker_id: str) -> str:
    url = servers.redis_url(worker_number(worker_id))
    with redis.from_url(url) as client:
        client.set("limit:{qbo}:begun", 1)  # as `redis_url` has it
    return url
