"""Whose books a page shows: the dependency that each page below /c/{business_id} declares, with the permission that it takes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request

from domains.core.access_service import Entry, Person
from domains.core.errors import BusinessOutOfReach, SessionUnknown
from domains.core.permissions import Permission
from runway.routes.access import (
    BUSINESS_IN_PATH,
    Caller,
    is_use_to_note,
    note_refusal,
    note_use,
    permit,
    read_business_id,
)
from runway.routes.edge import bind_business
from runway.routes.masking import masked
from runway.routes.request_proofs import CSRF_HEADER, csrf_token, refuse_foreign, services_of, session_token
from runway.web.strings import set_zone
from runway.web.visits import Visit, agent_of

PREFIX = f"/c/{{{BUSINESS_IN_PATH}}}"


@dataclass(frozen=True)
class Client(Caller):
    """One client's books, as a signed-in person sees them: what a REST route calls its caller, and the page's visit."""

    visit: Visit

    @property
    def path(self) -> str:
        return f"/c/{self.business.id}"

    @property
    def csrf(self) -> str:
        return self.visit.csrf

    def may(self, permission: Permission | str) -> bool:
        """Whether the person may do that here, so that a page shows no button that refuses."""
        return Permission(permission) in self.entry.permissions


def client_for(permission: Permission) -> Callable[..., Awaitable[Client]]:
    """The dependency of a page that needs `permission` there; whoever lacks it is refused, and it is logged, as `access.may` does."""

    async def permitted(request: Request, csrf: Annotated[str, Form()] = "") -> Client:
        session = session_token(request)
        if session is None:
            raise SessionUnknown
        refuse_foreign(request, sent=csrf or request.headers.get(CSRF_HEADER))
        entry = await _enter(request, session)
        origin = await permit(request, entry, permission)
        set_zone(ZoneInfo(entry.business.time_zone))
        visit = Visit(_person(entry), masked(csrf_token(session)), origin, agent_of(request))
        return Client(entry, origin, services_of(request), visit)

    permitted.permission = permission  # type: ignore[attr-defined]  # what the test of every route looks for
    return permitted


async def _enter(request: Request, session: str) -> Entry:
    """The person and the business of the path.

    Raises:
        SessionUnknown: the page route leads to the sign-in.
        BusinessOutOfReach: nobody's business, or not theirs.
    """
    services = services_of(request)
    now, asked = services.clock.now(), request.path_params[BUSINESS_IN_PATH]
    try:
        entry = await services.access.enter_with_session(
            services.access_reads, session, business_id=read_business_id(asked), now=now
        )
    except BusinessOutOfReach as error:
        await note_refusal(request, error, asked=asked)
        raise
    if is_use_to_note(request, entry.principal):
        async with services.access_uow([]) as uow:
            await note_use(uow.session, request, entry.principal, business_id=entry.business.id)
    bind_business(entry.business.id)
    services.timing.note_activity(entry.business.id, now=now)
    return entry


def _person(entry: Entry) -> Person:
    if not isinstance(entry.principal, Person):
        raise TypeError(f"a session opened as {entry.principal}")
    return entry.principal


ReadsBooks = Annotated[Client, Depends(client_for(Permission.BOOKS_READ))]
SyncsBooks = Annotated[Client, Depends(client_for(Permission.BOOKS_SYNC))]
ManagesConnection = Annotated[Client, Depends(client_for(Permission.CONNECTION_MANAGE))]
ApprovesBills = Annotated[Client, Depends(client_for(Permission.BILLS_APPROVE))]
ExecutesPayments = Annotated[Client, Depends(client_for(Permission.PAYMENTS_EXECUTE))]
RecordsReceipts = Annotated[Client, Depends(client_for(Permission.RECEIPTS_RECORD))]
SendsReminders = Annotated[Client, Depends(client_for(Permission.REMINDERS_SEND))]
ManagesSettings = Annotated[Client, Depends(client_for(Permission.SETTINGS_MANAGE))]
ManagesMembers = Annotated[Client, Depends(client_for(Permission.MEMBERS_MANAGE))]
ManagesTokens = Annotated[Client, Depends(client_for(Permission.TOKENS_MANAGE))]
ReadsAudit = Annotated[Client, Depends(client_for(Permission.AUDIT_READ))]
ExportsAudit = Annotated[Client, Depends(client_for(Permission.AUDIT_EXPORT))]
