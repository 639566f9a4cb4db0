from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from domains.core.access_service import Entry, Person
from domains.core.errors import NotFirmAdmin
from domains.core.firm_service import FirmService
from domains.core.models import DEFAULT_TIME_ZONE, Business
from domains.core.permissions import MAY, Permission, Role
from runway.routes.access import AllServices
from runway.routes.answers import Amount
from runway.routes.asked import Strict
from runway.routes.documentation import documented
from runway.routes.doors import AdminOfFirm, Recognised

router = APIRouter(prefix="/api/v1/businesses", tags=["people"])


def _must_be_known(zone: str) -> str:
    if zone not in available_timezones():
        raise PydanticCustomError("time_zone", "Input should be an IANA time zone, such as America/New_York")
    return zone


class BusinessOut(BaseModel):
    id: UUID = Field(description="Send it as `X-Business-ID`.")
    name: str
    firm_id: UUID | None = Field(description="The firm that keeps its books, if one does.")
    home_currency: str = Field(examples=["USD"])
    time_zone: str
    created_at: datetime
    role: Role | None = Field(description="Yours there; null for a service's token.")
    permissions: list[Permission] = Field(description="What you may do there, with what you signed in with.")
    approval_limit: Amount | None = Field(description="Yours, in home currency; null is no limit.")

    @classmethod
    def of(cls, entry: Entry) -> "BusinessOut":
        business = entry.business
        return cls(
            id=business.id,
            name=business.name,
            firm_id=business.firm_id,
            home_currency=business.home_currency,
            time_zone=business.time_zone,
            created_at=business.created_at,
            role=entry.role,
            permissions=sorted(entry.permissions),
            approval_limit=entry.approval_limit,
        )


class BusinessesAnswer(BaseModel):
    data: list[BusinessOut]


class BusinessAnswer(BaseModel):
    data: BusinessOut


class NewBusiness(Strict):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    home_currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217.")
    time_zone: Annotated[str, AfterValidator(_must_be_known)] = Field(
        default=DEFAULT_TIME_ZONE, max_length=64, description="IANA name; it decides what today is."
    )
    firm_id: UUID | None = Field(default=None, description="Needed where you are an admin of several firms.")


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "name": "Corner Bakery",
    "firm_id": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "home_currency": "USD",
    "time_zone": "America/Los_Angeles",
    "created_at": "2026-03-15T18:55:00Z",
    "role": "firm_admin",
    "permissions": sorted(permission.value for permission in MAY[Role.FIRM_ADMIN]),
    "approval_limit": None,
}


@router.get("", summary="The businesses that you may enter", responses=documented({"data": [_EXAMPLE]}))
async def list_businesses(guest: Recognised, services: AllServices) -> BusinessesAnswer:
    """Every business of whoever calls, by name, with their role there. It takes no `X-Business-ID`."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    return BusinessesAnswer(data=[BusinessOut.of(entry) for entry in entries])


@router.post(
    "",
    summary="Add a business to your firm",
    status_code=HTTPStatus.CREATED,
    responses=documented({"data": _EXAMPLE}, status=HTTPStatus.CREATED),
)
async def create_business(guest: AdminOfFirm, services: AllServices, wanted: NewBusiness) -> BusinessAnswer:
    """For an admin of a firm who is signed in. Every admin of the firm may enter it at once; QuickBooks is connected next."""
    firms, admin = FirmService(services.businesses), guest.principal
    if not isinstance(admin, Person):
        raise NotFirmAdmin
    async with services.access_uow([]) as uow:
        firm = await firms.firm_of_admin(uow.session, admin.user_id, firm_id=wanted.firm_id)
        business: Business = await firms.create_business(
            uow.session,
            wanted.name,
            firm_id=firm.id,
            home_currency=wanted.home_currency,
            time_zone=wanted.time_zone,
            origin=guest.origin,
            now=services.clock.now(),
        )
    entry = Entry(admin, business, Role.FIRM_ADMIN, MAY[Role.FIRM_ADMIN], None)
    return BusinessAnswer(data=BusinessOut.of(entry))
