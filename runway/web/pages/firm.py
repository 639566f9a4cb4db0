"""The firms that a person is an admin of: the businesses they keep, and a new one."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from domains.core.firm_service import FirmService
from domains.core.models import DEFAULT_TIME_ZONE
from domains.core.permissions import Role
from infra.errors import OodalooError
from runway.routes.access import AllServices
from runway.routes.businesses import NewBusiness, create_business
from runway.routes.doors import Door, Guest, firm_admin, is_door
from runway.services import Services
from runway.web.forms import Typed, errors_of_refusal, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render
from runway.web.visits import SignedInPerson, Visit, signed_in

router = APIRouter(prefix="/firm", include_in_schema=False, route_class=PageRoute)

_NOTHING, _CURRENCY = Typed({}), "USD"
# Most of the firms that use it are there; any IANA name may be typed.
_ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage",
    "Pacific/Honolulu", "America/Toronto", "America/Vancouver", "Europe/London", "Australia/Sydney",
)  # fmt: skip


@is_door(Door.FIRM_ADMIN)
async def admin_visit(request: Request, services: AllServices, csrf: Annotated[str, Form()] = "") -> Visit:
    """As REST's door, of a form.

    Raises:
        SessionUnknown, ForeignRequest: as `signed_in`.
        NotFirmAdmin: they are no firm's admin, or have no second factor; it is logged.
    """
    visit = await signed_in(request, csrf)
    await firm_admin(request, services, Guest(visit.person, visit.origin))
    return visit


@router.get("")
async def show_firm(request: Request, services: AllServices, visit: SignedInPerson) -> Response:
    return await _page(request, services, visit)


@router.post("/businesses")
async def add_business(
    request: Request, services: AllServices, visit: Annotated[Visit, Depends(admin_visit)]
) -> Response:
    """Then the person goes on to what a new business needs."""
    typed = await typed_form(request)
    form = read(NewBusiness, typed)
    if form.wanted is None:
        return await _page(request, services, visit, typed=typed, errors=form.errors)
    try:
        made = await create_business(Guest(visit.person, visit.origin), services, form.wanted)
    except OodalooError as error:
        return await _page(request, services, visit, typed=typed, errors=errors_of_refusal(error))
    return go_to(f"/c/{made.data.id}/start")


async def _page(
    request: Request, services: Services, visit: Visit, *, typed: Typed = _NOTHING, **values: Any
) -> Response:
    async with services.access_uow([]) as uow:
        firms = await FirmService(services.businesses).list_of_admin(uow.session, visit.person.user_id)
        entries = await services.access.list_entries(uow.session, visit.person)
    kept = {
        firm.id: [one.business for one in entries if one.business.firm_id == firm.id and one.role is Role.FIRM_ADMIN]
        for firm in firms
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if values.get("errors") else HTTPStatus.OK
    return render(
        request,
        "firm/page.html",
        status=status,
        person=visit.person,
        csrf=visit.csrf,
        firms=firms,
        kept=kept,
        zones=_ZONES,
        default_zone=DEFAULT_TIME_ZONE,
        default_currency=_CURRENCY,
        typed=typed,
        **values,
    )
