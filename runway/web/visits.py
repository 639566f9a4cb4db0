"""Who looks at a page: a dependency that each page of a signed-in person declares."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request
from starlette.requests import Request as AnyRequest

from domains.core.access_log import Origin
from domains.core.access_service import Person
from domains.core.errors import SessionUnknown
from runway.orchestrators.own_account import Browser
from runway.routes.access import AllServices, is_use_to_note, note_use, origin_of, refuse_old_proof
from runway.routes.doors import Door, is_door
from runway.routes.masking import masked
from runway.routes.request_proofs import csrf_token, refuse_foreign, refuse_foreign_origin, session_token

NOBODY = "nobody"


@dataclass(frozen=True)
class Visit:
    """A signed-in person's request for a page. `csrf` is what its forms send back."""

    person: Person
    csrf: str
    origin: Origin
    user_agent: str

    @property
    def browser(self) -> Browser:
        return Browser(self.person, self.origin, self.user_agent)


async def find_visit(request: AnyRequest) -> Visit | None:
    """For a page that is for anybody, and tells a signed-in person more."""
    session = session_token(request)
    if session is None:
        return None
    services = request.app.state.services
    try:
        person = await services.access.find_person(services.access_reads, session, now=services.clock.now())
    except SessionUnknown:
        return None
    if is_use_to_note(request, person):
        async with services.access_uow([]) as uow:
            await note_use(uow.session, request, person, business_id=None)
    return Visit(person, masked(csrf_token(session)), origin_of(request, person.actor), agent_of(request))


@is_door(Door.SIGNED_IN)
async def signed_in(request: Request, csrf: Annotated[str, Form()] = "") -> Visit:
    """The person, and for a form the proof that the page it came from was ours.

    Raises:
        SessionUnknown: the page route leads to the sign-in.
        ForeignRequest: another origin, or no token of this session.
    """
    visit = await find_visit(request)
    if visit is None:
        raise SessionUnknown
    refuse_foreign(request, sent=csrf)
    return visit


async def freshly_proved_visit(services: AllServices, visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
    """One who showed who they are in the last five minutes.

    Raises:
        ProofTooOld: the page route leads to where they do it again.
    """
    refuse_old_proof(visit.person, now=services.clock.now())
    return visit


async def from_our_page(request: Request) -> None:
    """For a form that anybody may send: no other site may make their browser do it.

    Raises:
        ForeignRequest: the browser names another site.
    """
    refuse_foreign_origin(request)


def agent_of(request: AnyRequest) -> str:
    return request.headers.get("User-Agent", "")


SignedInPerson = Annotated[Visit, Depends(signed_in)]
FreshlyProvedPerson = Annotated[Visit, Depends(freshly_proved_visit)]
OurPage = Depends(from_our_page)
