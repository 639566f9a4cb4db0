"""A person's own account: where they belong, their password, where they are signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from domains.core.sign_in_errors import PasswordRefused
from runway.routes.access import AllServices
from runway.web.cookies import give_session, keep_theme, take_session
from runway.web.page_route import PageRoute, came_from
from runway.web.pages.sign_in import NO_SECRET, Secret
from runway.web.rendering import go_to, render, render_refusal
from runway.web.strings import _, keyed
from runway.web.visits import FreshlyProvedPerson, SignedInPerson

_NOTICES = {
    "joined": keyed("Welcome. You belong here now."),
    "password": keyed("Your password is changed. Every other browser is signed out."),
    "factor-removed": keyed("Your second factor is removed. Every other browser is signed out."),
    "ended": keyed("That browser is signed out."),
}

router = APIRouter(prefix="/account", include_in_schema=False, route_class=PageRoute)


@router.get("")
async def show_account(request: Request, services: AllServices, visit: SignedInPerson, notice: str = "") -> Response:
    door, person = services.door, visit.person
    async with services.access_uow([]) as uow:
        user = await door.people.get(uow.session, person.user_id)
        return render(
            request,
            "account.html",
            person=person,
            csrf=visit.csrf,
            notice=_(_NOTICES[notice]) if notice in _NOTICES else None,
            businesses=await services.access.list_businesses(uow.session, person.user_id),
            must_set_up=await services.access.must_set_up_second_factor(uow.session, person),
            has_second_factor=user.totp_confirmed_at is not None,
            codes_left=await door.factors.count_codes(uow.session, person.user_id),
            password_changed_at=user.password_changed_at,
            sessions=await door.sessions.list_living(uow.session, person.user_id, now=services.clock.now()),
        )


@router.post("/theme")
async def choose_theme(
    request: Request,
    visit: SignedInPerson,  # noqa: ARG001  # whoever is signed in may
    theme: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Back to where it was chosen. With a script it is there at once and nothing is sent."""
    response = go_to(came_from(request))
    keep_theme(response, theme)
    return response


@router.get("/password")
async def show_password(request: Request, visit: FreshlyProvedPerson) -> Response:
    return render(request, "change_password.html", person=visit.person, csrf=visit.csrf)


@router.post("/password")
async def change_password(
    request: Request, services: AllServices, visit: FreshlyProvedPerson, password: Secret = NO_SECRET
) -> Response:
    try:
        session = await services.door.own_account.change_password(visit.browser, password)
    except PasswordRefused as error:
        values = {"person": visit.person, "csrf": visit.csrf}
        return render_refusal(request, "change_password.html", error, field="password", **values)
    response = go_to("/account?notice=password")
    give_session(response, request, session)
    return response


@router.post("/sessions/{session_id}/end")
async def end_session(services: AllServices, visit: SignedInPerson, session_id: UUID) -> Response:
    """Another person's session is not found, and nothing happens."""
    async with services.access_uow([]) as uow:
        await services.door.sign_in.end_session(
            uow.session, visit.person, session_id=session_id, origin=visit.origin, now=services.clock.now()
        )
    return go_to("/account?notice=ended")


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(services: AllServices, visit: SignedInPerson) -> Response:
    async with services.access_uow([]) as uow:
        await services.door.sign_in.sign_out_everywhere(
            uow.session, visit.person.user_id, origin=visit.origin, now=services.clock.now()
        )
    response = go_to("/sign-in?notice=everywhere")
    take_session(response)
    return response
