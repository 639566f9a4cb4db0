"""A fresh read of 50 bills through all of the product (sign-in, tenancy, freshness), beside a bare endpoint with the same SQL.

Each server is one process; clients of this process keep their connections and ask again as soon as they are answered. They take
turns, round by round, so that what disturbs the machine disturbs all. A third endpoint tells where the rest goes: as bare as the
other, it asks the database the product's other questions too.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from rich.progress import Progress

from benchmarks.bills import make_pages
from benchmarks.mirror_store import delivery_of
from benchmarks.report import Measure, at_least, reported
from benchmarks.rig import Rig, open_rig, plain_url, superuser_url
from domains.ap.mirrors import BILLS_FROM_QBO
from infra import exact_json
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.errors import OodalooError
from infra.sync import mirror_store, runs
from runway.registry import MIRROR_SPECS
from runway.sign_in import IssuedToken, issue_token
from runway.worker import environment_of

_ROUNDS = 5
_ROUND_SECONDS = 3.0
_CLIENTS = 8
_BAR = 0.5
_NOWHERE = "http://127.0.0.1:9"


class ServerSilent(OodalooError):
    def __init__(self, name: str) -> None:
        super().__init__(f"The {name} server did not answer.")


@dataclass(frozen=True)
class _Target:
    name: str
    port: int
    request: bytes


async def run() -> list[Measure]:
    with open_rig() as rig, Progress() as progress:
        task = progress.add_task("fresh_read", total=3 * _ROUNDS)
        issued = await _fill(rig)
        with _servers(rig, issued) as targets:
            for target in targets:
                await _wait_until_up(target)
                await _load(target, seconds=1.0)
            rates: dict[str, list[float]] = {target.name: [] for target in targets}
            for _ in range(_ROUNDS):
                for target in targets:
                    rates[target.name].append(await _load(target, seconds=_ROUND_SECONDS))
                    progress.advance(task)
    bare = median(rates["bare"])

    def ratio(one: str, other: str) -> float:
        return round(median(mine / its for mine, its in zip(rates[one], rates[other], strict=True)), 3)

    return [
        reported("fresh read: a bare endpoint", bare, "requests/s"),
        reported(
            "fresh read: … that asks who, whose and how fresh, too",
            median(rates["guarded"]),
            "requests/s",
            baseline=bare,
        ),
        reported("fresh read: the whole stack", median(rates["whole"]), "requests/s", baseline=bare),
        at_least("fresh read: whole / bare", ratio("whole", "bare"), "ratio", bar=_BAR),
        reported("fresh read: whole / bare that asks the same", ratio("whole", "guarded"), "ratio"),
    ]


async def _fill(rig: Rig) -> IssuedToken:
    """A business with a thousand bills, just synced."""
    access = create_engine(rig.addresses.database_access_url, pool_size=1)
    engine = create_engine(rig.addresses.database_app_url, pool_size=1)
    issued = await issue_token(unit_of_work_factory(access), "Fresh", name="bench", lifetime=timedelta(days=1))
    (page,) = make_pages(1)
    now, entities = SystemClock().now(), [spec.entity for spec in MIRROR_SPECS]
    async with unit_of_work_factory(engine)([issued.business_id]) as uow:
        delivery = delivery_of(issued.business_id, page.objects(), phase="new")
        await mirror_store.store(uow.session, BILLS_FROM_QBO, delivery)
        await runs.ensure_states(uow.session, issued.business_id, rail=Rail.QBO, entities=entities)
        fresh = {"last_synced_at": now, "synced_through": now}
        await runs.change_states(uow.session, issued.business_id, rail=Rail.QBO, entities=entities, values=fresh)
    await access.dispose()
    await engine.dispose()
    return issued


@contextmanager
def _servers(rig: Rig, issued: IssuedToken) -> Iterator[Sequence[_Target]]:
    whole, bare, guarded = _free_port(), _free_port(), _free_port()
    product = {
        **environment_of(rig.addresses),
        "OODALOO_HOME": str(rig.home),
        "OODALOO_PUBLIC_URL": f"http://127.0.0.1:{whole}",
        "OODALOO_LOG_LEVEL": "WARNING",
        "OODALOO_ADDRESS_PER_MINUTE": "100000000",
        "OODALOO_CREDENTIAL_PER_MINUTE": "100000000",
        "QBO_CLIENT_ID": "c", "QBO_CLIENT_SECRET": "s", "QBO_API_URL": _NOWHERE, "QBO_DISCOVERY_URL": _NOWHERE,
    }  # fmt: skip
    plain = {
        "BARE_DATABASE_URL": superuser_url(rig.addresses).render_as_string(hide_password=False),
        "BARE_BUSINESS_ID": str(issued.business_id),
        "GUARDED_ACCESS_URL": plain_url(rig.addresses.database_access_url),
        "GUARDED_APP_URL": plain_url(rig.addresses.database_app_url),
        "GUARDED_TOKEN": issued.token,
    }
    uvicorn = ["-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--port"]
    started = [
        _start([*uvicorn, str(whole), "main:app"], product),
        _start([*uvicorn, str(bare), "benchmarks.bare_endpoint:app"], plain),
        _start([*uvicorn, str(guarded), "benchmarks.guarded_endpoint:app"], plain),
    ]
    token = f"Authorization: Bearer {issued.token}\r\n"
    try:
        yield (
            _Target("whole", whole, _request("/api/v1/bills?limit=50", whole, extra=token)),
            _Target("bare", bare, _request("/bills", bare)),
            _Target("guarded", guarded, _request("/bills", guarded)),
        )
    finally:
        for process in started:
            process.terminate()
            process.wait(timeout=10)


def _start(arguments: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environment})  # noqa: S603  # our own words


def _request(path: str, port: int, *, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{extra}\r\n".encode()


async def _wait_until_up(target: _Target) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            body = await _ask_once(target)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        assert len(body["data"]) == 50, body
        return
    raise ServerSilent(target.name)


async def _ask_once(target: _Target) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        writer.write(target.request)
        return exact_json.loads(await _answer(reader))
    finally:
        writer.close()


async def _load(target: _Target, *, seconds: float) -> float:
    """Requests a second of all clients together."""
    until = time.monotonic() + seconds

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        answered = 0
        while time.monotonic() < until:
            writer.write(target.request)
            await _answer(reader)
            answered += 1
        writer.close()
        return answered

    began = time.monotonic()
    counts = await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    return sum(counts) / (time.monotonic() - began)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    lower = head.lower()
    start = lower.index(b"content-length:") + len(b"content-length:")
    return await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
