"""The database: there, of the right version and schema, its roles and walls as they should be, its clock ours."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection
from sqlalchemy import make_url

from infra.clock import Clock
from infra.db.catalog import rights_above_the_walls, tables_without_walls
from infra.db.migrate import current_is_head
from infra.db.roles import ACCESS, APP, JOBS, OWNER, SEALER
from infra.embedded.servers import ServerAddresses
from infra.log_proof.catalog import check_catalog
from infra.observability.installation import read_sealing_lag
from infra.observability.standings import QUEUE_STANDINGS, TICKS, Tick, queues_of
from infra.observability.verdicts import DUE_AFTER, of_queues, of_schedule, of_seal
from runway.doctor.findings import Finding, fail, judged, ok, warn

_OLDEST_VERSION = 18
_CONNECT_SECONDS = 5
_SKEW_WARNED, _SKEW_ALLOWED = timedelta(seconds=1), timedelta(seconds=30)
_MOST_NAMED = 5


def connect(url: str) -> Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=_CONNECT_SECONDS)


def in_a_line(error: Exception) -> str:
    """PostgreSQL's own words, which name host and port and no password."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def check_database(addresses: ServerAddresses) -> Finding:
    try:
        with connect(addresses.database_app_url) as connection:
            major = connection.info.server_version // 10_000
    except psycopg.Error as error:
        return fail("database", in_a_line(error), "Start PostgreSQL, or correct OODALOO_DATABASE_URL.")
    if major < _OLDEST_VERSION:
        return fail("database", f"PostgreSQL {major}", f"Oodaloo needs PostgreSQL {_OLDEST_VERSION} or newer.")
    return ok("database", f"PostgreSQL {major} answers")


def check_roles(addresses: ServerAddresses) -> Iterator[Finding]:
    """One line in all where each role is as it should be; one for each that is not."""
    urls = {
        APP: addresses.database_app_url,
        ACCESS: addresses.database_access_url,
        JOBS: addresses.database_jobs_url,
        SEALER: addresses.database_sealer_url,
        OWNER: addresses.database_owner_url,
    }
    problems = [problem for role, url in urls.items() if (problem := _problem_of(role, url))]
    yield from problems
    if not problems:
        yield ok("roles", f"{len(urls)} roles sign in; none stands above the walls")


def _problem_of(role: str, url: str) -> Finding | None:
    variable = f"OODALOO_DATABASE_{role.removeprefix('oodaloo_').upper()}_URL".replace("_APP_URL", "_URL")
    try:
        with connect(url) as connection:
            row = connection.execute("SELECT current_user::text").fetchone()
            found = "" if row is None else str(row[0])
            above = list(rights_above_the_walls(connection, found))
    except psycopg.Error as error:
        return fail("roles", f"{role}: {in_a_line(error)}", f"Let {role} sign in, or set {variable}.")
    if found != role:
        return fail("roles", f"{role} signs in as {found}", f"Set {variable} to the address of {role}.")
    if above:
        return fail(
            "roles", f"{role} {', '.join(above)}", f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS; see docs/guide."
        )
    return None


def check_schema(addresses: ServerAddresses) -> Finding:
    if current_is_head(addresses.database_owner_url):
        return ok("migrations", "the newest schema")
    return fail("migrations", "the schema is another version's", "Run `oodaloo migrate`.")


def check_walls(addresses: ServerAddresses) -> Iterator[Finding]:
    with connect(addresses.database_app_url) as connection:
        bare = tables_without_walls(connection)
        changed = check_catalog(connection)
    if bare:
        yield fail(
            "walls",
            f"no forced row-level security on {_some(bare)}",
            "Stop the web app, find out who took it away, and put it back.",
        )
    else:
        yield ok("walls", "every table that names a business has forced row-level security")
    if changed:
        yield fail("log walls", _some(changed), "Stop, run `oodaloo log verify`, and find out who changed the schema.")
    else:
        yield ok("log walls", "triggers, policies and grants of the logs are as they were made")


def check_clock(addresses: ServerAddresses, clock: Clock) -> Finding:
    with connect(addresses.database_app_url) as connection:
        before = clock.now()
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        after = clock.now()
    if row is None:
        return fail("clock", "the database tells no time", "Look at the database's log.")
    skew = abs(row[0] - (before + (after - before) / 2))
    said = f"{skew.total_seconds():.1f} s between this machine and the database"
    if skew > _SKEW_ALLOWED:
        return fail("clock", said, "Set both clocks by NTP: sign-in codes and expiries depend on them.")
    return ok("clock", said) if skew <= _SKEW_WARNED else warn("clock", said, "Set both clocks by NTP.")


def check_queue(addresses: ServerAddresses) -> Finding:
    with connect(addresses.database_jobs_url) as connection:
        queues = queues_of(connection.execute(QUEUE_STANDINGS).fetchall())
    is_late = any(queue.oldest_due_seconds > DUE_AFTER.total_seconds() for queue in queues)
    late, dead = "See that `oodaloo worker` and `oodaloo scheduler` run, or start more.", "See `oodaloo sync failed`."
    return judged("queue", of_queues(queues), to_do=late if is_late else dead)


def check_schedule(addresses: ServerAddresses) -> Finding:
    with connect(addresses.database_jobs_url) as connection:
        ticks = [Tick(*row) for row in connection.execute(TICKS).fetchall()]
    return judged("schedule", of_schedule(ticks), to_do="Start `oodaloo scheduler`.")


def check_sealing(addresses: ServerAddresses) -> Finding:
    verdict = of_seal(read_sealing_lag(addresses.database_sealer_url))
    return judged("log seal", verdict, to_do="See that `oodaloo scheduler` runs; `oodaloo log seal` does one round.")


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return "; ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
