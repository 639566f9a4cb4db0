"""Who calls: the business that the request's token opens."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domains.core.api_tokens import ApiTokens
from domains.core.models import Business
from infra.clock import Clock
from infra.errors import NotFound, Unauthenticated
from runway.routes.edge import bind_business
from runway.wiring import BusinessServices, Services

_bearer = HTTPBearer(
    scheme_name="token",
    bearerFormat="oo_…",
    auto_error=False,
    description="A token of one business: `Authorization: Bearer oo_…`. `oodaloo token create` makes one.",
)


class TokenNeeded(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("Send a token as `Authorization: Bearer oo_…`.")


class TokenUnknown(Unauthenticated):
    """Unknown, expired or revoked: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("This token is not valid, or not any more.")


class BusinessOutOfReach(NotFound):
    """There is none of that id, or the token does not open it: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("There is no such business for this token.")


@dataclass(frozen=True)
class Caller:
    """One business and its services."""

    business: Business
    services: BusinessServices
    clock: Clock

    @property
    def today(self) -> date:
        """The company's date."""
        return self.services.sync.today()

    def date_of(self, instant: datetime) -> date:
        """The company's date at an instant."""
        return instant.astimezone(ZoneInfo(self.business.time_zone)).date()

    @property
    def home_currency(self) -> str:
        return self.business.home_currency


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


AllServices = Annotated[Services, Depends(services_of)]


async def caller_of(
    services: AllServices,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    x_business_id: Annotated[
        str | None, Header(description="May name the token's own business; any other is not found.")
    ] = None,
) -> Caller:
    """Recognise the token and bind its business.

    Raises:
        TokenNeeded, TokenUnknown: 401.
        BusinessOutOfReach: `X-Business-ID` names another business.
    """
    if credentials is None:
        raise TokenNeeded
    business = await _business_of(services, credentials.credentials)
    if x_business_id is not None and x_business_id.strip().lower() != str(business.id):
        raise BusinessOutOfReach
    bind_business(business.id)
    return Caller(business=business, services=services.of(business), clock=services.clock)


async def _business_of(services: Services, token: str) -> Business:
    tokens, now = ApiTokens(), services.clock.now()
    async with services.uow([]) as uow:
        business_id = await tokens.find_business_for_token(uow.session, token, now=now)
        if business_id is None:
            raise TokenUnknown
        await tokens.note_use(uow.session, token, now=now)
        return await services.businesses.get_business(uow.session, business_id)


SignedIn = Annotated[Caller, Depends(caller_of)]
