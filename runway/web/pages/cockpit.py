"""A client's cockpit: the week's five figures, the 13 weeks ahead, what to do next."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.web.clients import PREFIX, ReadsBooks
from runway.web.page_route import PageRoute
from runway.web.rendering import render_client

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=PageRoute)

# The mirror at once: a refresh that it sets off is shown when it lands.
AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)


@router.get("")
async def show_cockpit(request: Request, client: ReadsBooks) -> Response:
    fetched = await client.services.outlook.get_with_capital(freshness=AT_ONCE)
    return render_client(request, client, "cockpit/page.html", here="cockpit", freshness=fetched.freshness)
