"""The roles of the bundled database. The superuser sets these up and is used for nothing else."""

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from infra.db.roles import LOGIN_ROLES, OWNER

DATABASE = "oodaloo"
_RIGHTS = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
_LOCK = 7_402_011  # any number, the same in every process


def ensure_database(superuser_url: str, name: str, *, template: str = "template0") -> None:
    """Create the roles and the database unless they are there. Safe to call from several processes at once.

    Args:
        superuser_url: leads to the database `postgres`.
        name: the database to create.
        template: what it is a copy of; nobody may be connected to it. A copy has its template's schema grants but not
            the database's own, so these are given each time.
    """
    with connect(superuser_url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _ensure_roles(connection)
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            _execute(connection, "CREATE DATABASE {} OWNER {} TEMPLATE {}", name, OWNER, template)
        _execute(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", name)
        for role in LOGIN_ROLES:
            _execute(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", name, role)
        with connect(str(make_url(superuser_url).set(database=name))) as inside:
            _execute(inside, "ALTER SCHEMA public OWNER TO {}", OWNER)
            _execute(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for role in LOGIN_ROLES:
                _execute(inside, "GRANT USAGE ON SCHEMA public TO {}", role)


def connect(url: str) -> psycopg.Connection:
    """An autocommit connection, since databases cannot be created in a transaction."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _ensure_roles(connection: psycopg.Connection) -> None:
    found = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in LOGIN_ROLES:
        if role not in found:
            _execute(connection, f"CREATE ROLE {{}} {_RIGHTS}", role)


def _execute(connection: psycopg.Connection, statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
