"""Setting up a second factor, its recovery codes, and doing without it."""

from typing import Annotated, Any
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Form, Query, Request
from markupsafe import Markup
from pydantic import SecretStr
from starlette.responses import Response

from domains.core.second_factor import setup_uri
from domains.core.sign_in_errors import CodeRefused
from infra.errors import TooManyRequests
from runway.routes.access import AllServices
from runway.routes.masking import masked
from runway.routes.request_proofs import csrf_token
from runway.web.cookies import give_session
from runway.web.local_paths import local_path
from runway.web.page_route import PageRoute
from runway.web.pages.sign_in import NO_SECRET, Secret
from runway.web.rendering import go_to, render, render_refusal
from runway.web.visits import FreshlyProvedPerson, Visit

PAGE = "/account/second-factor"
_GROUP = 4

router = APIRouter(prefix=PAGE, include_in_schema=False, route_class=PageRoute)

Wanted = Annotated[str, Form(alias="next")]


@router.get("")
async def show_second_factor(
    request: Request,
    services: AllServices,
    visit: FreshlyProvedPerson,
    wanted: Annotated[str, Query(alias="next")] = "",
) -> Response:
    return render(request, "second_factor.html", **await _shown(services, visit, wanted))


@router.post("/begin")
async def begin(services: AllServices, visit: FreshlyProvedPerson, wanted: Wanted = "") -> Response:
    await services.door.own_account.begin_factor(visit.person)
    return go_to(f"{PAGE}?{urlencode({'next': local_path(wanted)})}" if wanted else PAGE)


@router.post("/confirm")
async def confirm(
    request: Request,
    services: AllServices,
    visit: FreshlyProvedPerson,
    code: Secret = NO_SECRET,
    wanted: Wanted = "",
) -> Response:
    """The recovery codes are in this answer and nowhere else."""
    try:
        done = await services.door.own_account.confirm_factor(visit.browser, code)
    except (CodeRefused, TooManyRequests) as error:
        values = await _shown(services, visit, wanted)
        return render_refusal(request, "second_factor.html", error, field=_field_of(error), **values)
    response = _show_codes(request, visit, done.recovery_codes, wanted=wanted, session=done.session)
    give_session(response, request, done.session)
    return response


@router.post("/recovery-codes")
async def renew_codes(request: Request, services: AllServices, visit: FreshlyProvedPerson) -> Response:
    codes = await services.door.own_account.renew_codes(visit.person, origin=visit.origin)
    return _show_codes(request, visit, codes)


@router.post("/remove")
async def remove(
    request: Request, services: AllServices, visit: FreshlyProvedPerson, code: Secret = NO_SECRET
) -> Response:
    try:
        session = await services.door.own_account.remove_factor(visit.browser, code)
    except (CodeRefused, TooManyRequests) as error:
        values = await _shown(services, visit, "")
        return render_refusal(request, "second_factor.html", error, field=_field_of(error), **values)
    response = go_to("/account?notice=factor-removed")
    give_session(response, request, session)
    return response


async def _shown(services: AllServices, visit: Visit, wanted: str) -> dict[str, Any]:
    async with services.access_uow([]) as uow:
        user = await services.door.people.get(uow.session, visit.person.user_id)
        codes_left = await services.door.factors.count_codes(uow.session, user.id)
        must_set_up = await services.access.must_set_up_second_factor(uow.session, visit.person)
    secret = services.door.factors.pending_secret(user)
    return {
        "person": visit.person,
        "csrf": visit.csrf,
        "wanted": wanted and local_path(wanted),
        "has_second_factor": user.totp_confirmed_at is not None,
        "must_set_up": must_set_up,
        "codes_left": codes_left,
        "qr": None if secret is None else _qr(setup_uri(secret, email=user.email)),
        "secret": None if secret is None else _in_groups(secret),
    }


def _show_codes(
    request: Request, visit: Visit, codes: list[str], *, wanted: str = "", session: SecretStr | None = None
) -> Response:
    csrf = visit.csrf if session is None else masked(csrf_token(session.get_secret_value()))
    return render(
        request, "recovery_codes.html", person=visit.person, csrf=csrf, codes=codes, onwards=local_path(wanted)
    )


def _qr(uri: SecretStr) -> Markup:
    drawn = segno.make(uri.get_secret_value(), error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704  # squares of our own drawing; the text is not in it


def _in_groups(secret: SecretStr) -> str:
    """As a person copies it by hand."""
    text = secret.get_secret_value()
    return " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def _field_of(error: Exception) -> str:
    return "code" if isinstance(error, CodeRefused) else ""
