"""The measured process of `benchmarks.backfill`: one first sync, and on standard output what it took, as JSON.

`--unlimited` lifts QuickBooks' limits, for a simulator that refuses nobody.
"""

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

from pydantic import SecretStr

from domains.core.models import Business
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.embedded.servers import servers
from infra.garbage import long_lived
from infra.logging import configure_logging
from infra.qbo.answers import QueryPage
from infra.qbo.raw_client import QBORawClient
from infra.ratelimit.limits import Limits
from infra.security.rail_tokens import RailGrant
from infra.sync import store_page
from runway.services import Services
from runway.settings import Settings
from runway.wiring import open_services

T = TypeVar("T")
_LIFETIME = timedelta(hours=1)
# Seconds. Entities are tasks side by side: a transaction must not be credited with another's `fill`.
_filled_by_task: ContextVar[float] = ContextVar("_filled_by_task", default=0.0)


@dataclass
class _Spent:
    """Seconds of the parts. They overlap: a page is fetched while another is stored."""

    http: float = 0.0
    parse: float = 0.0
    limit: float = 0.0
    fill: float = 0.0
    store: float = 0.0


def main() -> None:
    configure_logging(level="WARNING")
    settings = Settings.from_environment()
    info = json.loads(Path(sys.argv[1]).read_bytes())
    if "--unlimited" in sys.argv:
        _lift_limits()
    with servers(settings.servers) as addresses, long_lived():  # as a worker's process is
        result = asyncio.run(_measure(settings, addresses, info))
    print(json.dumps(result))


async def _measure(settings: Settings, addresses: Any, info: dict[str, Any]) -> dict[str, Any]:
    spent = _Spent()
    _watch(spent)
    async with open_services(settings, addresses) as opened:
        services = replace(opened, uow=_timed_uow(opened.uow, spent))
        business = await connect(services, info)
        started = perf_counter()
        tally = await services.of(business).sync.backfill(actor="benchmark")
        seconds = perf_counter() - started
        await _disconnect(services, business.id)
    total = sum(vars(spent).values())
    return {
        "seconds": seconds,
        "calls": tally.calls,
        "seen": tally.seen,
        "peak_megabytes": _peak_megabytes(),
        "shares": {part: 100 * value / total for part, value in vars(spent).items()},
    }


async def connect(services: Services, info: dict[str, Any]) -> Business:
    """A business with the grant that the simulator printed, as the OAuth2 callback would leave it."""
    now, realm_id = SystemClock().now(), info["realm_ids"][0]
    async with services.access_uow([]) as uow:
        business = await services.businesses.create_business(uow.session, "Benchmark", now=now)
    grant = RailGrant(
        external_account_id=realm_id,
        access_token=SecretStr(info["access_token"]),
        refresh_token=SecretStr(info["refresh_token"]),
        issued_at=now,
        expires_at=now + _LIFETIME,
        refresh_expires_at=now + 100 * _LIFETIME,
    )

    async def claim(uow: UnitOfWork) -> None:
        await services.qbo_connections.finish_connect(uow.session, business.id, external_account_id=realm_id, now=now)

    await services.qbo_rail.tokens.save(business.id, Rail.QBO, grant=grant, at=now, also=claim)
    return business


async def _disconnect(services: Services, business_id: UUID) -> None:
    """The next round reads the same company into a business of its own, and one at a time may have it."""
    now = SystemClock().now()
    async with services.uow([business_id]) as uow:
        await services.qbo_connections.disconnect(uow.session, business_id, reason="It has been measured.", now=now)


def _lift_limits() -> None:
    """No setting goes beyond what QuickBooks lets an app do. As many calls are open at once as ever."""
    lifted = Limits(per_minute=1_000_000, burst=1_000_000, per_second=10_000)
    Limits.of_qbo = classmethod(lambda _cls, _settings: lifted)  # type: ignore[assignment,method-assign]  # for this process alone


def _watch(spent: _Spent) -> None:
    """Stop-watches around the product's own functions; `fill` holds canonical JSON, hash, validation and fill."""
    query = QBORawClient.query

    async def timed_query(self: QBORawClient, statement: str) -> QueryPage:
        started = perf_counter()
        page = await query(self, statement)
        waited = perf_counter() - started - page.cost.http_seconds - page.cost.parse_seconds
        spent.http += page.cost.http_seconds
        spent.parse += page.cost.parse_seconds
        spent.limit += max(0.0, waited)
        return page

    def timed(function: Callable[..., T]) -> Callable[..., T]:
        def run(*arguments: Any) -> T:
            started = perf_counter()
            try:
                return function(*arguments)
            finally:
                seconds = perf_counter() - started
                spent.fill += seconds
                _filled_by_task.set(_filled_by_task.get() + seconds)

        return run

    QBORawClient.query = timed_query  # type: ignore[method-assign]  # a stop-watch, for this process alone
    store_page.newest_of_each = timed(store_page.newest_of_each)
    store_page.fill = timed(store_page.fill)


def _timed_uow(factory: UnitOfWorkFactory, spent: _Spent) -> UnitOfWorkFactory:
    """`store` is whole transactions, commit included: the version key is checked there."""

    @asynccontextmanager
    async def timed(business_ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        started, filled_before = perf_counter(), _filled_by_task.get()
        async with factory(business_ids) as uow:
            yield uow
        spent.store += perf_counter() - started - (_filled_by_task.get() - filled_before)

    return timed


def _peak_megabytes() -> float:
    """Linux's getrusage would answer with the parent's peak where that is higher: it outlives the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
