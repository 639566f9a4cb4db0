"""A forgotten password: ask for a letter, then choose another by its link."""

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from domains.core.people_service import read_email
from domains.core.sign_in_errors import EmailMalformed, PasswordRefused
from infra.errors import TooManyRequests
from runway.routes.access import AllServices, origin_of
from runway.web.cookies import take_session
from runway.web.page_route import PageRoute
from runway.web.pages.sign_in import NO_SECRET, Secret, Text
from runway.web.rendering import go_to, render, render_refusal
from runway.web.visits import NOBODY, OurPage

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/forgot-password")
async def show_forgot_password(request: Request) -> Response:
    return render(request, "forgot_password.html", email="")


@router.post("/forgot-password", dependencies=[OurPage])
async def ask_for_letter(request: Request, services: AllServices, email: Text = "") -> Response:
    """The same answer, as quick, whether or not anybody has that address."""
    regaining, origin = services.door.regaining, origin_of(request, NOBODY)
    try:
        address = read_email(email)
        await regaining.may_ask(address, origin=origin)
    except (EmailMalformed, TooManyRequests) as error:
        field = "email" if isinstance(error, EmailMalformed) else ""
        return render_refusal(request, "forgot_password.html", error, field=field, email=email)
    answer = render(request, "letter_sent.html", email=address)
    answer.background = BackgroundTask(regaining.ask, address, origin=origin)
    return answer


@router.get("/reset-password/{token}")
async def show_reset_password(request: Request, services: AllServices, token: str) -> Response:
    user = await services.door.regaining.look(token, origin=origin_of(request, NOBODY))
    return render(request, "reset_password.html", email=user.email)


@router.post("/reset-password/{token}", dependencies=[OurPage])
async def reset_password(request: Request, services: AllServices, token: str, password: Secret = NO_SECRET) -> Response:
    regaining, origin = services.door.regaining, origin_of(request, NOBODY)
    try:
        await regaining.set_password(token, password, origin=origin)
    except PasswordRefused as error:
        user = await regaining.look(token, origin=origin)
        return render_refusal(request, "reset_password.html", error, field="password", email=user.email)
    response = go_to("/sign-in?notice=password")
    take_session(response)
    return response
