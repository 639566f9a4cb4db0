"""Alembic's entry. `infra.db.migrate` hands over a connection; the command line brings none, so one is opened."""

from importlib import import_module

from alembic import context
from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.pool import NullPool

from infra.config import ServerSettings, SettingsError, load


def metadata() -> MetaData:
    """Every model's table. Imported here only: upgrading needs no model, and starts faster without."""
    import_module("runway.registry")
    from infra.db.base import Base

    return Base.metadata


def run(connection: Connection, target: MetaData | None) -> None:
    context.configure(connection=connection, target_metadata=target, compare_type=True, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


def owner_url() -> str:
    settings = load(ServerSettings)
    url = settings.database_owner_url or settings.database_url
    if url is None:
        raise SettingsError("OODALOO_DATABASE_OWNER_URL is not set; the alembic command line needs it.")
    return "postgresql+psycopg://" + url.split("://", 1)[1]


given = context.config.attributes.get("connection")
if given is not None:
    run(given, context.config.attributes.get("target_metadata"))
else:
    engine = create_engine(owner_url(), poolclass=NullPool)
    with engine.begin() as opened:
        run(opened, metadata())
