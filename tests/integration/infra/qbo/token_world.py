"""A business's tokens on a real PostgreSQL, against a token endpoint on a real port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from infra.config import Rail
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.ids import new_id
from infra.qbo.auth import QBOAuth
from infra.qbo.http_client import open_http
from infra.qbo.oauth import IntuitOAuth, TokenGrant
from infra.security.rail_tokens import RailGrant, RailTokenStore
from infra.security.token_spool import TokenSpool
from tests.integration.infra.qbo.served import served
from tests.integration.infra.qbo.token_endpoint import TokenEndpoint
from tests.integration.infra.qbo.token_racer import KEYRING, HandClock, settings_for
from tests.rig import Database

HOUR = timedelta(hours=1)
REALM = "4620816365"


def first_grant(issued_at: datetime) -> TokenGrant:
    """What the endpoint holds valid before anybody refreshes."""
    return TokenGrant(
        access_token=SecretStr("A0"),
        refresh_token=SecretStr("R0"),
        issued_at=issued_at,
        expires_at=issued_at + HOUR,
        refresh_expires_at=issued_at + timedelta(days=100),
    )


@dataclass
class World:
    """`directory` is the spool's, whose files are made when they are needed."""

    auth: QBOAuth
    store: RailTokenStore
    clock: HandClock
    endpoint: TokenEndpoint
    business_id: UUID
    database: Database
    url: str
    directory: Path

    @property
    def spool(self) -> TokenSpool:
        return TokenSpool(self.directory, keyring=KEYRING)

    async def connect(self, *, age: timedelta = timedelta(0)) -> None:
        self.endpoint.valid = "R0"
        await self.auth.connect(self.business_id, REALM, grant=first_grant(self.clock.now() - age))

    async def token(self) -> str:
        return (await self.auth.tokens_of(self.business_id).access_token()).get_secret_value()

    async def refresh(self, rejected: str) -> str:
        tokens = self.auth.tokens_of(self.business_id)
        return (await tokens.refresh(after_rejected=SecretStr(rejected))).get_secret_value()

    async def stored(self) -> RailGrant:
        return await self.store.get(self.business_id, Rail.QBO)


@asynccontextmanager
async def auth_on(
    database: Database, url: str, *, clock: HandClock, directory: Path
) -> AsyncIterator[tuple[QBOAuth, RailTokenStore]]:
    """As one more process has it."""
    engine, settings = create_engine(database.app_url, pool_size=3), settings_for(url)
    reads = Reads(database.app_url, pool_size=3)
    async with open_http(settings) as http:
        store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
        oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
        spool = TokenSpool(directory, keyring=KEYRING)
        yield QBOAuth(store=store, oauth=oauth, database_url=database.app_url, clock=clock, spool=spool), store
    await reads.close()
    await engine.dispose()


@asynccontextmanager
async def open_world(database: Database, directory: Path) -> AsyncIterator[World]:
    endpoint, clock = TokenEndpoint(), HandClock()
    with served(endpoint.app) as url:
        async with auth_on(database, url, clock=clock, directory=directory) as (auth, store):
            yield World(auth, store, clock, endpoint, new_id(), database, url, directory)
