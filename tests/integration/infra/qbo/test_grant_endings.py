"""A token that the database does not take, and a connection that a person ends."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from errno import ENOSPC
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork
from infra.qbo.errors import QBOAccessRevoked, QBOUnavailable
from infra.security.rail_tokens import DISCONNECTED
from infra.security.token_spool import TokenSpool
from tests.integration.infra.qbo import token_racer
from tests.integration.infra.qbo.token_world import HOUR, REALM, World, auth_on, open_world
from tests.rig import Database


@contextmanager
def refusing_commits(world: World) -> Iterator[None]:
    """The database takes each statement of the business's token, and refuses the commit."""
    trigger = f"refuse_{world.business_id.hex}"
    with psycopg.connect(world.database.owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(
            f"CREATE CONSTRAINT TRIGGER {trigger} AFTER UPDATE ON rail_token DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW WHEN (NEW.business_id = '{world.business_id}') EXECUTE FUNCTION refuse_change()"
        )
        try:
            yield
        finally:
            owner.execute(f"DROP TRIGGER {trigger} ON rail_token")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "spool") as world:
        yield world


async def spool_a_token(world: World) -> None:
    await world.connect(age=HOUR)
    with refusing_commits(world), pytest.raises(QBOUnavailable, match="waits"):
        await world.token()
    assert (await world.stored()).refresh_token.get_secret_value() == "R0"
    assert world.endpoint.valid == "R1"


async def test_a_rotated_token_whose_commit_fails_waits_sealed_in_a_file_and_is_used_next(world: World) -> None:
    with capture_logs() as events:
        await spool_a_token(world)
    assert "R1" not in repr(events)
    (path,) = world.directory.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert world.directory.stat().st_mode & 0o777 == 0o700
    assert all(word not in path.read_text() for word in ('"R1"', '"A1"', "refresh", REALM))
    assert world.spool.count_by_key() == {"k": 1}

    assert await world.token() == "A1"
    assert (await world.stored()).refresh_token.get_secret_value() == "R1"
    assert (world.endpoint.calls, world.endpoint.refusals, list(world.directory.iterdir())) == (1, 0, [])


async def test_while_the_database_refuses_the_token_stays_in_the_spool(world: World) -> None:
    await spool_a_token(world)
    with refusing_commits(world):
        for _ in range(2):
            with pytest.raises(QBOUnavailable, match="still waits"):
                await world.token()
    assert world.endpoint.calls == 1
    assert await world.token() == "A1"


async def test_the_next_process_takes_the_token_when_it_starts(world: World) -> None:
    await spool_a_token(world)
    with refusing_commits(world), capture_logs() as events:
        await world.auth.take_spooled()
    assert [event["event"] for event in events] == ["qbo.token.still_spooled"]
    async with auth_on(world.database, "http://127.0.0.1:9", clock=world.clock, directory=world.directory) as (
        another,
        _,
    ):
        await another.take_spooled()
    assert (await world.stored()).refresh_token.get_secret_value() == "R1"
    assert list(world.directory.iterdir()) == []


async def test_a_process_killed_between_intuit_s_answer_and_the_commit_loses_no_grant(world: World) -> None:
    """A real one, while its commit waits for a row that another transaction holds."""
    await world.connect(age=HOUR)
    path = world.directory / f"qbo.{world.business_id}.sealed"
    child = subprocess.Popen(  # noqa: ASYNC220, S603 - ours
        [sys.executable, "-m", token_racer.__name__, world.database.app_url, world.url, str(world.business_id), world.directory],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with psycopg.connect(world.database.superuser_url.replace("+psycopg", "")) as other:
            other.execute("SELECT FROM rail_token WHERE business_id = %s FOR UPDATE", [world.business_id])
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
            async with asyncio.timeout(60):
                while not path.exists():  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(0.01)
            child.kill()
            assert child.wait(10) == -signal.SIGKILL
    finally:
        child.kill()
        child.communicate()
    assert (await world.stored()).refresh_token.get_secret_value() == "R0"
    assert (world.endpoint.calls, world.endpoint.valid) == (1, "R1")
    async with auth_on(world.database, world.url, clock=world.clock, directory=world.directory) as (another, _):
        await another.take_spooled()
        assert (await another.current(world.business_id)).get_secret_value() == "A1"
    assert (await world.stored()).refresh_token.get_secret_value() == "R1"
    assert (world.endpoint.calls, world.endpoint.refusals, list(world.directory.iterdir())) == (1, 0, [])


async def test_a_disk_that_is_full_keeps_no_token_from_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(ENOSPC, "no space")

    await world.connect(age=HOUR)
    monkeypatch.setattr(TokenSpool, "put", full)
    with capture_logs() as events:
        assert await world.token() == "A1"
    assert ("qbo.token.not_spooled", "warning") in [(event["event"], event["log_level"]) for event in events]


async def test_a_spooled_token_does_not_undo_what_came_after_it(world: World) -> None:
    await spool_a_token(world)
    waiting = world.spool.find(world.business_id, Rail.QBO)
    assert waiting is not None
    world.clock.at += timedelta(minutes=1)
    await world.connect()
    assert not world.spool.has(world.business_id, Rail.QBO)
    for late in (waiting, replace(waiting, external_account_id="another", issued_at=world.clock.now() + HOUR)):
        world.spool.put(world.business_id, Rail.QBO, grant=late)
        assert await world.token() == "A0"
        assert list(world.directory.iterdir()) == []


async def test_a_disk_that_is_full_too_is_an_error_and_not_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(ENOSPC, "no space")

    await world.connect(age=HOUR)
    monkeypatch.setattr(TokenSpool, "put", full)
    with refusing_commits(world), capture_logs() as events, pytest.raises(OSError, match="no space"):
        await world.token()
    assert ("qbo.token.lost", "error") in [(event["event"], event["log_level"]) for event in events]


async def test_disconnecting_revokes_at_intuit_and_leaves_no_token(world: World) -> None:
    await world.connect()
    assert await world.auth.disconnect(world.business_id)
    assert world.endpoint.revoked == ["R0"]
    stored = await world.stored()
    assert (stored.access_token, stored.refresh_token) == (SecretStr(""), SecretStr(""))
    assert (stored.reconnect_reason, stored.external_account_id) == (DISCONNECTED, REALM)
    for _ in range(2):
        with pytest.raises(QBOAccessRevoked, match="disconnected"):
            await world.token()
        with pytest.raises(QBOAccessRevoked):
            await world.auth.replace_rejected(world.business_id, SecretStr("A0"))
    assert world.endpoint.calls == 0
    assert await world.auth.disconnect(world.business_id)
    assert world.endpoint.revoked == ["R0"]
    await world.connect()
    assert await world.token() == "A0"


async def test_what_is_written_with_the_end_is_written_with_it_or_not_at_all(world: World) -> None:
    await world.connect()

    async def fail(_uow: UnitOfWork) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await world.auth.disconnect(world.business_id, also=fail)
    assert (await world.token(), world.endpoint.revoked) == ("A0", [])


@pytest.mark.parametrize("trouble", [500, 503, 401, 403])
async def test_a_revocation_that_intuit_does_not_answer_is_made_up_for(world: World, trouble: int) -> None:
    await world.connect()
    world.endpoint.revoke_trouble = trouble
    assert not await world.auth.disconnect(world.business_id)
    with pytest.raises(QBOAccessRevoked, match="disconnected"):
        await world.token()
    with pytest.raises(QBOUnavailable):
        await world.auth.revoke_disconnected(world.business_id)
    world.endpoint.revoke_trouble = None
    for _ in range(2):
        await world.auth.revoke_disconnected(world.business_id)
    assert world.endpoint.revoked == ["R0"]
    assert (await world.stored()).refresh_token == SecretStr("")


async def test_a_connection_made_meanwhile_is_not_revoked(world: World) -> None:
    await world.connect()
    world.endpoint.revoke_trouble = 503
    await world.auth.disconnect(world.business_id)
    await world.connect()
    world.endpoint.revoke_trouble = None
    await world.auth.revoke_disconnected(world.business_id)
    assert (await world.token(), world.endpoint.revoked) == ("A0", [])


async def test_the_token_that_waits_in_the_spool_is_the_one_revoked(world: World) -> None:
    await spool_a_token(world)
    assert await world.auth.disconnect(world.business_id)
    assert world.endpoint.revoked == ["R1"]
    assert list(world.directory.iterdir()) == []
