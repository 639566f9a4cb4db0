"""Bring a database to the newest schema, from code: no alembic.ini is needed where Oodaloo is installed."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_LOCK = "SELECT pg_advisory_xact_lock(7402012)"


def migrate(owner_url: str) -> None:
    """Upgrade to head; one connection and one query when it is there already. Concurrent calls wait for each other."""
    if current_is_head(owner_url):
        return
    config = alembic_config()
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(_LOCK)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_is_head(url: str) -> bool:
    """Any role that may read `alembic_version` will do."""
    heads = set(ScriptDirectory.from_config(alembic_config()).get_heads())
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads


class SchemaAge(StrEnum):
    """A database's schema beside the one that this code was written for."""

    HEAD = "head"
    BEHIND = "behind"
    AHEAD = "ahead"


@lru_cache(maxsize=8)
def schema_age(current: frozenset[str]) -> SchemaAge:
    """Of the revisions that a database is at. One that this code does not have was made by a later release."""
    scripts = ScriptDirectory.from_config(alembic_config())
    if current == set(scripts.get_heads()):
        return SchemaAge.HEAD
    ours = {script.revision for script in scripts.walk_revisions()}
    return SchemaAge.AHEAD if current - ours else SchemaAge.BEHIND


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
