"""One of the processes of `benchmarks.proofs.limiter`: `python -m … INFO REDIS SECONDS PROCESSES`."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import SecretStr

from infra.clock import SystemClock
from infra.config import QBOSettings
from infra.logging import configure_logging
from infra.qbo.errors import QBOError, QBORateLimited
from infra.qbo.http_client import open_http
from infra.qbo.raw_client import QBORawClient
from infra.qbo.tokens import OneToken
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from infra.redis_client import open_redis

_USER_PAUSE_SECONDS = 3.0
_ENDS_WITHIN_SECONDS = 15.0
# That of a reader: its refresh goes on behind the answer.
_USER = Patience(budget=timedelta(seconds=20), wait_for_limit=timedelta(seconds=5), retry_waits=())
_JOB = Patience(budget=timedelta(seconds=30), wait_for_limit=timedelta(seconds=25), retry_waits=())
_BACKGROUND = (Lane.BACKFILL, Lane.BACKFILL, Lane.RECONCILIATION, Lane.WEBHOOK)


@dataclass
class _Seen:
    waits_ms: list[float] = field(default_factory=list)
    background_calls: int = 0
    refused_users: int = 0
    throttled: int = 0


async def main(info: dict[str, Any], redis_url: str, seconds: float, processes: int) -> None:
    configure_logging(level="ERROR")
    settings = QBOSettings.model_validate(
        {
            **{name: info[name] for name in ("client_id", "client_secret", "api_url", "discovery_url")},
            "processes": processes,
        }
    )
    async with open_redis(redis_url) as redis, open_http(settings) as http:
        limiter = RailLimiter(redis, rail="qbo", limits=Limits.of_qbo(settings), app=settings.client_id)

        def client(lane: Lane, patience: Patience) -> QBORawClient:
            return QBORawClient(
                info["realm_ids"][0],
                http=http,
                settings=settings,
                tokens=OneToken(SecretStr(info["access_token"])),
                limiter=limiter,
                clock=SystemClock(),
                lane=lane,
                patience=patience,
            )

        await limiter.begin()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        seen, until = _Seen(), monotonic() + seconds
        background = [asyncio.create_task(_press(client(lane, _JOB), seen)) for lane in _BACKGROUND]
        await _ask_now_and_then(client(Lane.USER, _USER), seen, until=until)
        await _end(background)
    print(json.dumps(vars(seen)))


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    _, stuck = await asyncio.wait(tasks, timeout=_ENDS_WITHIN_SECONDS)
    for task in stuck:
        task.print_stack(file=sys.stderr)
    if stuck:
        raise SystemExit(f"{len(stuck)} callers do not end when they are cancelled.")


async def _press(client: QBORawClient, seen: _Seen) -> None:
    while True:
        try:
            await client.count("Bill")
            seen.background_calls += 1
        except QBOError as error:
            seen.throttled += error.status is not None
            await asyncio.sleep(0.05)


async def _ask_now_and_then(client: QBORawClient, seen: _Seen, *, until: float) -> None:
    while (now := monotonic()) < until:
        try:
            page = await client.query("SELECT COUNT(*) FROM Vendor")
            seen.waits_ms.append((monotonic() - now - page.cost.http_seconds) * 1000)
        except QBORateLimited as error:
            seen.refused_users += 1
            seen.throttled += error.status is not None
        await asyncio.sleep(_USER_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - people


if __name__ == "__main__":
    _info, _redis, _seconds, _processes = sys.argv[1:]
    asyncio.run(main(json.loads(Path(_info).read_bytes()), _redis, float(_seconds), int(_processes)))
