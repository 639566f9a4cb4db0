"""Where PostgreSQL and Valkey are: given by the environment, or bundled and started here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from infra.config import ServerSettings
from infra.db.roles import ACCESS, APP, JOBS, OWNER, SEALER, url_of_role
from infra.embedded.attachment import Attachment
from infra.embedded.postgres import SUPERUSER
from infra.embedded.roles import DATABASE, ensure_database


@dataclass(frozen=True)
class ServerAddresses:
    """SQLAlchemy's URLs for the database, one a role: see `infra/db/roles.py`.

    `role_urls` has those that the environment names apart; the others are the application's with their own role in it.
    """

    database_owner_url: str
    database_app_url: str
    redis_url: str
    role_urls: Mapping[str, str] = field(default_factory=dict)

    @property
    def database_access_url(self) -> str:
        return self._url_of(ACCESS)

    @property
    def database_jobs_url(self) -> str:
        return self._url_of(JOBS)

    @property
    def database_sealer_url(self) -> str:
        return self._url_of(SEALER)

    def as_environment(self) -> dict[str, str]:
        """What a process needs in its environment to use these servers instead of starting its own."""
        return {
            "OODALOO_DATABASE_URL": self.database_app_url,
            "OODALOO_DATABASE_OWNER_URL": self.database_owner_url,
            "OODALOO_REDIS_URL": self.redis_url,
        }

    def _url_of(self, role: str) -> str:
        return self.role_urls.get(role) or url_of_role(self.database_app_url, role)


@contextmanager
def servers(settings: ServerSettings, *, durable: bool = True) -> Iterator[ServerAddresses]:
    """Those that have no URL in the settings run, bundled, at least until the block ends.

    Several processes may do this with one home at once: the first starts them, the last one stops them. `durable` as in `Attachment`.

    Raises:
        EmbeddedServerError: a bundled server does not start.
    """
    if settings.database_url and settings.redis_url:
        yield _given(settings, settings.database_url, redis_url=settings.redis_url)
        return
    with Attachment(settings.home, durable=durable) as attachment:
        redis_url = settings.redis_url or valkey_url(attachment.address("valkey"))
        if settings.database_url:
            yield _given(settings, settings.database_url, redis_url=redis_url)
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


def _given(settings: ServerSettings, database_url: str, *, redis_url: str) -> ServerAddresses:
    named = {
        ACCESS: settings.database_access_url,
        JOBS: settings.database_jobs_url,
        SEALER: settings.database_sealer_url,
    }
    return ServerAddresses(
        database_owner_url=_with_driver(settings.database_owner_url or database_url),
        database_app_url=_with_driver(database_url),
        redis_url=redis_url,
        role_urls={role: _with_driver(url) for role, url in named.items() if url},
    )


def _with_driver(url: str) -> str:
    return "postgresql+psycopg://" + url.split("://", 1)[1]
