"""The plainest endpoint that keeps what it is told: Starlette, the same driver, one durable INSERT. No sign-in, no tenancy, no log.

What `benchmarks.actions` holds the product's own answers against.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_URL = os.environ.get("BARE_DATABASE_URL", "")
_TABLE = (
    "CREATE TABLE IF NOT EXISTS bare_wish (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, wish jsonb NOT NULL)"
)
_SQL = "INSERT INTO bare_wish (wish) VALUES (%s) RETURNING id"


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with AsyncConnectionPool(_URL, min_size=4, max_size=10, kwargs={"autocommit": True}) as pool:
        async with pool.connection() as connection:
            await connection.execute(_TABLE)
        app.state.pool = pool
        yield


async def keep(request: Request) -> Response:
    wish = (await request.body()).decode()
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(_SQL, (wish,))
        (number,) = await cursor.fetchone()
    return Response(f'{{"id":{number}}}', 202, media_type="application/json")


app = Starlette(routes=[Route("/wishes", keep, methods=["POST"])], lifespan=_lifespan)
