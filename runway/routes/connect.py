"""Connecting QuickBooks: out to Intuit's consent page and back. The callback is guarded by its single-use state."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Person
from infra.config import Rail
from infra.errors import InvalidInput
from runway.orchestrators.connect_qbo import ConnectedCompany, ConnectQBO
from runway.routes.access import AllServices, Caller, ManagesConnection, ReadsBooks, freshly_proved, origin_of
from runway.routes.connect_page import NO_STORE, PageRoute, answer_page
from runway.routes.documentation import documented
from runway.routes.request_proofs import session_token
from runway.routes.sync import ConnectionOut
from runway.services import Services

CALLBACK_PATH = "/api/v1/qbo/callback"
_AUTHORIZE_URL = "https://appcenter.intuit.com/connect/oauth2?client_id=…&state=…"
_CONNECTION_EXAMPLE = {
    "rail": "qbo",
    "state": "active",
    "reason": None,
    "external_account_id": "9341454000000001",
    "connected_at": "2026-03-15T18:55:00Z",
    "state_changed_at": "2026-03-15T18:55:00Z",
}

router = APIRouter(prefix="/api/v1/qbo", tags=["connection"], route_class=PageRoute)


class AuthorizeAddress(BaseModel):
    authorize_url: str = Field(description="Send the user's browser there. Good once, for ten minutes.")


class ConnectResult(BaseModel):
    connected: bool
    message: str
    company_name: str | None = Field(default=None, description="As QuickBooks has it.")
    country: str | None = None


class ConnectionAnswer(BaseModel):
    data: ConnectionOut


class DisconnectAnswer(BaseModel):
    data: ConnectionOut
    revoked: bool = Field(description="False while Intuit has not answered; we ask until it does.")


class Callback(BaseModel):
    """What Intuit's redirect brings. Parameters that Intuit adds are let through."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field(max_length=500, description="The one we issued.")
    code: SecretStr | None = Field(default=None, description="Intuit's code, good once.")
    realmId: str | None = Field(default=None, pattern=r"^[0-9]{1,30}$", description="The company.")  # noqa: N815  # Intuit's name
    error: str | None = Field(default=None, max_length=200, examples=["access_denied"])


def connecting(services: AllServices) -> ConnectQBO:
    rail = services.qbo_rail
    return ConnectQBO(
        uow=services.uow,
        access_uow=services.access_uow,
        connections=services.qbo_connections,
        oauth=rail.oauth,
        auth=rail.auth,
        probe=rail.read_company,
        clock=services.clock,
    )


Connecting = Annotated[ConnectQBO, Depends(connecting)]


@router.get(
    "/connect",
    summary="Begin connecting QuickBooks",
    response_model=AuthorizeAddress,
    responses=documented({"authorize_url": _AUTHORIZE_URL}, HTTPStatus.SERVICE_UNAVAILABLE)
    | {HTTPStatus.FOUND.value: {"description": "To Intuit's consent page."}},
    dependencies=[Depends(freshly_proved)],
)
async def connect_qbo(
    request: Request, caller: ManagesConnection, services: AllServices, connect: Connecting
) -> Response:
    """Redirect to Intuit's consent page. With `Accept: application/json` the address is given instead, for clients that
    open the browser themselves.
    """
    redirect_uri = str(services.settings.web.public_url).rstrip("/") + CALLBACK_PATH
    authorize_url = await connect.begin(
        caller.business.id, redirect_uri=redirect_uri, session_binding=_binding_of(request, caller)
    )
    if _wants_json(request):
        return JSONResponse({"authorize_url": authorize_url}, headers=NO_STORE)
    return RedirectResponse(authorize_url, HTTPStatus.FOUND, headers=NO_STORE)


@router.get(
    "/callback",
    summary="Where Intuit sends the browser back",
    response_model=ConnectResult,
    responses=documented(
        {
            "connected": True,
            "message": "QuickBooks is connected. Your books are being read now.",
            "company_name": "Corner Bakery",
            "country": "US",
        },
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def finish_connecting_qbo(
    request: Request, brought: Annotated[Callback, Query()], services: AllServices, connect: Connecting
) -> Response:
    """Check the state, trade the code for tokens, see that they open the company, keep them sealed and begin reading the
    books. Answers a small page, or JSON with `Accept: application/json`. Needs no token: the state tells whose connection it
    is, and works once; one that a signed-in browser began, in that browser only.
    """
    session = session_token(request)
    binding = session.encode() if session else None
    if brought.error is not None:
        await connect.decline(brought.state, session_binding=binding)
        return _result(request, ConnectResult(connected=False, message=_refusal(brought.error)))
    if brought.code is None or brought.realmId is None:
        raise CallbackIncomplete
    company = await connect.finish(brought.state, code=brought.code, realm_id=brought.realmId, session_binding=binding)
    origin = origin_of(request, "connect")
    await _note(services, origin, business_id=company.business_id, became="active", realm_id=company.realm_id)
    watch = (f"/c/{company.business_id}/health", "Watch the books being read")
    return _result(request, _success(company), onwards=watch)


@router.get(
    "/connection",
    summary="How the connection stands",
    responses=documented({"data": _CONNECTION_EXAMPLE}),
)
async def get_connection(caller: ReadsBooks, services: AllServices) -> ConnectionAnswer:
    """The business's QuickBooks company and whether it may be read. 404 when none was ever connected."""
    async with services.uow([caller.business.id]) as uow:
        connection = await services.qbo_connections.get_connection(uow.session, caller.business.id)
    return ConnectionAnswer(data=ConnectionOut.model_validate(connection))


@router.delete(
    "/connection",
    summary="Disconnect QuickBooks",
    responses=documented(
        {"data": {**_CONNECTION_EXAMPLE, "state": "disconnected", "reason": "disconnected here"}, "revoked": True},
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def disconnect_qbo(caller: ManagesConnection, services: AllServices) -> DisconnectAnswer:
    """End the connection: nothing is read from QuickBooks from now on, the access is revoked at Intuit and our tokens are
    deleted. The books that were read stay, and the same company may be connected again.
    """
    ended = await services.disconnecting.disconnect(caller.business.id)
    await _note(
        services,
        caller.origin,
        business_id=caller.business.id,
        became=ended.connection.state,
        realm_id=ended.connection.external_account_id,
    )
    return DisconnectAnswer(data=ConnectionOut.model_validate(ended.connection), revoked=ended.is_revoked)


class CallbackIncomplete(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Intuit's redirect should bring code and realmId, or error. Begin the connection again.")


async def _note(services: Services, origin: Origin, *, business_id: UUID, became: str, realm_id: str) -> None:
    async with services.access_uow([business_id]) as uow:
        await access_log.note(
            uow.session,
            AccessEvent.CONNECTION_CHANGED,
            origin=origin,
            business_id=business_id,
            details={"rail": Rail.QBO.value, "became": became, "external_account_id": realm_id},
        )


def _binding_of(request: Request, caller: Caller) -> bytes | None:
    """The session that must come back; a program's token opens the consent in a browser that is not known."""
    session = session_token(request) if isinstance(caller.entry.principal, Person) else None
    return session.encode() if session else None


def _success(company: ConnectedCompany) -> ConnectResult:
    place = f" ({company.country})" if company.country else ""
    named = f": {company.name}{place}" if company.name else ""
    return ConnectResult(
        connected=True,
        message=f"QuickBooks is connected{named}. Your books are being read now; you may close this page.",
        company_name=company.name,
        country=company.country,
    )


def _refusal(error: str) -> str:
    if error == "access_denied":
        return "QuickBooks was not connected, because access was declined. Nothing was changed; you may begin again."
    return f"QuickBooks was not connected: Intuit answered {error!r}. Nothing was changed; you may begin again."


def _result(request: Request, result: ConnectResult, *, onwards: tuple[str, str] = ("/", "Back")) -> Response:
    if _wants_json(request):
        return JSONResponse(result.model_dump(), headers=NO_STORE)
    title = "Connected" if result.connected else "Not connected"
    return answer_page(request, title, result.message, onwards=onwards)


def _wants_json(request: Request) -> bool:
    """A browser's Accept names text/html; one that only takes anything (curl) gets the browser's answer."""
    accepted = request.headers.get("Accept", "")
    return "application/json" in accepted and "text/html" not in accepted
