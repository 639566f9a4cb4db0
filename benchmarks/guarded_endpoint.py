"""The bare endpoint with the product's other questions: who holds the token, whose rows may be seen, how fresh the mirrors are.

The product's own statements in its own two round trips, and nothing is made of what they answer. It is what a read costs that asks the
database for all of that each time, however little else it does.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.bare_endpoint import COLUMNS, SQL
from domains.ap.mirrors import BILLS_FROM_QBO, VENDORS_FROM_QBO
from domains.core.access_queries import OPENED_BY_TOKEN
from domains.core.secrets import hash_of
from infra import exact_json
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.tenancy import as_array
from infra.garbage import WHILE_ANSWERING, long_lived
from infra.sync.runs import STATE_LINES

_ACCESS_URL = os.environ.get("GUARDED_ACCESS_URL", "")
_APP_URL = os.environ.get("GUARDED_APP_URL", "")
_BUSINESS = os.environ.get("BARE_BUSINESS_ID", "")
_TOKEN = os.environ.get("GUARDED_TOKEN", "")
_SET_BUSINESSES = "SELECT set_config('app.business_ids', %s, true)"
_ENTITIES = [BILLS_FROM_QBO.entity, VENDORS_FROM_QBO.entity]
_POOLED = 4


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:

        async def connect(url: str) -> psycopg.AsyncConnection:
            return await stack.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True))

        app.state.access = await connect(_ACCESS_URL)
        app.state.pool = asyncio.Queue()  # a pipeline has its connection to itself
        for _ in range(_POOLED):
            app.state.pool.put_nowait(await connect(_APP_URL))
        with long_lived(WHILE_ANSWERING):
            yield


async def bills(request: Request) -> Response:
    access: psycopg.AsyncConnection = request.app.state.access
    pool: asyncio.Queue[psycopg.AsyncConnection] = request.app.state.pool
    business_id = UUID(_BUSINESS)
    holder = OPENED_BY_TOKEN.with_(token_hash=hash_of(_TOKEN), now=SystemClock().now(), business_id=None)
    lines = STATE_LINES.with_(business_id=business_id, rail=Rail.QBO.value, entities=_ENTITIES)
    held = await (await access.execute(holder.sql, holder.values)).fetchall()
    connection = await pool.get()
    try:
        async with connection.pipeline():
            await connection.execute(_SET_BUSINESSES, (as_array([business_id]),))
            states = await connection.execute(lines.sql, lines.values)
            found = await connection.execute(SQL, (_BUSINESS,))
        fresh, rows = await states.fetchall(), await found.fetchall()
    finally:
        pool.put_nowait(connection)
    assert held
    assert fresh
    shown = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return Response(exact_json.dumps({"data": shown[:50]}), media_type="application/json")


app = Starlette(routes=[Route("/bills", bills)], lifespan=_lifespan)
