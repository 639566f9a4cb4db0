"""No record is lost while others edit one invoice for each page that is read.

Public connectors lose records here for good: paging by position over an order that moves skips one *other* record for
each edit. What runs is the product's own road: simulator over HTTP, raw client, backfill, mirror_store in PostgreSQL. After
the backfill, which ends with one refresh, mirror and books must be equal object by object, edits included.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from time import perf_counter
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from redis.asyncio import Redis
from rich.progress import Progress
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.report import ProofResult, at_least, at_most, reported
from benchmarks.rig import open_rig
from domains.ar.mirrors import INVOICES_FROM_QBO
from infra.clock import SystemClock
from infra.config import QBOSettings
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.embedded.postgres import SUPERUSER
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id
from infra.qbo.http_client import open_http
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.server import SimulatorInfo, running_simulator
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.sync.in_flight import RefreshesInFlight

_WIDE = Limits(per_minute=60_000_000, burst=1_000_000, per_second=1_000_000)  # speed is not what is proved here
_ENTITY = "Invoice"
_BETWEEN_SEEDS = timedelta(minutes=10)  # longer than change capture overlaps: each seed sees its own edits alone
_IMPORTED_SHARE = 13  # one in so many invoices was imported, all in one second


@dataclass(frozen=True)
class Outcome:
    """What one seed showed. `lost` and `wrong` are records; `extra_log_rows` are beyond one a version."""

    seed: int
    edits: int
    calls: int
    lost: int
    wrong: int
    extra_log_rows: int


async def run(seeds: int, invoices: int = 20_000) -> ProofResult:
    """The proof over `seeds` seeds, the last of them never tried before, on servers of its own."""
    fresh = random.SystemRandom().randrange(10_000, 2**31)
    chosen = [*range(1, seeds), fresh]
    started = perf_counter()
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("paging", total=seeds)
        async with open_books(rig.addresses, invoices=invoices) as books:
            lost_by_position = await books.lose_by_position(seed=1)
            outcomes = []
            for seed in chosen:
                outcomes.append(await books.read_while_edited(seed))
                await _empty(rig.addresses)
                progress.advance(task)
    return summed_up(outcomes, lost_by_position=lost_by_position, fresh=fresh, seconds=perf_counter() - started)


def summed_up(outcomes: list[Outcome], *, lost_by_position: int, fresh: int, seconds: float) -> ProofResult:
    def total(of: Callable[[Outcome], int]) -> int:
        return sum(map(of, outcomes))

    edits = total(lambda outcome: outcome.edits)
    return ProofResult(
        "paging",
        (
            at_most("paging: records lost", total(lambda outcome: outcome.lost), "records", bar=0),
            at_most("paging: records not as in the books", total(lambda outcome: outcome.wrong), "records", bar=0),
            at_most("paging: log rows too many", total(lambda outcome: outcome.extra_log_rows), "rows", bar=0),
            at_least("paging: edits by others meanwhile", edits, "edits", bar=len(outcomes)),
            at_least("paging: lost by position instead, seed 1", lost_by_position, "records", bar=1),
            reported("paging: seeds", len(outcomes), "seeds"),
            reported("paging: the fresh seed", fresh, "seed"),
            reported("paging: calls a seed", total(lambda outcome: outcome.calls) / len(outcomes), "calls"),
            reported("paging: time", seconds, "s"),
        ),
    )


class MovedClock:
    """The real time, moved on between two seeds."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now() + self.ahead


class Books:
    """One company of many invoices; each seed is a business that mirrors it for the first time."""

    def __init__(
        self, simulator: Simulator, company: Company, *, client: QBORawClient, engine: AsyncEngine, clock: MovedClock
    ) -> None:
        self._simulator = simulator
        self._company = company
        self._client = client
        self._engine = engine
        self._clock = clock

    async def read_while_edited(self, seed: int) -> Outcome:
        """Backfill with an edit after each page, then compare the mirror with the books."""
        business_id, users = new_id(), self._simulator.other_users
        self._clock.ahead += _BETWEEN_SEEDS
        users.reseed(seed)
        users.edits_per_page = True
        tally = await self._service(business_id).backfill(actor=f"proof:{seed}")
        users.edits_per_page = False
        return await self._compare(business_id, seed=seed, edits=users.edit_count, calls=tally.calls)

    async def lose_by_position(self, seed: int) -> int:
        """What is lost by the way that is not taken: pages by position in the order of change."""
        users, seen, position = self._simulator.other_users, set[str](), 1
        users.reseed(seed)
        users.edits_per_page = True
        while True:
            page = await self._client.query(
                f"SELECT * FROM {_ENTITY} ORDERBY MetaData.LastUpdatedTime STARTPOSITION {position} MAXRESULTS 1000"  # noqa: S608 - QBO's language
            )
            seen.update(payload["Id"] for payload in page.objects)
            if not page.objects:
                break
            position += len(page.objects)
        users.edits_per_page = False
        return len(self._company.stores[_ENTITY].records.keys() - seen)

    def _service(self, business_id: UUID) -> QBOSyncService:
        async def clients(_business_id: UUID, _lane: Lane, _patience: Patience) -> QBORawClient:
            return self._client

        async def lose_grant(_business_id: UUID, reason: str, _seen_at: datetime) -> None:
            raise AssertionError(reason)

        return QBOSyncService(
            business_id,
            specs=(INVOICES_FROM_QBO,),
            clients=clients,
            uow=unit_of_work_factory(self._engine),
            reads=Reads(self._engine.url.render_as_string(hide_password=False), pool_size=1),
            clock=self._clock,
            in_flight=RefreshesInFlight(),
            time_zone=ZoneInfo("America/Los_Angeles"),
            on_lost_grant=lose_grant,
        )

    async def _compare(self, business_id: UUID, *, seed: int, edits: int, calls: int) -> Outcome:
        held_query = text("SELECT external_id, payload_hash, version FROM invoice WHERE deleted_at IS NULL")
        log_query = text("SELECT count(*) FROM invoice_transaction_log")
        async with unit_of_work_factory(self._engine)([business_id]) as uow:
            held = {row[0]: (bytes(row[1]), row[2]) for row in await uow.session.execute(held_query)}
            logged = (await uow.session.execute(log_query)).scalar_one()
        records = self._company.stores[_ENTITY].records
        lost = records.keys() - held.keys()
        true = {
            identifier: blake2b(record.encoded(), digest_size=16).digest() for identifier, record in records.items()
        }
        wrong = [identifier for identifier, (digest, _) in held.items() if true.get(identifier) != digest]
        extra = logged - sum(version for _, version in held.values())
        return Outcome(seed, edits, calls, lost=len(lost), wrong=len(wrong), extra_log_rows=extra)


@asynccontextmanager
async def open_books(addresses: ServerAddresses, *, invoices: int) -> AsyncIterator[Books]:
    """The company, made once, on a real port, and what reads it."""
    clock = MovedClock()
    size = LargeCompany(bills=1, invoices=invoices, paid_share=0)
    company = load_company(generate_large(size, today=clock.now().date()), clock=clock)
    _import_some(company)
    simulator = Simulator([company], clock=clock, limits=False)
    engine = create_engine(addresses.database_app_url, pool_size=6)
    async with running_simulator(simulator) as info, Redis.from_url(addresses.redis_url) as redis:
        settings = QBOSettings.model_validate({
            "client_id": info.client_id,
            "client_secret": info.client_secret,
            "api_url": info.api_url,
            "discovery_url": info.discovery_url,
        })  # fmt: skip
        async with open_http(settings) as http:
            client = QBORawClient(
                company.realm_id,
                http=http,
                settings=settings,
                tokens=_Tokens(simulator, company, info=info),
                limiter=RailLimiter(redis, rail="qbo", limits=_WIDE),
                clock=clock,
                lane=Lane.BACKFILL,
                patience=Patience(wait_for_limit=timedelta(minutes=1), budget=timedelta(minutes=1)),
            )
            yield Books(simulator, company, client=client, engine=engine, clock=clock)
    await engine.dispose()


def _import_some(company: Company) -> None:
    """More than a page in one second, in the middle of the book."""
    order, _, _ = company.stores[_ENTITY].between(None, None)
    share = len(order) // _IMPORTED_SHARE
    middle = len(order) // 2
    imported = [record for _, _, record in order[middle - share : middle]]
    second = order[middle][0]
    for record in imported:
        company.stores[_ENTITY].move(record, second)


class _Tokens:
    def __init__(self, simulator: Simulator, company: Company, *, info: SimulatorInfo) -> None:
        self._simulator = simulator
        self._company = company
        self._info = info

    async def access_token(self) -> SecretStr:
        grant = self._simulator.oauth.grant(self._company.realm_id, client_id=self._info.client_id)
        return SecretStr(grant["access_token"])

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        raise AssertionError(f"The simulator refused {after_rejected}.")


async def _empty(addresses: ServerAddresses) -> None:
    """Room for the next seed. Only the superuser of servers of our own can do this: the log refuses it."""
    url = make_url(addresses.database_owner_url).set(username=SUPERUSER)
    engine = create_engine(url.render_as_string(hide_password=False), pool_size=1)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("TRUNCATE invoice, invoice_transaction_log CASCADE"))
    await engine.dispose()
