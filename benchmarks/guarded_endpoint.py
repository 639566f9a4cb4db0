"""The bare endpoint with the product's other questions: who holds the token, whose rows may be seen, how fresh the mirrors are.

The product's own statements in its own two round trips, and nothing is made of what they answer. It is what a read costs that asks the
database for all of that each time, however little else it does.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

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
from infra.db.reads import Read, Reads
from infra.garbage import WHILE_ANSWERING, long_lived
from infra.sync.runs import STATE_LINES

_ACCESS_URL = os.environ.get("GUARDED_ACCESS_URL", "")
_APP_URL = os.environ.get("GUARDED_APP_URL", "")
_BUSINESS = os.environ.get("BARE_BUSINESS_ID", "")
_TOKEN = os.environ.get("GUARDED_TOKEN", "")
_ENTITIES = [BILLS_FROM_QBO.entity, VENDORS_FROM_QBO.entity]
_POOLED = 4


def _row(*values: object) -> tuple[object, ...]:
    return values


_BILLS = Read(SQL.replace("%s", "%(business_id)s"), {"business_id": _BUSINESS}, _row)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.access, app.state.books = Reads(_ACCESS_URL, pool_size=_POOLED), Reads(_APP_URL, pool_size=_POOLED)
    with long_lived(WHILE_ANSWERING):
        yield
    for reads in (app.state.access, app.state.books):
        await reads.close()


async def bills(request: Request) -> Response:
    business_id = UUID(_BUSINESS)
    holder = OPENED_BY_TOKEN.with_(token_hash=hash_of(_TOKEN), now=SystemClock().now(), business_id=None)
    lines = STATE_LINES.with_(business_id=business_id, rail=Rail.QBO.value, entities=_ENTITIES)
    held = await request.app.state.access.one(holder)
    fresh, rows = await request.app.state.books.of([business_id], lines, _BILLS)
    assert held
    assert fresh
    shown = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return Response(exact_json.dumps({"data": shown[:50]}), media_type="application/json")


app = Starlette(routes=[Route("/bills", bills)], lifespan=_lifespan)
