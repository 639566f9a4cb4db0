"""Whose the database is: the bundled one follows the code; one that was given is its operator's to migrate."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from infra.config import ServerSettings
from infra.db.migrate import current_is_head, migrate
from infra.embedded.servers import ServerAddresses, servers
from infra.errors import OodalooError


class DatabaseBehind(OodalooError):
    """A database that is not ours to change on start is not at the newest schema."""

    def __init__(self) -> None:
        super().__init__("The database is not at this version's schema. Run `oodaloo migrate` first.")


class DatabaseOutOfReach(OodalooError):
    """PostgreSQL's own words, which name host and port and no password."""

    def __init__(self, words: str) -> None:
        super().__init__(f"The database cannot be used: {words}")


def bring_to_head(settings: ServerSettings, addresses: ServerAddresses) -> None:
    """Leave the database at the newest schema.

    Raises:
        DatabaseBehind: it was given, and is not.
        DatabaseOutOfReach: no connection.
    """
    with _reaching():
        if settings.database_url is None:
            migrate(addresses.database_owner_url)
        elif not current_is_head(addresses.database_owner_url):
            raise DatabaseBehind


def migrate_here(settings: ServerSettings) -> None:
    """What `oodaloo migrate` does, to a given database too.

    Raises:
        DatabaseOutOfReach: no connection.
    """
    with servers(settings) as addresses, _reaching():
        migrate(addresses.database_owner_url)


def check_given_database(settings: ServerSettings) -> None:
    """Look before a web server starts, which would show a traceback; the bundled database is brought up with it.

    Raises:
        DatabaseBehind, DatabaseOutOfReach: as `bring_to_head`.
    """
    if settings.database_url is not None:
        with servers(settings) as addresses:
            bring_to_head(settings, addresses)


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseOutOfReach(str(error.orig).strip().partition("\n")[0]) from error
