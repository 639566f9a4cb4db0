"""What the database holds, in few words: enough to see that anything was changed, and whose."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

Fingerprint = dict[tuple[str, UUID | None], tuple[int, int]]

# What any request may write: that it came. And what refreshing the books writes, by itself and at any time.
_NOT_LOOKED_AT = frozenset(
    {
        "access_log", "api_token_use", "alembic_version", "log_batch", "log_checkpoint", "sync_state", "sync_run", "sync_cache", "kept_forecast",
        "refresh_lease", "business_activity", "rail_call_count", "quarantined_object",
    }
)  # fmt: skip
# A form that is shown again, with what was wrong in it, shows figures: these keep what was reckoned for them.
KEPT_WHEN_SHOWN = frozenset({"kept_week", "kept_tray", "seen_figures"})
# A use is noted in these rows, so what counts of them is whether one came, went or ended.
_ENDS = {"api_token": "revoked_at", "user_session": "ended_at"}


class Traces:
    def __init__(self, root: Connection[Any]) -> None:
        self._root = root
        rows = root.execute("""
            SELECT c.relname, bool_or(a.attname = 'business_id') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 GROUP BY c.relname
        """).fetchall()
        looked_at = [(table, has_business) for table, has_business in rows if table not in _NOT_LOOKED_AT]
        sums = [_sums(table, has_business) for table, has_business in looked_at]
        self._query = sql.SQL(" UNION ALL ").join(sums).as_bytes(root)  # put together once

    def take(self) -> Fingerprint:
        """Rows, and the sum of the transactions that last wrote each, by table and business."""
        rows = self._root.execute(self._query, prepare=True).fetchall()
        return {(table, business): (count, int(total)) for table, business, count, total in rows}


def difference(before: Fingerprint, after: Fingerprint) -> Sequence[tuple[str, UUID | None]]:
    return sorted({key for key, _ in before.items() ^ after.items()}, key=str)


def _sums(table: str, has_business: bool) -> sql.Composed:  # noqa: FBT001  # a row of the catalog
    business = sql.SQL("business_id" if has_business else "id" if table == "business" else "NULL::uuid")
    total = (
        sql.SQL("count({})").format(sql.Identifier(_ENDS[table]))
        if table in _ENDS
        else sql.SQL("coalesce(sum(xmin::text::bigint), 0)")
    )
    return sql.SQL("SELECT {}, {}, count(*), {} FROM {} GROUP BY 2").format(
        sql.Literal(table), business, total, sql.Identifier(table)
    )
