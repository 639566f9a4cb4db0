"""No secret in a log, an error, a traceback with its variables, a job, Redis, a run's error or an answer of the API."""

import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from psycopg import sql

from infra.security.keyring_file import read_keys
from tests.e2e.hostile_intuit import REALM, HostileIntuit
from tests.integration.infra.qbo.served import served
from tests.rig import Database

CANARY = "CANARY"


def database_text(database: Database) -> str:
    """Every row of every table."""
    with psycopg.connect(database.superuser_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(row[0] for (table,) in tables for row in connection.execute(every_row(table)).fetchall())


def redis_text(url: str) -> str:
    """Every key and what it holds."""
    with redis.from_url(url) as client:
        readers: dict[bytes, Any] = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            b"stream": client.xrange,
        }
        return "\n".join(f"{key} {readers[client.type(key)](key)}" for key in client.scan_iter())


def every_row(table: str) -> sql.Composed:
    return sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))


@pytest.mark.timeout(180)
def test_no_secret_leaves_the_process(database: Database, redis_url: str, tmp_path: Path) -> None:
    intuit = HostileIntuit()
    with served(intuit.app) as url:
        addresses = [database.app_url, database.owner_url, redis_url, url, str(tmp_path), "json"]
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "tests.e2e.canary_process", *addresses], capture_output=True, text=True, check=False
        )
    assert done.stdout.endswith("done\n"), done.stderr[-4000:]
    assert intuit.given > 5
    assert intuit.repeated > 50
    met = [line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("trouble ")]
    assert len(met) == 61, met
    for event in ("qbo.token.answered", "qbo.connect.refused", "qbo.run.failed", "jobs.job.failed",
                  "qbo.token.spooled", "qbo.token.needs_reconnect", "canary.locals", "httpcore"):  # fmt: skip
        assert event in done.stderr, event
    assert "[redacted]" in done.stderr
    assert "[redacted]" in done.stdout

    places = {
        "log": done.stderr,
        "answers and errors": done.stdout,
        "database": database_text(database),
        "redis": redis_text(redis_url),
        "files": "\n".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file()),
    }
    assert REALM in places["database"]
    secrets = [CANARY, b64encode(f"canary:{CANARY}".encode()).decode()[:-4]]
    for place, text in places.items():
        assert text or place == "redis"
        for secret in secrets:
            assert secret not in text, (place, around(text, secret))
    for entry in read_keys(tmp_path / "keyring.json"):
        for shown in (entry.key.hex(), b64encode(entry.key).decode(), repr(entry.key)[2:-1]):
            for place in ("log", "answers and errors", "database", "redis"):
                assert shown not in places[place], place


def around(text: str, secret: str) -> str:
    found = text.index(secret)
    return text[max(0, found - 300) : found + 60]
