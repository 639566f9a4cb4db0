"""All clients of a person, the worst first."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from runway.routes.access import AllServices
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render
from runway.web.visits import SignedInPerson

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def show_portfolio(request: Request, services: AllServices, visit: SignedInPerson) -> Response:
    """Who has one client is taken to it."""
    async with services.access_uow([]) as uow:
        businesses = await services.access.list_businesses(uow.session, visit.person.user_id)
    if len(businesses) == 1:
        return go_to(f"/c/{businesses[0][0].id}")
    return render(request, "portfolio/page.html", person=visit.person, csrf=visit.csrf, businesses=businesses)
