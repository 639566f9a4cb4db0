"""This machine and what it reaches: the keyring, the disk, Redis, workers, QuickBooks."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
from redis.exceptions import RedisError

from infra.clock import SystemClock
from infra.config import KeyringSettings, QBOSettings, Rail, ServerSettings
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.errors import OodalooError
from infra.observability.installation import quick_redis
from infra.observability.readiness import opens_what_it_seals
from infra.observability.rq_standing import read_doorbells
from infra.observability.verdicts import of_workers
from infra.qbo.http_client import open_http
from infra.security.keyring import Keyring
from infra.security.keyring_file import KeyringUnusable
from infra.security.rail_tokens import NotConnected, RailTokenStore
from runway.doctor.database import connect
from runway.doctor.findings import Finding, fail, judged, ok, warn
from runway.settings import keyring_path

_LOW_BYTES, _TOO_LOW_BYTES = 5 * 1024**3, 1024**3
_ACTIVE = "SELECT business_id FROM connection WHERE state = 'active' AND rail = %s ORDER BY business_id LIMIT 1"


def check_keyring(settings: KeyringSettings, servers: ServerSettings) -> Finding:
    """Its mode, and that it opens what it seals."""
    path = keyring_path(settings, servers)
    if not path.exists() and settings.keyring_file is None:
        return warn(
            "keyring", f"there is none at {path} yet", "It is made at the first start: keep a copy of it apart."
        )
    try:
        ring = Keyring.load(path)
        is_sound = opens_what_it_seals(ring)
    except KeyringUnusable as error:
        return fail(
            "keyring", str(error), "Bring back the file, mode 600, from your copy: no other opens what it sealed."
        )
    if not is_sound:
        return fail("keyring", "it does not open what it sealed", "Bring back the file from your copy.")
    return ok("keyring", f"{len(ring.key_ids())} keys in {path}")


def check_sealed_grant(settings: KeyringSettings, servers: ServerSettings, addresses: ServerAddresses) -> Finding:
    """That the keyring opens a token which the database has."""
    with connect(addresses.database_jobs_url) as connection:
        row = connection.execute(_ACTIVE, [Rail.QBO.value]).fetchone()
    if row is None:
        return ok("tokens", "no company is connected yet")
    ring = Keyring.load(keyring_path(settings, servers))

    async def open_one() -> None:
        engine = create_engine(addresses.database_app_url, pool_size=1)
        reads = Reads(addresses.database_app_url, pool_size=1)
        try:
            await RailTokenStore(unit_of_work_factory(engine), reads, keyring=ring).get(row[0], Rail.QBO)
        finally:
            await reads.close()
            await engine.dispose()

    try:
        asyncio.run(open_one())
    except NotConnected:
        return warn("tokens", "a company is connected and has no tokens", "Connect it again.")
    except OodalooError as error:
        return fail("tokens", str(error), "Bring back the keyring that sealed them.")
    return ok("tokens", "the keyring opens what the database has")


def check_redis(addresses: ServerAddresses) -> Iterator[Finding]:
    """Redis, and who listens to it: a queue without a worker is seldom meant."""
    try:
        with quick_redis(addresses.redis_url) as redis:
            bells = read_doorbells(redis, now=SystemClock().now())
    except (RedisError, OSError) as error:
        yield fail("redis", f"it does not answer ({type(error).__name__})", "Start it, or correct OODALOO_REDIS_URL.")
        return
    yield ok("redis", "it answers")
    yield judged("workers", of_workers(bells), to_do="Start `oodaloo worker`.")


def check_disk(home: Path) -> Finding:
    place = next(path for path in (home.resolve(), *home.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    said = f"{free / 1024**3:.1f} GiB free for {home}"
    if free < _TOO_LOW_BYTES:
        return fail("disk", said, "Make room: a full disk stops the database.")
    return ok("disk", said) if free >= _LOW_BYTES else warn("disk", said, "Make room soon.")


def check_online(settings: QBOSettings) -> Iterator[Finding]:
    """That QuickBooks' hosts answer anything at all; nothing is asked in anyone's name."""

    async def ask() -> list[Finding]:
        async with open_http(settings) as http:
            return [await _reach(http, str(url)) for url in (settings.api_url, settings.discovery_url)]

    yield from asyncio.run(ask())


async def _reach(http: httpx.AsyncClient, url: str) -> Finding:
    host = httpx.URL(url).host
    try:
        answer = await http.get(url)
    except (httpx.HTTPError, OodalooError) as error:
        return fail("online", f"{host} cannot be reached ({type(error).__name__})", "See the firewall and DNS.")
    return ok("online", f"{host} answers ({answer.status_code})")
