"""The way through the tour, and out of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from domains.core.permissions import Permission
from runway.routes.access import AllServices
from runway.web.page_route import PageRoute, came_from
from runway.web.rendering import go_to
from runway.web.tour import STOPS, keep_seen, path_of
from runway.web.visits import SignedInPerson

router = APIRouter(prefix="/tour", include_in_schema=False, route_class=PageRoute)


@router.post("/end")
async def end_tour(request: Request, visit: SignedInPerson) -> Response:  # noqa: ARG001  # whoever is signed in may
    """Back to the page without the tour; this browser is not asked again."""
    response = go_to(came_from(request).partition("?")[0])
    keep_seen(response)
    return response


@router.get("/{number}")
async def go_on(
    services: AllServices,
    visit: SignedInPerson,
    number: Annotated[int, Path(ge=1, le=len(STOPS))],
    client: UUID | None = None,
) -> Response:
    """To the page of that stop, in the client that was open, or else in the person's first that tells the most."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, visit.person)
    all_told = {one.business.id: Permission.AUDIT_READ in one.permissions for one in entries}
    chosen = client if client in all_told else max(all_told, key=lambda one: all_told[one], default=None)
    stop = STOPS[number - 1]
    if chosen is not None and stop.path == "/audit" and not all_told[chosen]:
        number += 1  # their role does not open it
    return go_to(path_of(number, chosen))
