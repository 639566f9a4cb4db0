"""What each answer of Intuit's token endpoint means; the flow itself is tried against the simulator."""

import gzip
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import respx
from pydantic import SecretStr
from structlog.testing import capture_logs

from infra.config import QBOSettings
from infra.qbo.errors import QBOAccessRevoked, QBOError, QBORateLimited, QBOUnavailable, QBOValidationFault
from infra.qbo.oauth import IntuitOAuth

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DISCOVERY = "https://developer.api.intuit.com/.well-known/openid_configuration"
TOKEN = "https://oauth.platform.intuit.com/tokens"
ENDPOINTS = {
    "authorization_endpoint": "https://appcenter.intuit.com/connect",
    "token_endpoint": TOKEN,
    "revocation_endpoint": "https://developer.api.intuit.com/revoke",
}
ANSWER = {
    "token_type": "bearer",
    "access_token": "canary-access",
    "expires_in": 3600,
    "refresh_token": "canary-refresh",
    "x_refresh_token_expires_in": 8726400,
}


class FixedClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
async def oauth() -> AsyncIterator[IntuitOAuth]:
    settings = QBOSettings.model_validate(
        {"client_id": "the-id", "client_secret": "the:secret", "discovery_url": DISCOVERY}
    )
    async with httpx.AsyncClient() as http:
        yield IntuitOAuth(http=http, settings=settings, clock=FixedClock())


@respx.mock
async def test_the_authorize_address_carries_the_state_and_discovery_is_read_once(oauth: IntuitOAuth) -> None:
    discovery = respx.get(DISCOVERY).respond(json=ENDPOINTS)
    url = await oauth.authorize_url("s&1", redirect_uri="https://oodaloo.test/callback?a=b")
    await oauth.authorize_url("s2", redirect_uri="https://oodaloo.test/callback")
    assert url.startswith("https://appcenter.intuit.com/connect?")
    assert {name: values for name, [values] in parse_qs(urlsplit(url).query).items()} == {
        "client_id": "the-id",
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": "https://oodaloo.test/callback?a=b",
        "state": "s&1",
    }
    assert discovery.call_count == 1


@respx.mock
async def test_a_refresh_sends_basic_credentials_and_reads_lifetimes(oauth: IntuitOAuth) -> None:
    respx.get(DISCOVERY).respond(json=ENDPOINTS)
    route = respx.post(TOKEN).respond(json=ANSWER)
    grant = await oauth.refresh(SecretStr("old"))
    request = route.calls.last.request
    assert b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"the-id:the:secret"
    assert parse_qs(request.content.decode()) == {"grant_type": ["refresh_token"], "refresh_token": ["old"]}
    assert grant.access_token.get_secret_value() == "canary-access"
    assert (grant.expires_at, grant.refresh_expires_at) == (NOW + timedelta(hours=1), NOW + timedelta(days=101))
    assert "canary" not in repr(grant)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}, QBOAccessRevoked),
        (400, {"error": "invalid_request"}, QBOValidationFault),
        (401, {"error": "invalid_client"}, QBOValidationFault),
        (429, {}, QBORateLimited),
        (500, {"error": "invalid_grant"}, QBOUnavailable),
        (503, {}, QBOUnavailable),
        (403, {}, QBOUnavailable),
        (302, {}, QBOUnavailable),
        (200, {}, QBOUnavailable),
        (200, ANSWER | {"expires_in": "soon"}, QBOUnavailable),
        (200, ANSWER | {"refresh_token": ""}, QBOUnavailable),
    ],
)
@respx.mock
async def test_only_invalid_grant_means_that_the_grant_is_gone(
    oauth: IntuitOAuth, status: int, body: dict[str, Any], expected: type[QBOError]
) -> None:
    respx.get(DISCOVERY).respond(json=ENDPOINTS)
    respx.post(TOKEN).respond(status, json=body, headers={"intuit_tid": "1-tid"})
    with capture_logs() as events, pytest.raises(expected) as caught:
        await oauth.refresh(SecretStr("canary-old"))
    assert type(caught.value) is expected
    assert "canary" not in repr(caught.value)
    assert "canary" not in repr(events)


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError])
@respx.mock
async def test_no_answer_is_no_revocation(oauth: IntuitOAuth, error: type[httpx.HTTPError]) -> None:
    respx.get(DISCOVERY).respond(json=ENDPOINTS)
    respx.post(TOKEN).mock(side_effect=error)
    with pytest.raises(QBOUnavailable, match=error.__name__):
        await oauth.refresh(SecretStr("old"))


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        *(
            {**ENDPOINTS, name: forged}
            for name in ENDPOINTS
            for forged in (
                7,
                "",
                "http://oauth.platform.intuit.com/tokens",
                "https://oauth.platform.intuit.com.evil.test/tokens",
                "https://oauth.platform.intuit.com:8443/tokens",
                "https://oauth.platform.intuit.com@evil.test/tokens",
                "https://evil.test/https://oauth.platform.intuit.com/tokens",
                "https://evil.test\\@oauth.platform.intuit.com/tokens",
                "https://evil.intuit.com/tokens",
                "//oauth.platform.intuit.com/tokens",
                "javascript:alert(1)",
                "https://169.254.169.254/latest",
                "https://[::1]/tokens",
            )
        ),
    ],
)
@respx.mock
async def test_a_discovery_document_that_would_send_secrets_astray_is_not_used(
    oauth: IntuitOAuth, document: Any
) -> None:
    """Nothing but the document itself is asked for: any other call fails here, and none is tried."""
    discovery = respx.get(DISCOVERY).respond(json=document)
    for _ in range(2):
        with pytest.raises(QBOUnavailable, match=r"discovery document|not a JSON object"):
            await oauth.refresh(SecretStr("old"))
        with pytest.raises(QBOUnavailable, match=r"discovery document|not a JSON object"):
            await oauth.authorize_url("s", redirect_uri="https://oodaloo.test/callback")
    assert discovery.call_count == respx.calls.call_count == 4


@respx.mock
async def test_an_answer_without_end_is_not_read(oauth: IntuitOAuth) -> None:
    """A small one that unpacks to a large one, too."""
    respx.get(DISCOVERY).respond(json=ENDPOINTS)
    bomb = gzip.compress(b'{"access_token": "' + b"a" * 10_000_000)
    respx.post(TOKEN).respond(content=bomb, headers={"Content-Encoding": "gzip"})
    assert len(bomb) < 20_000
    with pytest.raises(QBOUnavailable, match="larger than we read"):
        await oauth.refresh(SecretStr("old"))


@respx.mock
async def test_revoking_what_is_gone_already_is_no_error(oauth: IntuitOAuth) -> None:
    respx.get(DISCOVERY).respond(json=ENDPOINTS)
    route = respx.post(ENDPOINTS["revocation_endpoint"])
    route.respond(200)
    await oauth.revoke(SecretStr("r"))
    assert route.calls.last.request.content == b'{"token":"r"}'
    route.respond(400, json={"error": "invalid_grant"})
    await oauth.revoke(SecretStr("r"))
    route.respond(500)
    with pytest.raises(QBOUnavailable):
        await oauth.revoke(SecretStr("r"))
