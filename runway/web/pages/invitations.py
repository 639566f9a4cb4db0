"""Joining a business or a firm by a letter's link: with a new account, or with the one that the person has."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from domains.core.invitations import OpenInvitation
from domains.core.sign_in_errors import NameEmpty, PasswordRefused
from runway.routes.access import AllServices, origin_of
from runway.routes.request_proofs import refuse_foreign
from runway.web.page_route import PageRoute
from runway.web.pages.sign_in import NO_SECRET, Secret, Text, enter
from runway.web.rendering import go_to, render, render_refusal
from runway.web.visits import NOBODY, OurPage, Visit, agent_of, find_visit

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/invitations/{token}")
async def show_invitation(request: Request, services: AllServices, token: str) -> Response:
    found = await services.door.joining.look(token, origin=origin_of(request, NOBODY))
    return render(request, "invitation.html", **_shown(found, await find_visit(request), token), name="")


@router.post("/invitations/{token}", dependencies=[OurPage])
async def accept_invitation(
    request: Request,
    services: AllServices,
    token: str,
    csrf: Annotated[str, Form()] = "",
    name: Text = "",
    password: Secret = NO_SECRET,
) -> Response:
    joining, origin = services.door.joining, origin_of(request, NOBODY)
    found = await joining.look(token, origin=origin)
    visit = await find_visit(request)
    if not found.needs_account:
        if visit is None:
            return go_to(_sign_in_first(token))
        refuse_foreign(request, sent=csrf)
        await joining.accept_as(token, visit.person, origin=visit.origin)
        return go_to("/account?notice=joined")
    try:
        user = await joining.accept_as_new(token, name=name, password=password, origin=origin)
    except (NameEmpty, PasswordRefused) as error:
        field = "name" if isinstance(error, NameEmpty) else "password"
        return render_refusal(request, "invitation.html", error, field=field, **_shown(found, visit, token), name=name)
    signed_in = await services.door.signing_in.sign_in(
        user.email, password, origin=origin, user_agent=agent_of(request), shown=None
    )
    return await enter(request, signed_in, wanted="/account?notice=joined")


def _shown(found: OpenInvitation, visit: Visit | None, token: str) -> dict[str, Any]:
    return {
        "person": None if visit is None else visit.person,
        "csrf": "" if visit is None else visit.csrf,
        "place": found.place,
        "role": found.invitation.role,
        "is_firm": found.invitation.firm_id is not None,
        "email": found.invitation.email,
        "needs_account": found.needs_account,
        "sign_in_first": _sign_in_first(token),
    }


def _sign_in_first(token: str) -> str:
    return f"/sign-in?{urlencode({'next': f'/invitations/{token}'})}"
