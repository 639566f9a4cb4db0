"""Connecting QuickBooks: out to Intuit's consent page and back. The callback is guarded by its single-use state."""

from html import escape
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from infra.errors import InvalidInput
from runway.orchestrators.connect_qbo import ConnectQBO
from runway.routes.access import AllServices, ManagesConnection
from runway.routes.documentation import documented

CALLBACK_PATH = "/api/v1/qbo/callback"
_AUTHORIZE_URL = "https://appcenter.intuit.com/connect/oauth2?client_id=…&state=…"
_NO_STORE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}

router = APIRouter(prefix="/api/v1/qbo", tags=["connection"])


class AuthorizeAddress(BaseModel):
    authorize_url: str = Field(description="Send the user's browser there. Good once, for ten minutes.")


class ConnectResult(BaseModel):
    connected: bool
    message: str


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
        clock=services.clock,
    )


Connecting = Annotated[ConnectQBO, Depends(connecting)]


@router.get(
    "/connect",
    summary="Begin connecting QuickBooks",
    response_model=AuthorizeAddress,
    responses=documented({"authorize_url": _AUTHORIZE_URL}, HTTPStatus.SERVICE_UNAVAILABLE)
    | {HTTPStatus.FOUND.value: {"description": "To Intuit's consent page."}},
)
async def connect_qbo(
    request: Request, caller: ManagesConnection, services: AllServices, connect: Connecting
) -> Response:
    """Redirect to Intuit's consent page. With `Accept: application/json` the address is given instead, for clients that
    open the browser themselves.
    """
    redirect_uri = str(services.settings.web.public_url).rstrip("/") + CALLBACK_PATH
    authorize_url = await connect.begin(caller.business.id, redirect_uri=redirect_uri)
    if _wants_json(request):
        return JSONResponse({"authorize_url": authorize_url}, headers=_NO_STORE)
    return RedirectResponse(authorize_url, HTTPStatus.FOUND, headers=_NO_STORE)


@router.get(
    "/callback",
    summary="Where Intuit sends the browser back",
    response_model=ConnectResult,
    responses=documented(
        {"connected": True, "message": "QuickBooks is connected. Your books are being read now."},
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def finish_connecting_qbo(
    request: Request, brought: Annotated[Callback, Query()], connect: Connecting
) -> Response:
    """Check the state, trade the code for tokens, keep them sealed and begin reading the books. Answers a small page, or
    JSON with `Accept: application/json`. Needs no token: the state tells whose connection it is, and works once.
    """
    if brought.error is not None:
        await connect.decline(brought.state)
        return _result(request, is_connected=False, message=_refusal(brought.error))
    if brought.code is None or brought.realmId is None:
        raise CallbackIncomplete
    await connect.finish(brought.state, code=brought.code, realm_id=brought.realmId)
    message = "QuickBooks is connected. Your books are being read now; you may close this page."
    return _result(request, is_connected=True, message=message)


class CallbackIncomplete(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Intuit's redirect should bring code and realmId, or error. Begin the connection again.")


def _refusal(error: str) -> str:
    if error == "access_denied":
        return "QuickBooks was not connected, because access was declined. Nothing was changed; you may begin again."
    return f"QuickBooks was not connected: Intuit answered {error!r}. Nothing was changed; you may begin again."


def _result(request: Request, *, is_connected: bool, message: str) -> Response:
    if _wants_json(request):
        body: dict[str, Any] = {"connected": is_connected, "message": message}
        return JSONResponse(body, headers=_NO_STORE)
    title = "Connected" if is_connected else "Not connected"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{escape(message)}</p></main></body></html>"
    )
    return HTMLResponse(page, headers=_NO_STORE)


def _wants_json(request: Request) -> bool:
    """A browser's Accept names text/html; one that only takes anything (curl) gets the browser's answer."""
    accepted = request.headers.get("Accept", "")
    return "application/json" in accepted and "text/html" not in accepted
