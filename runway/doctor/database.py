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
from infra.log_proof.findings import LAG_ALLOWED
from infra.log_proof.lag import sealing_lag
from infra.log_proof.sealer import open_connection
from runway.doctor.findings import Finding, fail, ok, warn

_OLDEST_VERSION = 18
_CONNECT_SECONDS = 5
_SKEW_WARNED, _SKEW_ALLOWED = timedelta(seconds=1), timedelta(seconds=30)
_MOST_NAMED = 5
_DUE_AFTER, _STUCK_AFTER = timedelta(minutes=1), timedelta(minutes=15)
_QUEUE = """
SELECT clock_timestamp() - min(due_at) FILTER (
    WHERE dead_at IS NULL AND due_at <= clock_timestamp() AND (leased_until IS NULL OR leased_until < clock_timestamp())),
  count(*) FILTER (WHERE dead_at IS NOT NULL)
FROM outbox WHERE finished_at IS NULL
"""


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
        row = connection.execute(_QUEUE).fetchone()
    lag, dead = row or (None, 0)
    said = f"the oldest job that is due has waited {(lag or timedelta(0)).total_seconds():.0f} s; {dead} are dead"
    if lag is not None and lag > _STUCK_AFTER:
        return fail("queue", said, "Start `oodaloo worker` and `oodaloo scheduler`, or more of them.")
    if lag is not None and lag > _DUE_AFTER:
        return warn("queue", said, "See that `oodaloo worker` and `oodaloo scheduler` run.")
    return warn("queue", said, "Look at last_error of the dead rows in outbox.") if dead else ok("queue", said)


def check_sealing(addresses: ServerAddresses) -> Finding:
    with open_connection(addresses.database_sealer_url) as connection:
        lag = sealing_lag(connection)
    said = f"the oldest row of the logs that is not sealed is {lag.total_seconds():.0f} s old"
    if lag > LAG_ALLOWED:
        return warn("log seal", said, "See that `oodaloo scheduler` runs; `oodaloo log seal` does one round.")
    return ok("log seal", said)


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return "; ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
