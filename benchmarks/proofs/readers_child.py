"""A reading process of `benchmarks.proofs.readers`: for each line of standard input so many reads at once; what they saw as a line of JSON."""

import asyncio
import json
import sys
from collections import Counter
from time import perf_counter
from typing import Any
from uuid import UUID

from domains.ap.bill_service import BillService
from domains.core.documents import DocumentFilter
from infra.clock import SystemClock
from infra.embedded.servers import servers
from infra.errors import RailError
from infra.logging import configure_logging
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.settings import Settings
from runway.wiring import open_services


def main() -> None:
    configure_logging(level="ERROR")
    settings = Settings.from_environment()
    with servers(settings.servers) as addresses:
        asyncio.run(_serve(settings, addresses, UUID(sys.argv[1])))


async def _serve(settings: Settings, addresses: Any, business_id: UUID) -> None:
    async with open_services(settings, addresses) as services:
        async with services.uow([business_id]) as uow:
            bills = services.of(await services.businesses.get_business(uow.session, business_id)).bills
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            need = FreshnessNeed(SyncStrategy(asked["strategy"]))
            seen = await asyncio.gather(*(_read(bills, need) for _ in range(asked["readers"])))
            print(json.dumps(_summed_up(seen)), flush=True)


async def _read(bills: BillService, need: FreshnessNeed) -> tuple[float, str, int]:
    """Seconds, how it ended, calls spent."""
    began = perf_counter()
    try:
        fetched = await bills.list_bills(DocumentFilter(today=SystemClock().now().date()), freshness=need)
    except RailError:
        return perf_counter() - began, "refused", 0
    freshness = fetched.freshness
    return perf_counter() - began, "stale" if freshness.stale else "fresh", freshness.calls_spent


def _summed_up(seen: list[tuple[float, str, int]]) -> dict[str, Any]:
    return {
        "longest": max(seconds for seconds, _, _ in seen),
        "ended": Counter(how for _, how, _ in seen),
        "calls_spent": sum(calls for _, _, calls in seen),
    }


if __name__ == "__main__":
    main()
