"""The SQL of mirror_store, written once for each mirror table from its columns."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy.dialects import postgresql

from infra.sync.shapes import MirrorRow, filled_columns

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialect factories untyped

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

# One probe of the unique key an object. LATERAL, and no condition on deleted_at inside: while statistics are young the planner
# takes "deleted_at IS NULL" for rare and reads a whole business by a partial index.
# One row of arrays: a thousand rows of a kilobyte come in as many small reads, each a turn of the event loop.
_HELD = """
SELECT array_agg(asked.external_id), {asked_for}
FROM unnest(%(external_id)b::text[]) AS asked (external_id)
CROSS JOIN LATERAL (
  SELECT id, payload, payload_hash, deleted_at FROM {mirror}
  WHERE business_id = %(business_id)s AND rail = %(rail)s AND external_id = asked.external_id
  OFFSET 0
) AS held
"""
_STATES = "array_agg(held.id), array_agg(held.payload_hash), array_agg(held.deleted_at IS NOT NULL)"
_PAYLOADS = "array_agg(held.payload::text)"

# The domain's own columns come as one JSON document: the driver takes five times as long to put together an array for each.
_PAGE = """
page AS MATERIALIZED (
  SELECT * FROM ROWS FROM (
    unnest(
      %(id)b::uuid[], %(external_id)b::text[], %(payload)b::json[], %(payload_hash)b::bytea[], %(rail_version)b::bigint[],
      %(rail_updated_at)b::timestamptz[]{changes_array}
    ),
    json_to_recordset(%(own)b::json) AS ({own_kinds})
  ) AS page (id, external_id, payload, payload_hash, rail_version, rail_updated_at{changes_name}{own_names})
)"""

_LOG_COLUMNS = """
  (business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes)"""

_COUNTED = "SELECT transaction_type, count(*) FROM logged GROUP BY transaction_type"

_INSERT = """
WITH {page},
stored AS (
  INSERT INTO {mirror}
    (business_id, rail, version, synced_at, id, external_id, payload, payload_hash, rail_version, rail_updated_at{own_names})
  SELECT %(business_id)s, %(rail)s, 1, {synced_at},
    id, external_id, payload, payload_hash, rail_version, rail_updated_at{own_names}
  FROM page
),
logged AS (
  INSERT INTO {mirror}_transaction_log{log_columns}
  SELECT %(business_id)s, id, 1, 'created', %(source)s, %(actor)s, %(request_id)s, payload, '{{}}' FROM page
  RETURNING transaction_type
)
{counted}"""

# By the database's clock at the latest: a process whose own goes ahead would shut out what others read after it.
_SYNCED_AT = "least(%(synced_at)s, clock_timestamp())"

# An older delivery changes nothing: a lower rail version; the same with an older time; both equal, and fetched earlier.
# A deleted object comes back only with a later time than its deletion's, whatever its version: a deletion carries none. Or when
# it was read by its id after the deletion was believed.
_IS_NEWER = """
CASE
  WHEN m.deleted_at IS NOT NULL
    THEN excluded.rail_updated_at > m.rail_updated_at OR (%(are_proved)s AND excluded.synced_at > m.synced_at)
  WHEN coalesce(excluded.rail_version, -1) <> coalesce(m.rail_version, -1)
    THEN coalesce(excluded.rail_version, -1) > coalesce(m.rail_version, -1)
  WHEN excluded.rail_updated_at <> m.rail_updated_at THEN excluded.rail_updated_at > m.rail_updated_at
  ELSE excluded.synced_at > m.synced_at
END
"""

# ON CONFLICT where a plain UPDATE would say the same: it always finds its row by the unique key. An UPDATE joins the page with the
# mirror, and the planner may read the whole business for each object.
_UPDATE = """
WITH {page_with_changes},
stored AS (
  INSERT INTO {mirror} AS m
    (business_id, rail, version, synced_at, id, external_id, payload, payload_hash, rail_version, rail_updated_at{own_names})
  SELECT %(business_id)s, %(rail)s, 1, {synced_at},
    id, external_id, payload, payload_hash, rail_version, rail_updated_at{own_names}
  FROM page
  ON CONFLICT (business_id, rail, external_id) DO UPDATE SET
    version = m.version + 1, synced_at = excluded.synced_at, deleted_at = NULL, payload = excluded.payload,
    payload_hash = excluded.payload_hash, rail_version = excluded.rail_version, rail_updated_at = excluded.rail_updated_at
    {own_updates}
  WHERE {is_newer}
  RETURNING new.id, new.version, old.deleted_at AS was_deleted_at
),
logged AS (
  INSERT INTO {mirror}_transaction_log{log_columns}
  SELECT %(business_id)s, id, version, CASE WHEN was_deleted_at IS NULL THEN 'updated' ELSE 'restored' END,
    %(source)s, %(actor)s, %(request_id)s, payload,
    CASE WHEN was_deleted_at IS NULL THEN changes
      ELSE ({restored})::json END
  FROM stored JOIN page USING (id)
  RETURNING transaction_type
)
{counted}"""

# As text: a cast to jsonb would refuse what json keeps, the character zero.
_RESTORED = """
CASE changes::text WHEN '{}' THEN '{' ELSE left(changes::text, -1) || ',' END
  || '"deleted_at":' || json_build_array(was_deleted_at, NULL) || '}'
"""

_DELETE = """
WITH stored AS (
  UPDATE {mirror} AS m
  SET version = m.version + 1, synced_at = {synced_at}, deleted_at = d.rail_updated_at, rail_updated_at = d.rail_updated_at
  FROM unnest(%(external_id)b::text[], %(rail_updated_at)b::timestamptz[]) AS d (external_id, rail_updated_at)
  WHERE m.business_id = %(business_id)s AND m.rail = %(rail)s AND m.external_id = d.external_id
    AND m.deleted_at IS NULL AND d.rail_updated_at >= m.rail_updated_at
  RETURNING new.id, new.version, new.payload, new.deleted_at
),
logged AS (
  INSERT INTO {mirror}_transaction_log{log_columns}
  SELECT %(business_id)s, id, version, 'deleted', %(source)s, %(actor)s, %(request_id)s, payload,
    json_build_object('deleted_at', json_build_array(NULL, deleted_at))
  FROM stored
  RETURNING transaction_type
)
{counted}"""


# What happened to an object without changing it takes the next version, too: the log has no place beside it.
_EVENT = """
WITH told AS (
  UPDATE {mirror} AS m SET version = m.version + 1
  WHERE m.business_id = %(business_id)s AND m.rail = %(rail)s AND m.id = %(entity_id)s
  RETURNING new.id, new.version, new.payload
)
INSERT INTO {mirror}_transaction_log{log_columns}
SELECT %(business_id)s, id, version, %(event)s, %(source)s, %(actor)s, %(request_id)s, payload, %(details)s::json
FROM told
RETURNING version
"""


@dataclass(frozen=True)
class StoreStatements:
    """The domain's own columns are the parameter `own`: a JSON array with one object a row."""

    lock: str
    held_states: str
    held_payloads: str
    insert: str
    update: str
    delete: str
    event: str


@cache
def statements_for(mirror: type[MirrorRow]) -> StoreStatements:
    own = {column.name: column.type.compile(dialect=_DIALECT) for column in filled_columns(mirror)}
    names = "".join(f", {name}" for name in own)
    own_parts = {"own_names": names, "own_kinds": ", ".join(f"{name} {kind}" for name, kind in own.items())}
    parts = {
        "mirror": mirror.__tablename__,
        "log_columns": _LOG_COLUMNS,
        "page": _PAGE.format(**own_parts, changes_name="", changes_array=""),
        "page_with_changes": _PAGE.format(**own_parts, changes_name=", changes", changes_array=", %(changes)b::json[]"),
        "own_names": names,
        "own_updates": "".join(f", {name} = excluded.{name}" for name in own),
        "is_newer": _IS_NEWER,
        "restored": _RESTORED,
        "synced_at": _SYNCED_AT,
        "counted": _COUNTED,
    }
    return StoreStatements(
        lock=_LOCK,
        held_states=_HELD.format(**parts, asked_for=_STATES),
        held_payloads=_HELD.format(**parts, asked_for=_PAYLOADS),
        insert=_INSERT.format(**parts),
        update=_UPDATE.format(**parts),
        delete=_DELETE.format(**parts),
        event=_EVENT.format(**parts),
    )
