"""Who calls, for which business, and whether they may: the one dependency that every route of a business declares."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Entry, Person, TokenHolder
from domains.core.errors import BusinessOutOfReach, NotPermitted, TokenUnknown
from domains.core.models import Business
from domains.core.permissions import FRESHLY_PROVED, Permission
from domains.core.sign_in_errors import ProofTooOld, SecondFactorMissing
from infra.clock import Clock
from infra.errors import OodalooError, Unauthenticated
from runway.business_services import BusinessServices
from runway.routes.edge import bind_business
from runway.routes.request_proofs import (
    CSRF_HEADER,
    SAFE_METHODS,
    bearer_token,
    refuse_foreign,
    services_of,
    session_token,
)
from runway.services import Services

_LONGEST_ID = 64
_MOST_USES_KEPT = 10_000  # forgetting one costs a statement

BUSINESS_IN_PATH = "business_id"  # a path that names the business leaves nothing to choose
BUSINESS_HEADER = "X-Business-ID"


class SignInNeeded(Unauthenticated):
    def __init__(self) -> None:
        super().__init__("Send a token as `Authorization: Bearer oo_…`, or sign in.")


@dataclass(frozen=True)
class Caller:
    """Whoever calls, in one business, with its services."""

    entry: Entry
    origin: Origin
    process: Services

    @cached_property
    def services(self) -> BusinessServices:
        """Made when asked for: what concerns people needs no rail.

        Raises:
            RailNotEnabled: `OODALOO_RAILS` does not name the rail of the books.
        """
        return self.process.of(self.business)

    @property
    def business(self) -> Business:
        return self.entry.business

    @property
    def clock(self) -> Clock:
        return self.process.clock

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


async def _services(request: Request) -> Services:
    """Async, or FastAPI would call it in a thread."""
    return services_of(request)


AllServices = Annotated[Services, Depends(_services)]


async def entry_of(request: Request) -> Entry:
    """Recognise the caller and the business, once a request.

    It reads the headers itself: each parameter of a dependency costs every request as much as a tenth of its SQL.
    `documentation.describe` tells of them.

    Raises:
        SignInNeeded, TokenUnknown, SessionUnknown: 401.
        BusinessOutOfReach: the caller does not belong to the business that `X-Business-ID` names.
        BusinessNotNamed: they have several and named none.
        ForeignRequest: a cookie alone does not prove where an unsafe request comes from.
    """
    known: Entry | None = getattr(request.state, "entry", None)
    if known is not None:
        return known
    services = services_of(request)
    now, token = services.clock.now(), bearer_token(request)
    named = request.path_params.get(BUSINESS_IN_PATH) or request.headers.get(BUSINESS_HEADER)
    asked = None if named is None else named.strip()[:_LONGEST_ID]
    try:
        if token is not None:
            entry = await services.access.enter_with_token(
                services.access_reads, token, business_id=read_business_id(asked), now=now
            )
        elif (session := session_token(request)) is not None:
            refuse_foreign(request, sent=request.headers.get(CSRF_HEADER))
            entry = await services.access.enter_with_session(
                services.access_reads, session, business_id=read_business_id(asked), now=now
            )
        else:
            raise SignInNeeded
    except (TokenUnknown, BusinessOutOfReach) as error:
        await note_refusal(request, error, asked=asked)
        raise
    if is_use_to_note(request, entry.principal):
        async with services.access_uow([]) as uow:
            await note_use(uow.session, request, entry.principal, business_id=entry.business.id)
    bind_business(entry.business.id)
    services.timing.note_activity(entry.business.id, now=now)
    request.state.entry = entry
    return entry


def read_business_id(asked: str | None) -> UUID | None:
    """What cannot be an id names no business, as an id that is nobody's does."""
    try:
        return None if asked is None else UUID(asked)
    except ValueError:
        raise BusinessOutOfReach from None


def origin_of(request: Request, actor: str) -> Origin:
    """Who sent the request, from where, for the access log."""
    return Origin(actor=actor, address=client_address(request), request_id=request.state.request_id)


def client_address(request: Request) -> str:
    """The client's IP address, as far as the proxies we trust tell it."""
    address: str | None = getattr(request.state, "client_address", None)
    return address or (request.client.host if request.client else "unknown")


def may(permission: Permission) -> Callable[..., Awaitable[Caller]]:
    """The dependency of a route that needs `permission` in the caller's business; whoever lacks it is refused, and it is logged.

    A change that takes a permission in FRESHLY_PROVED takes a fresh proof too, of a person at a browser.
    """

    async def permitted(request: Request) -> Caller:
        entry = await entry_of(request)
        return Caller(entry, await permit(request, entry, permission), services_of(request))

    permitted.permission = permission  # type: ignore[attr-defined]  # what the test of every route looks for
    return permitted


async def permit(request: Request, entry: Entry, permission: Permission) -> Origin:
    """Who asks, for the log, once it is sure that they may.

    Raises:
        NotPermitted, SecondFactorMissing: it is logged.
        ProofTooOld: a change that takes a permission in FRESHLY_PROVED.
    """
    services, origin = services_of(request), origin_of(request, entry.principal.actor)
    if permission not in entry.permissions:
        async with services.access_uow([]) as uow:
            await access_log.note(
                uow.session,
                AccessEvent.PERMISSION_REFUSED,
                origin=origin,
                business_id=entry.business.id,
                details={"permission": permission.value, "method": request.method, "path": request.url.path},
            )
        raise (SecondFactorMissing if permission in entry.withheld else NotPermitted)(permission.value)
    if permission in FRESHLY_PROVED and request.method not in SAFE_METHODS:
        refuse_old_proof(entry.principal, now=services.clock.now())
    return origin


def refuse_old_proof(principal: Person | TokenHolder, *, now: datetime) -> None:
    """Raise for a person who last showed who they are more than five minutes ago.

    Raises:
        ProofTooOld: they are to do it again, at /sign-in/again.
    """
    if isinstance(principal, Person) and not principal.is_freshly_proved(now):
        raise ProofTooOld


async def freshly_proved(services: AllServices, entry: Annotated[Entry, Depends(entry_of)]) -> None:
    """For a route that changes something though its method is safe: the way out to a rail's consent page."""
    refuse_old_proof(entry.principal, now=services.clock.now())


def is_use_to_note(request: Request, holder: Person | TokenHolder) -> bool:
    """Whether `note_use` has something to write: once a minute, and of a token for a day's first use from an address."""
    services = services_of(request)
    now = services.clock.now()
    if isinstance(holder, Person):
        return not holder.is_noted_at(now)
    return (
        not holder.is_noted_at(now) or (holder.token_id, now.date(), client_address(request)) not in services.token_uses
    )


async def note_use(
    session: AsyncSession, request: Request, holder: Person | TokenHolder, *, business_id: UUID | None
) -> None:
    """When it was last used; a day's first use of a token from an address is told in the access log."""
    services = services_of(request)
    now, address = services.clock.now(), client_address(request)
    if not is_use_to_note(request, holder):
        return
    if isinstance(holder, Person):
        await services.access.note_seen(session, holder, now=now)
        return
    use = (holder.token_id, now.date(), address)
    if await services.access.note_token_use(session, holder, address=address, now=now):
        await access_log.note(
            session,
            AccessEvent.TOKEN_FIRST_USED,
            origin=origin_of(request, holder.actor),
            business_id=business_id,
            user_id=holder.user_id,
        )
    if len(services.token_uses) >= _MOST_USES_KEPT:
        services.token_uses.clear()
    services.token_uses.add(use)


async def note_refusal(request: Request, error: OodalooError, *, asked: str | None) -> None:
    """Tell the access log of a token or a business that was refused."""
    event = AccessEvent.TOKEN_REFUSED if isinstance(error, TokenUnknown) else AccessEvent.BUSINESS_REFUSED
    details = {"method": request.method, "path": request.url.path}
    if asked is not None:
        details["asked_for"] = asked
    async with services_of(request).access_uow([]) as uow:
        await access_log.note(uow.session, event, origin=origin_of(request, "nobody"), details=details)


ReadsBooks = Annotated[Caller, Depends(may(Permission.BOOKS_READ))]
SyncsBooks = Annotated[Caller, Depends(may(Permission.BOOKS_SYNC))]
ManagesConnection = Annotated[Caller, Depends(may(Permission.CONNECTION_MANAGE))]
ManagesMembers = Annotated[Caller, Depends(may(Permission.MEMBERS_MANAGE))]
ManagesTokens = Annotated[Caller, Depends(may(Permission.TOKENS_MANAGE))]
ApprovesBills = Annotated[Caller, Depends(may(Permission.BILLS_APPROVE))]
ManagesSettings = Annotated[Caller, Depends(may(Permission.SETTINGS_MANAGE))]
SendsReminders = Annotated[Caller, Depends(may(Permission.REMINDERS_SEND))]
RecordsReceipts = Annotated[Caller, Depends(may(Permission.RECEIPTS_RECORD))]
ExecutesPayments = Annotated[Caller, Depends(may(Permission.PAYMENTS_EXECUTE))]
ReadsAudit = Annotated[Caller, Depends(may(Permission.AUDIT_READ))]
ExportsAudit = Annotated[Caller, Depends(may(Permission.AUDIT_EXPORT))]
