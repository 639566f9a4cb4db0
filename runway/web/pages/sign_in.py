"""Signing in and out. What is typed is read as text of any kind: what it is worth is decided further in."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import SecretStr
from starlette.responses import Response

from domains.core.sign_in_errors import CodeRefused, SignInRefused
from domains.core.sign_in_service import SignedIn
from infra.errors import OodalooError, TooManyRequests
from runway.routes.access import AllServices, origin_of
from runway.routes.masking import masked
from runway.routes.request_proofs import csrf_token, refuse_foreign, session_token
from runway.web.cookies import give_session, take_session
from runway.web.local_paths import HOME, local_path
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render, render_refusal
from runway.web.strings import _, keyed
from runway.web.visits import NOBODY, OurPage, SignedInPerson, agent_of, find_visit

SECOND_FACTOR_PAGE = "/account/second-factor"
_NOTICES = {
    "password": keyed("Your password is changed. Sign in with the new one."),
    "out": keyed("You are signed out."),
    "everywhere": keyed("You are signed out everywhere."),
    "late": keyed("That took too long. Sign in again."),
}

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Text = Annotated[str, Form(max_length=2000)]
Secret = Annotated[SecretStr, Form(max_length=2000)]
NO_SECRET = SecretStr("")


@router.get("/sign-in")
async def show_sign_in(
    request: Request, wanted: Annotated[str, Query(alias="next")] = "", notice: str = ""
) -> Response:
    if await find_visit(request) is not None:
        return go_to(local_path(wanted))
    return render(
        request,
        "sign_in.html",
        email="",
        wanted=_kept(wanted),
        notice=_(_NOTICES[notice]) if notice in _NOTICES else None,
    )


@router.post("/sign-in", dependencies=[OurPage])
async def sign_in(
    request: Request,
    services: AllServices,
    email: Text = "",
    password: Secret = NO_SECRET,
    wanted: Annotated[str, Form(alias="next")] = "",
) -> Response:
    try:
        signed_in = await services.door.signing_in.sign_in(
            email,
            password,
            origin=origin_of(request, NOBODY),
            user_agent=agent_of(request),
            shown=session_token(request),
        )
    except (SignInRefused, TooManyRequests) as error:
        return render_refusal(request, "sign_in.html", error, email=email, wanted=_kept(wanted))
    return await enter(request, signed_in, wanted=wanted)


async def enter(request: Request, signed_in: SignedIn, *, wanted: str) -> Response:
    """Onwards with the new session: to the second factor, to setting one up where the role asks for it, or where they wanted."""
    services = request.app.state.services
    target = local_path(wanted)
    if signed_in.is_pending:
        response = go_to(f"/sign-in/second-factor?{urlencode({'next': target})}")
    else:
        person = await services.access.find_person(
            services.access_reads, signed_in.session.get_secret_value(), now=services.clock.now()
        )
        async with services.access_uow([]) as uow:
            must_set_up = await services.access.must_set_up_second_factor(uow.session, person)
        response = go_to(f"{SECOND_FACTOR_PAGE}?{urlencode({'next': target})}" if must_set_up else target)
    give_session(response, request, signed_in.session)
    return response


@router.get("/sign-in/second-factor")
async def show_second_factor(
    request: Request, services: AllServices, wanted: Annotated[str, Query(alias="next")] = ""
) -> Response:
    shown = session_token(request)
    async with services.access_uow([]) as uow:
        pending = shown and await services.door.sign_in.find_pending(uow.session, shown, now=services.clock.now())
    if not shown or not pending:
        return go_to("/sign-in")
    return render(request, "second_step.html", wanted=_kept(wanted), csrf=masked(csrf_token(shown)))


@router.post("/sign-in/second-factor")
async def show_code(
    request: Request,
    services: AllServices,
    csrf: Annotated[str, Form()] = "",
    code: Secret = NO_SECRET,
    wanted: Annotated[str, Form(alias="next")] = "",
) -> Response:
    refuse_foreign(request, sent=csrf)
    shown = session_token(request) or ""
    try:
        signed_in = await services.door.signing_in.show_code(
            shown, code, origin=origin_of(request, NOBODY), user_agent=agent_of(request)
        )
    except SignInRefused:
        return go_to("/sign-in?notice=late")
    except (CodeRefused, TooManyRequests) as error:
        field = "code" if isinstance(error, CodeRefused) else ""
        return render_refusal(request, "second_step.html", error, field=field, wanted=_kept(wanted), csrf=csrf)
    return await enter(request, signed_in, wanted=wanted)


@router.get("/sign-in/again")
async def show_sign_in_again(
    request: Request, services: AllServices, visit: SignedInPerson, wanted: Annotated[str, Query(alias="next")] = ""
) -> Response:
    return render(request, "sign_in_again.html", **await _again(services, visit, wanted))


@router.post("/sign-in/again")
async def sign_in_again(
    request: Request,
    services: AllServices,
    visit: SignedInPerson,
    password: Secret = NO_SECRET,
    code: Secret = NO_SECRET,
    wanted: Annotated[str, Form(alias="next")] = "",
) -> Response:
    try:
        session = await services.door.signing_in.prove_again(
            visit.person, password, code if code.get_secret_value() else None, origin=visit.origin
        )
    except (SignInRefused, CodeRefused, TooManyRequests) as error:
        values = await _again(services, visit, wanted)
        return render_refusal(request, "sign_in_again.html", error, field=_field_of(error), **values)
    response = go_to(local_path(wanted))
    give_session(response, request, session)
    return response


@router.post("/sign-out")
async def sign_out(services: AllServices, visit: SignedInPerson) -> Response:
    async with services.access_uow([]) as uow:
        await services.door.sign_in.sign_out(uow.session, visit.person, origin=visit.origin, now=services.clock.now())
    response = go_to("/sign-in?notice=out")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    take_session(response)
    return response


async def _again(services: AllServices, visit: SignedInPerson, wanted: str) -> dict[str, Any]:
    async with services.access_uow([]) as uow:
        user = await services.door.people.get(uow.session, visit.person.user_id)
    return {
        "person": visit.person,
        "csrf": visit.csrf,
        "wanted": _kept(wanted),
        "has_second_factor": user.totp_confirmed_at is not None,
    }


def _field_of(error: OodalooError) -> str:
    match error:
        case SignInRefused():
            return "password"
        case CodeRefused():
            return "code"
        case _:
            return ""


def _kept(wanted: str) -> str:
    target = local_path(wanted)
    return "" if target == HOME else target
