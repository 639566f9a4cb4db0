"""Where PostgreSQL and Valkey are: given by the environment, or bundled and started here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from infra.config import ServerSettings
from infra.embedded.attachment import Attachment
from infra.embedded.postgres import SUPERUSER
from infra.embedded.roles import APP, DATABASE, OWNER, ensure_database


@dataclass(frozen=True)
class ServerAddresses:
    """SQLAlchemy's URLs for the database: the owner's for migrations, the application's for all else."""

    database_owner_url: str
    database_app_url: str
    redis_url: str


@contextmanager
def servers(settings: ServerSettings) -> Iterator[ServerAddresses]:
    """Those that have no URL in the settings run, bundled, at least until the block ends.

    Several processes may do this with one home at once: the first starts them, the last one stops them.

    Raises:
        EmbeddedServerError: a bundled server does not start.
    """
    if settings.database_url and settings.redis_url:
        yield _given(settings.database_url, settings.database_owner_url, redis_url=settings.redis_url)
        return
    with Attachment(settings.home) as attachment:
        redis_url = settings.redis_url or valkey_url(attachment.address("valkey"))
        if settings.database_url:
            yield _given(settings.database_url, settings.database_owner_url, redis_url=redis_url)
            return
        directory = attachment.address("postgres")
        ensure_database(postgres_url(directory, SUPERUSER, database="postgres"), DATABASE)
        yield ServerAddresses(
            database_owner_url=postgres_url(directory, OWNER, database=DATABASE),
            database_app_url=postgres_url(directory, APP, database=DATABASE),
            redis_url=redis_url,
        )


def postgres_url(socket_directory: Path | str, role: str, *, database: str) -> str:
    return f"postgresql+psycopg://{role}@/{database}?host={quote(str(socket_directory))}"


def valkey_url(socket_path: Path | str, *, database: int = 0) -> str:
    return f"unix://{quote(str(socket_path))}?db={database}"


def _given(database_url: str, owner_url: str | None, *, redis_url: str) -> ServerAddresses:
    return ServerAddresses(
        database_owner_url=_with_driver(owner_url or database_url),
        database_app_url=_with_driver(database_url),
        redis_url=redis_url,
    )


def _with_driver(url: str) -> str:
    return "postgresql+psycopg://" + url.split("://", 1)[1]
