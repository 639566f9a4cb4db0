from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.config import KeyringSettings, QBOSettings, RailSettings, ServerSettings, WebSettings
from infra.embedded.servers import ServerAddresses
from infra.security.keyring_file import KeyringUnusable
from runway.settings import Settings
from runway.wiring import open_services

NOWHERE = "postgresql+psycopg://nobody@/nothing?host=/nonexistent"
ADDRESSES = ServerAddresses(database_owner_url=NOWHERE, database_app_url=NOWHERE, redis_url="unix:///nonexistent")


async def open_with(home: Path, keyring_file: Path | None) -> None:
    settings = Settings(
        servers=ServerSettings(home=home),
        rails=RailSettings(),
        web=WebSettings(),
        keyring=KeyringSettings(keyring_file=keyring_file),
        qbo=QBOSettings(client_id="id", client_secret=SecretStr("secret")),
    )
    async with open_services(settings, ADDRESSES):
        pass


async def test_a_keyring_that_was_named_is_never_made(tmp_path: Path) -> None:
    named = tmp_path / "mounted" / "keyring.json"
    with pytest.raises(KeyringUnusable):
        await open_with(tmp_path, named)
    assert not named.exists()


async def test_the_home_s_own_keyring_is_made_once(tmp_path: Path) -> None:
    await open_with(tmp_path, None)
    made = (tmp_path / "keyring.json").read_bytes()
    await open_with(tmp_path, None)
    assert (tmp_path / "keyring.json").read_bytes() == made
