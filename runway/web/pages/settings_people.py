"""Who belongs to a client, who is invited, and which programs have a key."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.errors import OodalooError
from runway.routes import invitations, members, tokens
from runway.web.clients import PREFIX, Client, ManagesMembers, ManagesTokens
from runway.web.forms import Typed, errors_of_refusal, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.settings import render_settings, told
from runway.web.rendering import go_to
from runway.web.strings import keyed
from runway.web.views.settings import changes_of, permission_choices, permission_name, role_choices, role_name

router = APIRouter(prefix=f"{PREFIX}/settings", include_in_schema=False, route_class=PageRoute)

_NOTHING = Typed({})
_NOTICES = {
    "invited": keyed("The invitation is on its way by mail. Its link works once, for seven days."),
    "withdrawn": keyed("The invitation is withdrawn. Its link leads nowhere any more."),
    "changed": keyed("The role is changed. It counts from their next click on."),
    "removed": keyed("They do not belong here any more. Their sessions and tokens open this business no more."),
    "revoked": keyed("The token is ended, with all that it made."),
}


@router.get("/members")
async def show_members(request: Request, client: ManagesMembers, notice: str = "") -> Response:
    return await _members_page(request, client, notice=told(_NOTICES, notice))


@router.post("/members/invite")
async def invite(request: Request, client: ManagesMembers) -> Response:
    typed = await typed_form(request)
    form = read(invitations.NewInvitation, typed)
    if form.wanted is None:
        return await _members_page(request, client, typed=typed, errors=form.errors)
    try:
        await invitations.invite_member(client, client.process, form.wanted)
    except OodalooError as error:
        return await _members_page(request, client, typed=typed, errors=errors_of_refusal(error))
    return go_to(f"{client.path}/settings/members?notice=invited")


@router.post("/members/invitations/{invitation_id}/withdraw")
async def withdraw_invitation(request: Request, client: ManagesMembers, invitation_id: UUID) -> Response:
    try:
        await invitations.revoke_invitation(client, client.process, invitation_id)
    except OodalooError as error:
        return await _members_page(request, client, errors=errors_of_refusal(error))
    return go_to(f"{client.path}/settings/members?notice=withdrawn")


@router.post("/members/{user_id}")
async def change_member(request: Request, client: ManagesMembers, user_id: UUID) -> Response:
    form = read(members.MemberChange, await typed_form(request))
    if form.wanted is None or form.wanted.role is None:
        return await _members_page(request, client, errors={"": "; ".join(form.errors.values())})
    changes = changes_of(form.wanted.role, form.wanted.approval_limit)
    try:
        await members.change_member(client, user_id, members.MemberChange.model_validate(changes))
    except OodalooError as error:
        return await _members_page(request, client, errors=errors_of_refusal(error))
    return go_to(f"{client.path}/settings/members?notice=changed")


@router.post("/members/{user_id}/remove")
async def remove_member(request: Request, client: ManagesMembers, user_id: UUID) -> Response:
    try:
        await members.remove_member(client, user_id)
    except OodalooError as error:
        return await _members_page(request, client, errors=errors_of_refusal(error))
    return go_to(f"{client.path}/settings/members?notice=removed")


@router.get("/tokens")
async def show_tokens(request: Request, client: ManagesTokens, notice: str = "") -> Response:
    return await _tokens_page(request, client, notice=told(_NOTICES, notice))


@router.post("/tokens")
async def make_token(request: Request, client: ManagesTokens) -> Response:
    """The answer shows the token, this once: it is kept nowhere, and a page that is loaded again does not have it."""
    typed = await typed_form(request)
    form = read(tokens.NewToken, typed, given={"permissions": typed.all("permissions")})
    if form.wanted is None:
        return await _tokens_page(request, client, typed=typed, errors=form.errors)
    try:
        made = await tokens.create_token(client, client.process, form.wanted, Response())
    except OodalooError as error:
        return await _tokens_page(request, client, typed=typed, errors=errors_of_refusal(error))
    return await _tokens_page(request, client, made=made.data)


@router.post("/tokens/{token_id}/revoke")
async def revoke_token(request: Request, client: ManagesTokens, token_id: UUID) -> Response:
    try:
        await tokens.revoke_token(client, client.process, token_id)
    except OodalooError as error:
        return await _tokens_page(request, client, errors=errors_of_refusal(error))
    return go_to(f"{client.path}/settings/tokens?notice=revoked")


async def _members_page(request: Request, client: Client, *, typed: Typed = _NOTHING, **values: Any) -> Response:
    return render_settings(
        request,
        client,
        "settings/members.html",
        section="members",
        status=_status(values),
        members=(await members.list_members(client)).data,
        invitations=(await invitations.list_invitations(client, client.process)).data,
        roles=role_choices(),
        role_name=role_name,
        typed=typed,
        **values,
    )


async def _tokens_page(request: Request, client: Client, *, typed: Typed = _NOTHING, **values: Any) -> Response:
    now = client.clock.now()
    held = (await tokens.list_tokens(client, client.process)).data
    living = [one for one in held if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)]
    return render_settings(
        request,
        client,
        "settings/tokens.html",
        section="tokens",
        status=_status(values),
        living=living,
        ended=[one for one in held if one not in living],
        permissions=permission_choices(client.entry),
        permission_name=permission_name,
        typed=typed,
        **{"made": None, **values},
    )


def _status(values: dict[str, Any]) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if values.get("errors") else HTTPStatus.OK
