"""The plainest endpoint that answers the same 50 bills: Starlette, the same driver, the same SQL, rows straight to JSON.

No sign-in, no tenancy, no freshness. What `benchmarks.fresh_read` holds the product's own answer against.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra import exact_json

_URL = os.environ.get("BARE_DATABASE_URL", "")
_BUSINESS = os.environ.get("BARE_BUSINESS_ID", "")

# What `GET /bills` selects, the columns it shows.
COLUMNS = (
    "id", "rail", "external_id", "doc_number", "issued_on", "due_on", "total", "balance", "currency", "exchange_rate",
    "terms_external_id", "memo", "version", "vendor_external_id", "vendor_name",
)  # fmt: skip
SQL = f"""
SELECT {", ".join(COLUMNS)} FROM bill
WHERE business_id = %s AND deleted_at IS NULL AND balance <> 0 AND due_on IS NOT NULL
ORDER BY due_on, id LIMIT 51
"""  # noqa: S608  # the words are ours


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.connection = await psycopg.AsyncConnection.connect(_URL, autocommit=True)
    yield
    await app.state.connection.close()


async def bills(request: Request) -> Response:
    connection: psycopg.AsyncConnection = request.app.state.connection
    cursor = await connection.execute(SQL, (_BUSINESS,))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in await cursor.fetchall()]
    return Response(exact_json.dumps({"data": rows[:50]}), media_type="application/json")


app = Starlette(routes=[Route("/bills", bills)], lifespan=_lifespan)
