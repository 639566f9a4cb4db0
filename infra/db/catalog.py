"""Which walls PostgreSQL's own catalog shows: of tables, row-level security; of roles, what they could do without it."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from infra.db.roles import OWNER

# Of no one business: people, what lets them in, and their letters. The application's own role has no right on them at all.
OF_NO_BUSINESS = frozenset({
    "alembic_version", "api_token", "api_token_use", "app_user", "cron_tick", "firm", "firm_admin", "mail", "password_reset", "recovery_code",
    "user_session", "webhook_event",
})  # fmt: skip
_WALLS = """
SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
  SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'businesses_of_the_transaction'
    AND p.polcmd = '*' AND p.polroles = '{0}' AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL)
FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
_RIGHTS = """
SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid),
  EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)
FROM pg_roles r WHERE rolname = %s
"""
_IN_WORDS = (
    "is a superuser", "bypasses row-level security", "may create roles", "may create databases", "is a member of another role",
    "owns tables",
)  # fmt: skip


def read_walls(connection: Connection[Any]) -> dict[str, bool]:
    """Every table of the schema, and whether forced row-level security keeps each business's rows to it. Any role may ask."""
    return dict(connection.execute(_WALLS).fetchall())


def tables_without_walls(connection: Connection[Any]) -> list[str]:
    """Tables that should be walled in and are not."""
    return [
        table for table, is_walled in read_walls(connection).items() if not is_walled and table not in OF_NO_BUSINESS
    ]


def rights_above_the_walls(connection: Connection[Any], role: str) -> Iterator[str]:
    """What a role of ours has and should not, in words. The owner owns the tables, and nobody else does."""
    row = connection.execute(_RIGHTS, [role]).fetchone()
    if row is None:
        yield "does not exist"
        return
    for words, has in zip(_IN_WORDS, row, strict=True):
        if has and not (words == "owns tables" and role == OWNER):
            yield words
