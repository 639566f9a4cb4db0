"""A token that the database does not take, and a connection that a person ends."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from errno import ENOSPC
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWork, unit_of_work_factory
from infra.ids import new_id
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOAccessRevoked, QBOUnavailable
from infra.qbo.oauth import IntuitOAuth, TokenGrant
from infra.qbo.transport import open_http
from infra.security.rail_tokens import DISCONNECTED, RailGrant, RailTokenStore
from infra.security.token_spool import TokenSpool
from tests.integration.infra.qbo.served import served
from tests.integration.infra.qbo.token_endpoint import TokenEndpoint
from tests.integration.infra.qbo.token_racer import KEYRING, HandClock, settings_for
from tests.rig import Database

HOUR = timedelta(hours=1)
REALM = "4620816365"


@dataclass
class World:
    auth: QBOAuth
    store: RailTokenStore
    spool: TokenSpool
    clock: HandClock
    endpoint: TokenEndpoint
    business_id: UUID
    database: Database
    directory: Path

    async def connect(self, *, age: timedelta = timedelta(0)) -> None:
        issued_at = self.clock.now() - age
        grant = TokenGrant(
            access_token=SecretStr("A0"),
            refresh_token=SecretStr("R0"),
            issued_at=issued_at,
            expires_at=issued_at + HOUR,
            refresh_expires_at=issued_at + timedelta(days=100),
        )
        self.endpoint.valid = "R0"
        await self.auth.connect(self.business_id, REALM, grant=grant)

    async def token(self) -> str:
        return (await self.auth.current(self.business_id)).get_secret_value()

    async def stored(self) -> RailGrant:
        return await self.store.get(self.business_id, Rail.QBO)

    @contextmanager
    def refusing_commits(self) -> Iterator[None]:
        """The database takes each statement of the business's token, and refuses the commit."""
        trigger = f"refuse_{self.business_id.hex}"
        with psycopg.connect(self.database.owner_url.replace("+psycopg", ""), autocommit=True) as owner:
            owner.execute(
                f"CREATE CONSTRAINT TRIGGER {trigger} AFTER UPDATE ON rail_token DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW WHEN (NEW.business_id = '{self.business_id}') EXECUTE FUNCTION refuse_change()"
            )
            try:
                yield
            finally:
                owner.execute(f"DROP TRIGGER {trigger} ON rail_token")


@asynccontextmanager
async def auth_on(database: Database, url: str, *, clock: HandClock, directory: Path) -> AsyncIterator[QBOAuth]:
    engine, settings = create_engine(database.app_url, pool_size=3), settings_for(url)
    async with open_http(settings) as http:
        store = RailTokenStore(unit_of_work_factory(engine), keyring=KEYRING)
        oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
        spool = TokenSpool(directory, keyring=KEYRING)
        yield QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=clock, spool=spool)
    await engine.dispose()


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    endpoint, clock, directory = TokenEndpoint(), HandClock(), tmp_path / "spool"
    engine = create_engine(database.app_url, pool_size=2)
    store = RailTokenStore(unit_of_work_factory(engine), keyring=KEYRING)
    spool = TokenSpool(directory, keyring=KEYRING)
    with served(endpoint.app) as url:
        async with auth_on(database, url, clock=clock, directory=directory) as auth:
            yield World(auth, store, spool, clock, endpoint, new_id(), database, directory)
    await engine.dispose()


async def spool_a_token(world: World) -> None:
    await world.connect(age=HOUR)
    with world.refusing_commits(), pytest.raises(QBOUnavailable, match="waits"):
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
    with world.refusing_commits():
        for _ in range(2):
            with pytest.raises(QBOUnavailable, match="still waits"):
                await world.token()
    assert world.endpoint.calls == 1
    assert await world.token() == "A1"


async def test_the_next_process_takes_the_token_when_it_starts(world: World) -> None:
    await spool_a_token(world)
    with world.refusing_commits(), capture_logs() as events:
        await world.auth.take_spooled()
    assert [event["event"] for event in events] == ["qbo.token.still_spooled"]
    async with auth_on(world.database, "http://127.0.0.1:9", clock=world.clock, directory=world.directory) as another:
        await another.take_spooled()
    assert (await world.stored()).refresh_token.get_secret_value() == "R1"
    assert list(world.directory.iterdir()) == []


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
    with world.refusing_commits(), capture_logs() as events, pytest.raises(OSError, match="no space"):
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
