"""Bring a database to the newest schema, from code: no alembic.ini is needed where Oodaloo is installed."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from infra.errors import OodalooError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_LOCK = "SELECT pg_advisory_xact_lock(7402012)"
# Whoever comes after a change that waits for its table waits behind it.
_PATIENCE = "SET LOCAL lock_timeout = '10s'"


class TablesInUse(OodalooError):
    """Somebody holds a table that the new schema changes. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "The schema was not changed: a table that it changes was in use for more than ten seconds. Try again, or when it is quieter."
        )


def migrate(owner_url: str) -> None:
    """Upgrade to head; one connection and one query when it is there already. Concurrent calls wait for each other.

    Raises:
        TablesInUse: others would have had to wait.
    """
    if current_is_head(owner_url):
        return
    config = alembic_config()
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(_LOCK)
        connection.exec_driver_sql(_PATIENCE)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable):
                raise TablesInUse from error
            raise


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
