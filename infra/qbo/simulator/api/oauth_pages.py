"""Intuit's OAuth2 endpoints: discovery, the consent page, tokens, revocation."""

import base64
import binascii
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra import exact_json
from infra.errors import MalformedJSON
from infra.qbo.simulator.api.oauth import TokenRefused
from infra.qbo.simulator.api.tracing import tracing_headers
from infra.qbo.simulator.simulator import Simulator

_AUTHORIZE: Final = "/connect/oauth2"
_TOKEN: Final = "/oauth2/v1/tokens/bearer"  # noqa: S105 - a path
_REVOKE: Final = "/v2/oauth2/tokens/revoke"
_CARRIED: Final = ("client_id", "response_type", "scope", "redirect_uri", "state")


def oauth_routes(simulator: Simulator) -> list[BaseRoute]:
    pages = _OAuthPages(simulator)
    return [
        Route("/.well-known/openid_configuration", pages.discovery),
        Route("/.well-known/openid_configuration/", pages.discovery),
        Route("/.well-known/openid_sandbox_configuration", pages.discovery),
        Route(_AUTHORIZE, pages.authorize, methods=["GET"]),
        Route(_AUTHORIZE, pages.decide, methods=["POST"]),
        Route(_TOKEN, pages.token, methods=["POST"]),
        Route(_REVOKE, pages.revoke, methods=["POST"]),
    ]


class _OAuthPages:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._server = simulator.oauth

    async def discovery(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return JSONResponse({
            "issuer": f"{base}/op/v1",
            "authorization_endpoint": base + _AUTHORIZE,
            "token_endpoint": base + _TOKEN,
            "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
            "revocation_endpoint": base + _REVOKE,
            "jwks_uri": f"{base}/op/v1/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile", "address", "phone"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
        })  # fmt: skip

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        problem = self._problem(asked)
        if problem:
            return HTMLResponse(_page(f"<h1>Sorry</h1><p>{escape(problem)}</p>"), status_code=400)
        return HTMLResponse(self._consent_page(asked))

    async def decide(self, request: Request) -> Response:
        """Back to the app with code, state and realmId, or with access_denied."""
        form = await _read_form(request)
        problem = self._problem(form)
        if problem:
            return HTMLResponse(_page(f"<h1>Sorry</h1><p>{escape(problem)}</p>"), status_code=400)
        answer = {"state": form.get("state", "")}
        if form.get("action") != "connect":
            answer["error"] = "access_denied"
        elif form.get("realm_id") not in self._simulator.companies:
            return HTMLResponse(_page("<h1>Sorry</h1><p>Choose a company.</p>"), status_code=400)
        else:
            realm_id = form["realm_id"]
            code = self._server.issue_code(realm_id, client_id=form["client_id"], redirect_uri=form["redirect_uri"])
            answer |= {"code": code, "realmId": realm_id}
        return RedirectResponse(_with_query(form["redirect_uri"], answer), status_code=302)

    async def token(self, request: Request) -> Response:
        form = await _read_form(request)
        try:
            client_id = self._authenticate(request, form)
            match form.get("grant_type"):
                case "authorization_code":
                    redirect_uri = form.get("redirect_uri", "")
                    body = self._server.exchange_code(
                        form.get("code", ""), client_id=client_id, redirect_uri=redirect_uri
                    )
                case "refresh_token":
                    body = self._server.refresh(form.get("refresh_token", ""), client_id=client_id)
                case _:
                    raise TokenRefused("unsupported_grant_type")  # noqa: TRY301 - one place turns refusals into answers
        except TokenRefused as refused:
            return _answer(refused.body(), status=refused.status)
        return _answer(body)

    async def revoke(self, request: Request) -> Response:
        """The token comes as JSON; some clients send a form."""
        try:
            self._authenticate(request, {})
            self._server.revoke(await _revoked_token(request))
        except TokenRefused as refused:
            return _answer(refused.body(), status=refused.status)
        return Response(status_code=200, headers=tracing_headers())

    def _authenticate(self, request: Request, form: dict[str, str]) -> str:
        client_id, secret = _basic_credentials(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        self._server.authenticate_client(client_id, secret)
        return client_id

    def _problem(self, asked: dict[str, str]) -> str | None:
        if asked.get("client_id") != self._server.client_id:
            return "The client_id is unknown."
        if asked.get("response_type", "code") != "code":
            return "The response_type should be code."
        if urlsplit(asked.get("redirect_uri", "")).scheme not in {"http", "https"}:
            return "The redirect_uri is missing or not a web address."
        return None if asked.get("state") else "The state is missing."

    def _consent_page(self, asked: dict[str, str]) -> str:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(asked[name])}">' for name in _CARRIED if name in asked
        )
        options = "".join(
            f'<option value="{escape(realm_id)}">{escape(company.name)}</option>'
            for realm_id, company in self._simulator.companies.items()
        )
        return _page(
            f'<h1>Connect a company</h1><form method="post" action="{_AUTHORIZE}">{hidden}'
            f'<p><label for="realm_id">Company</label> <select id="realm_id" name="realm_id">{options}</select></p>'
            '<p><button name="action" value="connect">Connect</button> '
            '<button name="action" value="cancel">Cancel</button></p></form>'
        )


def _page(content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Simulated QuickBooks Online</title></head>'
        f"<body><p>Simulated QuickBooks Online</p>{content}</body></html>"
    )


def _with_query(url: str, added: dict[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *added.items()])))


async def _read_form(request: Request) -> dict[str, str]:
    pairs = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


async def _revoked_token(request: Request) -> str:
    try:
        body = exact_json.loads(await request.body())
    except MalformedJSON:
        return (await _read_form(request)).get("token", "")
    return str(body.get("token", "")) if isinstance(body, dict) else ""


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return client_id, secret


def _answer(body: dict[str, Any], *, status: int = 200) -> Response:
    return JSONResponse(body, status_code=status, headers=tracing_headers())
