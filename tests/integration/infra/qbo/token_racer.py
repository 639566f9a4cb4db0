"""One of several processes that want the same company's token at the same moment: `python -m … APP_URL QBO_URL ID [SPOOL]`."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from infra.config import QBOSettings
from infra.db.engine import create_engine
from infra.db.reads import Reads
from infra.db.unit_of_work import unit_of_work_factory
from infra.qbo.auth import QBOAuth
from infra.qbo.http_client import open_http
from infra.qbo.oauth import IntuitOAuth
from infra.security.keyring import Keyring
from infra.security.rail_tokens import RailTokenStore
from infra.security.token_spool import TokenSpool

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEYRING = Keyring({"k": b"k" * 32})


@dataclass
class HandClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def settings_for(url: str) -> QBOSettings:
    return QBOSettings.model_validate(
        {
            "client_id": "id",
            "client_secret": "secret",
            "api_url": url,
            "discovery_url": f"{url}/.well-known/openid_configuration",
        }
    )


async def race(database_url: str, qbo_url: str, business_id: str, directory: str | None = None) -> None:
    """Say "ready", wait for a line, then ask five times at once and say what came."""
    engine, settings, clock = create_engine(database_url), settings_for(qbo_url), HandClock()
    reads = Reads(database_url, pool_size=3)
    async with open_http(settings) as http:
        store = RailTokenStore(unit_of_work_factory(engine), reads, keyring=KEYRING)
        oauth = IntuitOAuth(http=http, settings=settings, clock=clock)
        spool = TokenSpool(Path(directory), keyring=KEYRING) if directory else None
        auth = QBOAuth(store=store, oauth=oauth, database_url=database_url, clock=clock, spool=spool)
        tokens = auth.tokens_of(UUID(business_id))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        got = await asyncio.gather(*(tokens.access_token() for _ in range(5)))
        sys.stdout.write("\ntokens " + " ".join(token.get_secret_value() for token in got) + "\n")
    await reads.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(race(*sys.argv[1:]))
