"""`oodaloo doctor`: looks at everything Oodaloo stands on, changes nothing, and says what to do."""

from collections.abc import Callable, Iterator

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from infra.clock import SystemClock
from infra.config import KeyringSettings, ServerSettings, load
from infra.embedded.servers import ServerAddresses, servers
from infra.errors import OodalooError
from runway.doctor import database, machine
from runway.doctor.findings import Finding, fail, is_well, ok
from runway.settings import Settings

__all__ = ["Finding", "examine", "is_well"]

Check = Callable[[], Finding | Iterator[Finding]]


def examine(*, is_online: bool = False) -> Iterator[Finding]:
    """One finding a check, as they come. Bundled servers that do not run are started for it, as by every command."""
    try:
        settings = Settings.from_environment()
        yield ok("settings", "all are readable")
        server_settings, keyring = settings.servers, settings.keyring
    except OodalooError as error:
        settings = None
        yield fail("settings", " ".join(str(error).split()), "Correct these variables.")
        try:
            server_settings, keyring = load(ServerSettings), load(KeyringSettings)
        except OodalooError:
            return
    yield from _run("keyring", lambda: machine.check_keyring(keyring, server_settings))
    yield from _run("disk", lambda: machine.check_disk(server_settings.home))
    if is_online and settings is not None and settings.qbo is not None:
        qbo = settings.qbo
        yield from _run("online", lambda: machine.check_online(qbo))
    try:
        with servers(server_settings) as addresses:
            yield from _examine_servers(server_settings, keyring, addresses)
    except OodalooError as error:
        yield fail("servers", str(error), "See the log of the bundled servers in OODALOO_HOME.")


def _examine_servers(
    settings: ServerSettings, keyring: KeyringSettings, addresses: ServerAddresses
) -> Iterator[Finding]:
    yield from _run("redis", lambda: machine.check_redis(addresses))
    found = list(_run("database", lambda: database.check_database(addresses)))
    yield from found
    if not is_well(found):
        return  # the rest would say the same
    yield from _run("roles", lambda: database.check_roles(addresses))
    yield from _run("clock", lambda: database.check_clock(addresses, SystemClock()))
    found = list(_run("migrations", lambda: database.check_schema(addresses)))
    yield from found
    if not is_well(found):
        return
    yield from _run("walls", lambda: database.check_walls(addresses))
    yield from _run("tokens", lambda: machine.check_sealed_grant(keyring, settings, addresses))
    yield from _run("queue", lambda: database.check_queue(addresses))
    yield from _run("schedule", lambda: database.check_schedule(addresses))
    yield from _run("log seal", lambda: database.check_sealing(addresses))


def _run(name: str, check: Check) -> Iterator[Finding]:
    """What stops a check is itself a finding; the others go on."""
    try:
        found = check()
        yield from [found] if isinstance(found, Finding) else list(found)
    except psycopg.Error as error:
        yield fail(name, database.in_a_line(error), "See the lines above.")
    except SQLAlchemyError as error:
        yield fail(name, f"the database refused ({type(error).__name__})", "See the lines above.")
    except (OodalooError, OSError) as error:
        yield fail(name, " ".join(str(error).split()), "See the lines above.")
