"""Intuit's OAuth2: authorize address, code for tokens, refresh, revoke. Holds no tokens and keeps none."""

import asyncio
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from infra import exact_json
from infra.clock import Clock
from infra.config import QBOSettings
from infra.errors import MalformedJSON
from infra.logging import get_logger
from infra.qbo.errors import QBOAccessRevoked, QBOError, QBORateLimited, QBOUnavailable, QBOValidationFault
from infra.qbo.faults import error_from_answer
from infra.qbo.hosts import allowed_origins, origin_of
from infra.redaction import cut_out

# Answers to a revocation that mean: there is nothing (more) to revoke.
_NOTHING_TO_REVOKE = frozenset({"invalid_grant", "invalid_token", "invalid_request"})
_OAUTH_CODE = re.compile(r"[a-z][a-z_]{2,60}")

_LARGEST_ANSWER_BYTES = 256 * 1024  # tokens and addresses: some kilobytes
_CHUNK_BYTES = 16 * 1024
_OF_PACKING = frozenset({"content-encoding", "content-length", "transfer-encoding"})

ACCOUNTING_SCOPE = "com.intuit.quickbooks.accounting"

log = get_logger()


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """One answer of the token endpoint; lifetimes are counted from before the call, so they never run too long."""

    access_token: SecretStr
    refresh_token: SecretStr
    issued_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorize: str
    token: str
    revoke: str


class IntuitOAuth:
    """Shared by the process; the discovery document is read once and kept."""

    def __init__(self, *, http: httpx.AsyncClient, settings: QBOSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._endpoints: _Endpoints | None = None
        self._discovering = asyncio.Lock()

    async def authorize_url(self, state: str, *, redirect_uri: str) -> str:
        """Where to send the user's browser. `state` must be bound to the user's session and checked on return."""
        endpoints = await self._discovered()
        query = urlencode(
            {
                "client_id": self._settings.client_id,
                "response_type": "code",
                "scope": ACCOUNTING_SCOPE,
                "redirect_uri": redirect_uri,
                "state": state,
            }
        )
        return f"{endpoints.authorize}?{query}"

    async def exchange(self, code: SecretStr, *, redirect_uri: str) -> TokenGrant:
        """Trade the callback's code for tokens.

        Raises:
            QBOAccessRevoked: the code is wrong, used or too old (`invalid_grant`).
            QBOUnavailable: no answer; the user may start again.
        """
        return await self._ask_token("authorization_code", "code", code, redirect_uri=redirect_uri)

    async def refresh(self, refresh_token: SecretStr) -> TokenGrant:
        """Trade a refresh token for new tokens; the old one may be dead from then on, so store before use.

        Raises:
            QBOAccessRevoked: `invalid_grant`.
            QBOUnavailable: 5xx or no answer. It says nothing about the grant.
        """
        return await self._ask_token("refresh_token", "refresh_token", refresh_token)

    async def revoke(self, token: SecretStr) -> None:
        """End the whole grant at Intuit; either token will do. A grant that is gone already is no error."""
        endpoints = await self._discovered()
        response = await self._send("POST", endpoints.revoke, json={"token": token}, headers=self._headers())
        if response.status_code != HTTPStatus.OK:
            error = self._error(response, token)
            if error.code not in _NOTHING_TO_REVOKE:
                raise error

    async def _ask_token(self, grant_type: str, name: str, secret: SecretStr, **form: str) -> TokenGrant:
        endpoints = await self._discovered()
        asked_at = self._clock.now()
        response = await self._send(
            "POST",
            endpoints.token,
            data={"grant_type": grant_type, name: secret, **form},
            headers=self._headers(),
        )
        log.info(
            "qbo.token.answered",
            grant_type=grant_type,
            status=response.status_code,
            intuit_tid=response.headers.get("intuit_tid"),
        )
        if response.status_code != HTTPStatus.OK:
            raise self._error(response, secret)
        # No variable of this frame holds what is in the answer: frames end in reports.
        granted = _read_grant(_json_object(response), asked_at)
        if granted is None:
            raise QBOUnavailable("Intuit's token endpoint sent an answer of an unknown shape.", status=200)
        return granted

    async def _discovered(self) -> _Endpoints:
        async with self._discovering:
            if self._endpoints is None:
                self._endpoints = await self._discover()
            return self._endpoints

    async def _discover(self) -> _Endpoints:
        url = str(self._settings.discovery_url)
        response = await self._send("GET", url, headers={"Accept": "application/json"})
        if response.status_code != HTTPStatus.OK:
            raise QBOUnavailable("Intuit's discovery document cannot be read.", status=response.status_code)
        content = _json_object(response)
        origins = allowed_origins(self._settings)
        names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
        endpoints = [content.get(name) for name in names]
        for name, endpoint in zip(names, endpoints, strict=True):
            # Secrets and browsers go there: to Intuit or to where the settings point, whatever a document says.
            if not isinstance(endpoint, str) or origin_of(endpoint) not in origins:
                log.error("qbo.discovery.refused", endpoint=name, origin=origin_of(str(endpoint)))
                raise QBOUnavailable(f"Intuit's discovery document has no usable {name}.")
        return _Endpoints(*map(str, endpoints))

    async def _send(self, method: str, url: str, **arguments: dict[str, Any]) -> httpx.Response:
        """`arguments` are httpx's; what is secret in them stays covered until it is sent."""
        try:
            async with self._http.stream(method, url, **_revealed(arguments)) as response:
                return await _read_whole(response)
        except httpx.HTTPError as error:
            # Not chained: the frames of the failed call hold the secrets that it sent.
            raise QBOUnavailable(f"Intuit could not be reached ({type(error).__name__}).") from None

    def _headers(self) -> dict[str, SecretStr | str]:
        return {"Authorization": SecretStr(f"Basic {self._basic()}"), "Accept": "application/json"}

    def _basic(self) -> str:
        pair = f"{self._settings.client_id}:{self._settings.client_secret.get_secret_value()}"
        return b64encode(pair.encode()).decode()

    def _error(self, response: httpx.Response, sent: SecretStr) -> QBOError:
        status, tid = response.status_code, response.headers.get("intuit_tid")
        code = _oauth_code(response)
        is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        if code == "invalid_grant" and is_refusal:
            return QBOAccessRevoked("Intuit no longer accepts this grant.", status=status, code=code, intuit_tid=tid)
        body = cut_out(response.content, sent, self._settings.client_secret, SecretStr(self._basic()))
        error = error_from_answer(status, response.headers, body, now=self._clock.now())
        if isinstance(error, QBORateLimited | QBOUnavailable):
            return error
        if code is None:
            # Only Intuit's own word ends a connection: a proxy's 403 page is no word of Intuit's.
            return QBOUnavailable("Intuit's token endpoint gave no readable answer.", status=status, intuit_tid=tid)
        return QBOValidationFault(f"Intuit refused: {code}.", code=code, status=status, intuit_tid=tid)


def _revealed(arguments: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        name: {key: one.get_secret_value() if isinstance(one, SecretStr) else one for key, one in values.items()}
        for name, values in arguments.items()
    }


async def _read_whole(response: httpx.Response) -> httpx.Response:
    """The same answer with its content read, none of it packed any more."""
    chunks, size = [], 0
    async for chunk in response.aiter_bytes(_CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST_ANSWER_BYTES:
            raise QBOUnavailable("Intuit sent an answer larger than we read.", status=response.status_code)
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_PACKING]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(chunks))


def _json_object(response: httpx.Response) -> dict[str, Any]:
    content = _find_object(response)
    if content is None:
        raise QBOUnavailable("Intuit sent an answer that is not a JSON object.", status=response.status_code)
    return content


def _find_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        content = exact_json.loads(response.content)
    except MalformedJSON:
        return None
    return content if isinstance(content, dict) else None


def _read_grant(content: dict[str, Any], asked_at: datetime) -> TokenGrant | None:
    try:
        return TokenGrant(
            access_token=SecretStr(_text(content["access_token"])),
            refresh_token=SecretStr(_text(content["refresh_token"])),
            issued_at=asked_at,
            expires_at=asked_at + timedelta(seconds=int(content["expires_in"])),
            refresh_expires_at=asked_at + timedelta(seconds=int(content["x_refresh_token_expires_in"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _oauth_code(response: httpx.Response) -> str | None:
    """The answer's `error`, where it has the look of one."""
    code = (_find_object(response) or {}).get("error")
    return code if isinstance(code, str) and _OAUTH_CODE.fullmatch(code) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value
