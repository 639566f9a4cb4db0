"""The measured process of `benchmarks.nothing_changed`: refreshes one company, and says on standard output what one took, as JSON."""

import asyncio
import json
import sys
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.backfill_child import connect
from benchmarks.rig import Rig, processor_seconds
from infra.config import Rail
from infra.embedded.servers import servers
from infra.garbage import long_lived
from infra.logging import configure_logging
from infra.sync import runs
from infra.sync.freshness import SyncStrategy
from infra.sync.runs import RunKind
from runway.settings import Settings
from runway.wiring import open_services

_FIRST = 10  # whatever the first calls of a process cost


def main() -> None:
    configure_logging(level="WARNING")
    home, refreshes = Path(sys.argv[1]), int(sys.argv[2])
    settings = Settings.from_environment()
    info = json.loads((home / "simulator.json").read_bytes())
    with servers(settings.servers) as addresses, long_lived():  # as a worker's process is
        rig = Rig(home, addresses)
        print(json.dumps(asyncio.run(_measure(settings, rig, info, refreshes=refreshes))))


async def _measure(settings: Settings, rig: Rig, info: dict[str, Any], *, refreshes: int) -> dict[str, float]:
    async with open_services(settings, rig.addresses) as services:
        business = await connect(services, info)
        await services.of(business).sync.backfill(actor="benchmark")

        async def refresh() -> None:
            """As `DueSyncs` does one, whether or not it is due."""
            sync = await services.sync_of(business.id)
            await sync.should_sync(SyncStrategy.SCHEDULED)
            await sync.bring_up_to_date(SyncStrategy.SCHEDULED)

        for _ in range(_FIRST):
            await refresh()
        database = rig.database_processes()
        client, server = process_time(), processor_seconds(database)
        for _ in range(refreshes):
            await refresh()
        client, server = process_time() - client, processor_seconds(database) - server
        async with services.uow([business.id]) as uow:
            latest = await runs.list_runs(uow.session, business.id, rail=Rail.QBO, limit=refreshes)
    assert all(run.kind == RunKind.INCREMENTAL and run.changed == 0 for run in latest)
    calls = sum(run.calls for run in latest)
    return {"calls": calls / refreshes, "client": client / refreshes, "server": server / refreshes}


if __name__ == "__main__":
    main()
