"""JSON that goes to the database in the octets it has: through a `str` each page would be decoded and encoded once more."""

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format


class CanonicalJSON(bytes):
    """UTF-8 of `infra.exact_json.dumps`; a parameter of type json."""

    __slots__ = ()


class _AsJSON(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["json"].oid

    def dump(self, obj: CanonicalJSON) -> bytes:
        return obj


psycopg.adapters.register_dumper(CanonicalJSON, _AsJSON)
