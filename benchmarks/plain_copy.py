"""The plainest way to put the same rows into PostgreSQL: COPY into a bare table, no key, no index, no log, no policy."""

from hashlib import blake2b
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.dialects import postgresql

from benchmarks.rig import plain_url
from infra import exact_json
from infra.ids import new_id
from infra.sync.spec import AnySpec, Delivery, RailRecord

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialect factories untyped
_NAME = "bare_rows"


class BareTable:
    """The mirror's columns, its payload as text. Rows are made ready outside the clock."""

    def __init__(self, owner_url: str, spec: AnySpec) -> None:
        self._spec = spec
        columns = [column for column in spec.mirror.__table__.columns if column.computed is None]
        self._columns = {column.name: column.type.compile(dialect=_DIALECT) for column in columns}
        self._columns["payload"] = "text"
        plain = plain_url(owner_url)
        self._connection = psycopg.connect(plain)
        self._create()
        names = sql.SQL(", ").join(map(sql.Identifier, self._columns))
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(_NAME), names)

    def copy(self, delivery: Delivery) -> float:
        """Copy a page and commit; the seconds it took."""
        rows = [self._row(record, delivery) for record in delivery.records]
        started = perf_counter()
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            for row in rows:
                copy.write_row(row)
        self._connection.commit()
        return perf_counter() - started

    def empty(self) -> None:
        self._connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(_NAME)))
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()

    def _create(self) -> None:
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in self._columns.items()
        )
        self._connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(_NAME), columns))
        self._connection.commit()

    def _row(self, record: RailRecord, delivery: Delivery) -> list[Any]:
        own = SimpleNamespace()
        self._spec.fill(own, self._spec.wire.model_validate(record.payload))
        text = exact_json.dumps(record.payload)
        shared = {
            "business_id": delivery.business_id,
            "id": new_id(),
            "rail": self._spec.rail.value,
            "external_id": record.external_id,
            "payload": text.decode(),
            "payload_hash": blake2b(text, digest_size=16).digest(),
            "rail_version": record.version,
            "rail_updated_at": record.updated_at,
            "version": 1,
            "synced_at": delivery.fetched_at,
        }
        values = vars(own) | shared
        return [values.get(name) for name in self._columns]
