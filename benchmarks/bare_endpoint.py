"""The plainest endpoint that answers the same 50 bills: Starlette, the same driver, the same SQL, rows straight to JSON.

No sign-in, no tenancy, no freshness. What `benchmarks.fresh_read` holds the product's own answer against. It has several connections:
on one its clients would wait for each other, which on a slow machine is most of their time.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra import exact_json

_URL = os.environ.get("BARE_DATABASE_URL", "")
_BUSINESS = os.environ.get("BARE_BUSINESS_ID", "")
_CONNECTIONS = 4

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
    async with AsyncExitStack() as stack:
        app.state.free = asyncio.Queue()
        for _ in range(_CONNECTIONS):
            connection = await psycopg.AsyncConnection.connect(_URL, autocommit=True)
            app.state.free.put_nowait(await stack.enter_async_context(connection))
        yield


async def bills(request: Request) -> Response:
    free: asyncio.Queue[psycopg.AsyncConnection] = request.app.state.free
    connection = await free.get()
    try:
        cursor = await connection.execute(SQL, (_BUSINESS,))
    finally:
        free.put_nowait(connection)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in await cursor.fetchall()]
    return Response(exact_json.dumps({"data": rows[:50]}), media_type="application/json")


app = Starlette(routes=[Route("/bills", bills)], lifespan=_lifespan)
