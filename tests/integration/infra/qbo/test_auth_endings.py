"""A token refresh and the end of its process, or of its database: a rotated token must not be lost, nor a read fail."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.ids import new_id
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOUnavailable
from infra.qbo.http_client import open_http
from infra.qbo.oauth import IntuitOAuth, TokenGrant
from infra.security.rail_tokens import RailTokenStore
from tests.integration.infra.qbo.served import served
from tests.integration.infra.qbo.token_endpoint import TokenEndpoint
from tests.integration.infra.qbo.token_racer import KEYRING, HandClock, settings_for
from tests.rig import Database


def grant_of_age(clock: HandClock, age: timedelta) -> TokenGrant:
    issued_at = clock.now() - age
    return TokenGrant(
        access_token=SecretStr("A0"),
        refresh_token=SecretStr("R0"),
        issued_at=issued_at,
        expires_at=issued_at + timedelta(hours=1),
        refresh_expires_at=issued_at + timedelta(days=100),
    )


async def test_a_refresh_nobody_waits_for_is_stored_before_its_process_ends(database: Database) -> None:
    """The reader is gone, the process is asked to end, and Intuit has not answered yet."""
    endpoint, clock, business_id = TokenEndpoint(), HandClock(), new_id()
    endpoint.delay_seconds = 0.3
    engine, reads = create_engine(database.app_url), Reads(database.app_url, pool_size=3)
    with served(endpoint.app) as url:
        settings = settings_for(url)
        async with open_http(settings) as http:
            store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
            oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
            auth = QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=clock)
            await auth.connect(business_id, "4620816365", grant=grant_of_age(clock, timedelta(hours=1)))
            reader = asyncio.create_task(auth.current(business_id))
            await asyncio.sleep(0.1)
            reader.cancel()
            await auth.close()
        assert endpoint.calls == 1
        stored = await store.get(business_id, Rail.QBO)
    await reads.close()
    await engine.dispose()
    assert stored.refresh_token.get_secret_value() == endpoint.valid == "R1"


async def test_a_lock_that_cannot_be_asked_for_leaves_the_living_token_in_use(database: Database) -> None:
    """The lock has a connection of its own, and PostgreSQL may have none to give."""
    endpoint, clock, business_id = TokenEndpoint(), HandClock(), new_id()
    engine, reads = create_engine(database.app_url), Reads(database.app_url, pool_size=3)
    with served(endpoint.app) as url:
        settings = settings_for(url)
        async with open_http(settings) as http:
            store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
            oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
            usual = QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=clock)
            await usual.connect(business_id, "4620816365", grant=grant_of_age(clock, timedelta(minutes=51)))
            nowhere = "postgresql+psycopg://nobody@/nothing?host=/nonexistent"
            auth = QBOAuth(store=store, oauth=oauth, database_url=nowhere, clock=clock)
            assert (await auth.current(business_id)).get_secret_value() == "A0"
            clock.at += timedelta(minutes=10)
            with pytest.raises(QBOUnavailable):
                await auth.current(business_id)
    await reads.close()
    await engine.dispose()


async def test_a_grant_that_cannot_be_read_is_an_outage_of_the_database_like_any_other(database: Database) -> None:
    """Who keeps rotated tokens goes on after SQLAlchemy's errors alone."""
    engine, reads = (
        create_engine(database.app_url),
        Reads("postgresql+psycopg://nobody@/nothing?host=/nonexistent", pool_size=1),
    )
    reads._pool.timeout = 0.2  # noqa: SLF001  # ten seconds in service
    store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
    with pytest.raises(SQLAlchemyError):
        await store.get(new_id(), Rail.QBO)
    await reads.close()
    await engine.dispose()
