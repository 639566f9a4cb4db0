"""The settings of a client: what there is, and the connection to QuickBooks."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from domains.core.errors import ConnectionNotFound
from domains.core.sign_in_errors import ProofTooOld
from infra.errors import OodalooError
from infra.production import is_loopback
from runway.routes import connect as api
from runway.routes.access import refuse_old_proof
from runway.routes.connection_health import get_connection_health
from runway.routes.request_proofs import session_token
from runway.routes.sync import ConnectionOut
from runway.web.clients import PREFIX, Client, ManagesConnection, ReadsBooks
from runway.web.forms import is_for_form
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render_client
from runway.web.strings import _, keyed
from runway.web.views.settings import sections_for

router = APIRouter(prefix=f"{PREFIX}/settings", include_in_schema=False, route_class=PageRoute)

_NOTICES = {
    "disconnected": keyed("QuickBooks is disconnected. The books that were read stay."),
    "disconnected-unsure": keyed("QuickBooks is disconnected. Intuit has not confirmed it yet; we ask until it does."),
}


def render_settings(
    request: Request, client: Client, template: str, *, section: str, status: int = HTTPStatus.OK, **values: Any
) -> Response:
    sections = sections_for(client.entry.permissions)
    return render_client(
        request, client, template, here="settings", status=status, sections=sections, section=section, **values
    )


def told(notices: dict[str, str], notice: str) -> str | None:
    """What the page says after a form; a word that it does not know says nothing."""
    return _(notices[notice]) if notice in notices else None


@router.get("")
async def show_settings(request: Request, client: ReadsBooks) -> Response:
    return render_settings(request, client, "settings/page.html", section="")


@router.get("/connection")
async def show_connection(request: Request, client: ReadsBooks, notice: str = "", check: str = "") -> Response:
    """With `check` QuickBooks itself is asked whether it answers."""
    connection = await connection_of(client)
    health = None
    if check and connection is not None:
        health = (await get_connection_health(client.business.id, request, client)).data
    return render_settings(
        request,
        client,
        "settings/connection.html",
        section="connection",
        connection=connection,
        health=health,
        rail=_rail_of(client),
        notice=told(_NOTICES, notice),
    )


@router.get("/connection/connect")
async def connect(request: Request, client: ManagesConnection) -> Response:
    """Out to Intuit's consent page. Somebody who has not just shown who they are does that first, and comes back to the button."""
    try:
        refuse_old_proof(client.visit.person, now=client.clock.now())
    except ProofTooOld:
        return go_to(f"/sign-in/again?next={client.path}/settings/connection")
    session = session_token(request) or ""
    url = await api.connecting(client.process).begin(
        client.business.id,
        redirect_uri=str(client.process.settings.web.public_url).rstrip("/") + api.CALLBACK_PATH,
        session_binding=session.encode(),
    )
    return RedirectResponse(url, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})


@router.post("/connection/disconnect")
async def disconnect(request: Request, client: ManagesConnection) -> Response:
    try:
        ended = await api.disconnect_qbo(client, client.process)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return render_settings(
            request,
            client,
            "settings/connection.html",
            section="connection",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            connection=await connection_of(client),
            health=None,
            rail=_rail_of(client),
            errors={"": str(error)},
        )
    return go_to(
        f"{client.path}/settings/connection?notice={'disconnected' if ended.revoked else 'disconnected-unsure'}"
    )


async def connection_of(client: Client) -> ConnectionOut | None:
    """How QuickBooks is connected; None when it never was."""
    try:
        return (await api.get_connection(client, client.process)).data
    except ConnectionNotFound:
        return None


def _rail_of(client: Client) -> str:
    """`off`, the `simulator`, or `intuit`: what the installation's keys lead to."""
    qbo = client.process.settings.qbo
    if client.process.qbo is None or qbo is None:
        return "off"
    return "simulator" if is_loopback(qbo.api_url.host) else "intuit"
