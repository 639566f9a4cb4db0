"""Tokens on a real PostgreSQL against a token endpoint on a real port, with one process and with many."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from infra.config import Rail
from infra.ids import new_id
from infra.qbo import auth as auth_module
from infra.qbo.auth import refresh_due_at
from infra.qbo.errors import QBOAccessRevoked, QBOAuthExpired, QBOUnavailable
from infra.security.keyring import CannotOpen
from infra.security.rail_tokens import NotConnected
from tests.integration.infra.qbo.token_racer import NOW
from tests.integration.infra.qbo.token_world import HOUR, World, open_world
from tests.rig import Database


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "spool") as world:
        yield world


async def test_a_young_token_is_used_as_it_is(world: World) -> None:
    await world.connect(age=timedelta(minutes=39))
    assert (await world.token(), world.endpoint.calls) == ("A0", 0)


async def test_a_token_is_refreshed_before_it_expires_and_stored_before_it_is_used(world: World) -> None:
    await world.connect(age=timedelta(minutes=51))
    assert await world.token() == "A1"
    stored = await world.stored()
    assert stored.access_token.get_secret_value() == "A1"
    assert stored.refresh_token.get_secret_value() == "R1"
    assert stored.previous_refresh_token is not None
    assert stored.previous_refresh_token.get_secret_value() == "R0"
    assert (await world.token(), world.endpoint.calls) == ("A1", 1)


async def test_companies_refresh_between_40_and_50_minutes_and_not_all_at_once(world: World) -> None:
    await world.connect()
    grant = await world.stored()
    ages = [refresh_due_at(new_id(), grant) - NOW for _ in range(200)]
    assert timedelta(minutes=40) <= min(ages) < timedelta(minutes=42)
    assert timedelta(minutes=48) < max(ages) <= timedelta(minutes=50)


async def test_a_rejected_token_is_replaced_once_for_all_who_held_it(world: World) -> None:
    await world.connect()
    assert await asyncio.gather(*(world.refresh("A0") for _ in range(10))) == ["A1"] * 10
    assert await world.refresh("A0") == "A1"
    assert (world.endpoint.calls, world.endpoint.refusals) == (1, 0)


async def test_a_company_whose_every_token_is_rejected_does_not_loop(world: World) -> None:
    await world.connect()
    assert await world.refresh("A0") == "A1"
    for _ in range(5):
        with pytest.raises(QBOAuthExpired):
            await world.refresh("A1")
    assert world.endpoint.calls == 1
    world.clock.at += timedelta(minutes=2)
    assert await world.refresh("A1") == "A2"


async def test_invalid_grant_asks_for_a_reconnect_loudly_and_nothing_calls_again(world: World) -> None:
    await world.connect(age=HOUR)
    world.endpoint.valid = "another"
    with capture_logs() as events, pytest.raises(QBOAccessRevoked):
        await world.token()
    loud = [event for event in events if event["event"] == "qbo.token.needs_reconnect"]
    assert [(event["log_level"], event["reason"]) for event in loud] == [("error", "invalid_grant")]
    assert "R0" not in repr(events)
    stored = await world.stored()
    assert (stored.needs_reconnect_at, stored.reconnect_reason) == (NOW, "invalid_grant")
    for _ in range(3):
        with pytest.raises(QBOAccessRevoked, match="connected again"):
            await world.token()
        with pytest.raises(QBOAccessRevoked):
            await world.refresh("A0")
    assert world.endpoint.calls == 1


async def test_connecting_again_ends_the_need(world: World) -> None:
    await world.connect()
    await world.store.mark_needs_reconnect(world.business_id, Rail.QBO, reason="invalid_grant", at=NOW)
    await world.connect()
    assert await world.token() == "A0"


async def test_a_token_that_somebody_rotated_meanwhile_is_found_by_reading_again(world: World) -> None:
    await world.connect(age=HOUR)
    world.endpoint.valid = "R-theirs"
    world.endpoint.delay_seconds = 0.2
    refreshing = asyncio.create_task(world.token())
    while world.endpoint.calls == 0 and not refreshing.done():
        theirs = replace(
            await world.stored(),
            access_token=SecretStr("A-theirs"),
            refresh_token=SecretStr("R-theirs"),
            issued_at=NOW,
            expires_at=NOW + HOUR,
        )
        await asyncio.sleep(0.05)
        await world.store.save(world.business_id, Rail.QBO, grant=theirs, at=NOW)
    assert await refreshing == "A-theirs"
    assert (await world.stored()).needs_reconnect_at is None


async def test_the_previous_refresh_token_is_tried_before_a_connection_is_given_up(world: World) -> None:
    await world.connect(age=HOUR)
    grant = replace(
        await world.stored(), refresh_token=SecretStr("R-never-valid"), previous_refresh_token=SecretStr("R0")
    )
    await world.store.save(world.business_id, Rail.QBO, grant=grant, at=NOW)
    assert await world.token() == "A2"
    assert (await world.stored()).refresh_token.get_secret_value() == "R2"


async def test_a_refresh_token_that_came_back_unchanged_has_worked(world: World) -> None:
    world.endpoint.rotates = False
    await world.connect(age=HOUR)
    assert await world.token() == "A1"
    stored = await world.stored()
    assert (stored.refresh_token.get_secret_value(), stored.previous_refresh_token) == ("R0", None)


@pytest.mark.parametrize("trouble", [500, 503, 429, 403, 404])
async def test_trouble_at_the_token_endpoint_is_no_revocation(world: World, trouble: int) -> None:
    await world.connect(age=HOUR)
    world.endpoint.trouble = trouble
    with pytest.raises(QBOUnavailable if trouble != 429 else Exception):
        await world.token()
    assert (await world.stored()).needs_reconnect_at is None
    world.endpoint.trouble = None
    assert (await world.token()).startswith("A")


async def test_a_token_with_life_left_is_used_while_its_early_refresh_fails(world: World) -> None:
    await world.connect(age=timedelta(minutes=51))
    world.endpoint.trouble = 503
    assert [await world.token() for _ in range(3)] == ["A0"] * 3
    assert world.endpoint.calls == 1
    world.clock.at += timedelta(minutes=8, seconds=30)
    with pytest.raises(QBOUnavailable):
        await world.token()


async def test_a_caller_out_of_time_does_not_end_the_refresh(world: World) -> None:
    await world.connect(age=HOUR)
    world.endpoint.delay_seconds = 0.3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await world.token()
    assert await world.token() == "A1"
    assert (world.endpoint.calls, world.endpoint.refusals) == (1, 0)


async def test_a_lock_held_too_long_is_unavailability(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.connect(age=HOUR)
    monkeypatch.setattr(auth_module, "LOCK_WAIT", timedelta(milliseconds=100))
    async with await psycopg.AsyncConnection.connect(conninfo(world), autocommit=True) as other:
        key = f"rail_token:qbo:{world.business_id}"
        await other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
        with pytest.raises(QBOUnavailable, match="Another process"):
            await world.token()
    assert world.endpoint.calls == 0
    assert await world.token() == "A1"


async def test_tokens_rest_sealed_and_do_not_open_in_another_row(world: World) -> None:
    await world.connect()
    other = new_id()
    async with await psycopg.AsyncConnection.connect(conninfo(world), autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT rail_token::text FROM rail_token WHERE business_id = %s", [world.business_id]
        )
        row = await cursor.fetchone()
        assert row is not None
        assert '"A0"' not in row[0]
        await connection.execute(
            "CREATE TEMPORARY TABLE stolen AS SELECT * FROM rail_token WHERE business_id = %s", [world.business_id]
        )
        await connection.execute("UPDATE stolen SET business_id = %s", [other])
        await connection.execute("INSERT INTO rail_token SELECT * FROM stolen")
    with pytest.raises(CannotOpen):
        await world.store.get(other, Rail.QBO)
    assert "A0" not in repr(await world.stored())


async def test_a_business_that_never_connected_is_told_so(world: World) -> None:
    with pytest.raises(NotConnected):
        await world.token()


def conninfo(world: World) -> str:
    return world.database.superuser_url.replace("+psycopg", "")


async def test_many_processes_racing_on_an_expired_token_spend_one_refresh(world: World) -> None:
    await world.connect(age=HOUR)
    world.endpoint.delay_seconds = 0.1
    arguments = [
        sys.executable,
        "-m",
        "tests.integration.infra.qbo.token_racer",
        world.database.app_url,
        world.url,
        str(world.business_id),
    ]
    racers = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220, S603 - ours
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate()[0] for racer in racers]
    assert [answer.splitlines()[-1] for answer in answers] == ["tokens A1 A1 A1 A1 A1"] * 4
    assert (world.endpoint.calls, world.endpoint.refusals) == (1, 0)
