"""Doors before a business: open to whoever is recognised, or to a firm's admins. Each route names its own, as others name a permission."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Person, TokenHolder
from domains.core.errors import NotFirmAdmin, TokenUnknown
from domains.core.firm_service import FirmService
from runway.routes.access import AllServices, SignInNeeded, is_use_to_note, note_refusal, note_use, origin_of
from runway.routes.request_proofs import CSRF_HEADER, bearer_token, refuse_foreign, services_of, session_token

P = TypeVar("P", bound=Callable[..., Awaitable[Any]])


class Door(StrEnum):
    RECOGNISED = "recognised"  # whoever has a living session or token; it tells them of themselves alone
    SIGNED_IN = "signed_in"  # a person at a browser; the page tells them of themselves alone
    METRICS = "metrics"  # whoever holds OODALOO_METRICS_TOKEN; it shows sums over all businesses, and no business
    FIRM_ADMIN = "firm_admin"  # a person who is signed in, a firm's admin, and has a second factor


@dataclass(frozen=True)
class Guest:
    """Whoever calls, in no business yet."""

    principal: Person | TokenHolder
    origin: Origin


def is_door(door: Door) -> Callable[[P], P]:
    def mark(dependency: P) -> P:
        dependency.door = door  # type: ignore[attr-defined]  # what the test of every route looks for
        return dependency

    return mark


async def recognise(request: Request) -> Guest:
    """Who calls, whatever they belong to.

    Raises:
        SignInNeeded, TokenUnknown, SessionUnknown: 401.
        ForeignRequest: a cookie alone does not prove where an unsafe request comes from.
    """
    services = services_of(request)
    now, session, token = services.clock.now(), session_token(request), bearer_token(request)
    principal: Person | TokenHolder
    try:
        if token is not None:
            async with services.access_uow([]) as uow:
                principal = await services.access.find_holder(uow.session, token, now=now)
        elif session is not None:
            refuse_foreign(request, sent=request.headers.get(CSRF_HEADER))
            principal = await services.access.find_person(services.access_reads, session, now=now)
        else:
            raise SignInNeeded
    except TokenUnknown as error:
        await note_refusal(request, error, asked=None)
        raise
    if is_use_to_note(request, principal):
        async with services.access_uow([]) as uow:
            await note_use(uow.session, request, principal, business_id=None)
    return Guest(principal, origin_of(request, principal.actor))


@is_door(Door.RECOGNISED)
async def recognised(guest: Annotated[Guest, Depends(recognise)]) -> Guest:
    return guest


@is_door(Door.FIRM_ADMIN)
async def firm_admin(request: Request, services: AllServices, guest: Annotated[Guest, Depends(recognise)]) -> Guest:
    """A token is of businesses, so it opens nothing of a firm.

    Raises:
        NotFirmAdmin: a token, one who is no firm's admin, or has no second factor; it is logged.
    """
    person = guest.principal
    async with services.access_uow([]) as uow:
        firms = FirmService(services.businesses)
        if (
            isinstance(person, Person)
            and not person.lacks_second_factor
            and await firms.list_of_admin(uow.session, person.user_id)
        ):
            return guest
        await access_log.note(
            uow.session,
            AccessEvent.PERMISSION_REFUSED,
            origin=guest.origin,
            user_id=person.user_id,
            details={"permission": Door.FIRM_ADMIN.value, "method": request.method, "path": request.url.path},
        )
    raise NotFirmAdmin


Recognised = Annotated[Guest, Depends(recognised)]
AdminOfFirm = Annotated[Guest, Depends(firm_admin)]
