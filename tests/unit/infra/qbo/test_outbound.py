"""No call leaves for a host that the settings do not name, and no answer is endless."""

from collections.abc import AsyncIterator

import httpx
import pytest

from infra.config import QBOSettings
from infra.qbo.hosts import allowed_origins, consent_origins, origin_of
from infra.qbo.http_client import open_http
from infra.qbo.outbound import AnswerTooLarge, GuardedTransport, HostNotAllowed

ALLOWED = "https://quickbooks.api.intuit.com"


def settings_with(**urls: str) -> QBOSettings:
    return QBOSettings.model_validate({"client_id": "c", "client_secret": "s", **urls})


class Wire(httpx.AsyncBaseTransport):
    """What would go out."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.sent: list[httpx.URL] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.url)
        return self._answer or httpx.Response(200, content=b"{}")


def guarded(wire: Wire, *, most_bytes: int = 1000) -> httpx.AsyncClient:
    transport = GuardedTransport(wire, origins=allowed_origins(settings_with()), most_bytes=most_bytes)
    return httpx.AsyncClient(transport=transport, follow_redirects=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://quickbooks.api.intuit.com/v3",
        "https://quickbooks.api.intuit.com:444/v3",
        "https://quickbooks.api.intuit.com.evil.test/v3",
        "https://user@quickbooks.api.intuit.com/v3",
        "https://evil.test/",
        "https://sandbox-quickbooks.api.intuit.com/v3",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:5432/",
        "http://[::1]/",
    ],
)
async def test_what_the_settings_do_not_name_is_not_called(url: str) -> None:
    wire = Wire()
    async with guarded(wire) as http:
        with pytest.raises(HostNotAllowed):
            await http.get(url)
    assert wire.sent == []


@pytest.mark.parametrize("url", [f"{ALLOWED}/v3", f"{ALLOWED}:443/v3", "HTTPS://QuickBooks.API.Intuit.com/v3"])
async def test_what_they_name_is(url: str) -> None:
    wire = Wire()
    async with guarded(wire) as http:
        assert (await http.get(url)).status_code == 200
    assert len(wire.sent) == 1


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    wire = Wire(httpx.Response(302, headers={"Location": "https://evil.test/"}))
    async with guarded(wire) as http:
        assert (await http.get(f"{ALLOWED}/v3")).status_code == 302
        assert len(wire.sent) == 1
        with pytest.raises(HostNotAllowed):
            await http.get(f"{ALLOWED}/v3", follow_redirects=True)
    assert len(wire.sent) == 2


async def test_an_answer_without_end_is_cut_off() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    async with guarded(Wire(httpx.Response(200, content=endless()))) as http:
        with pytest.raises(AnswerTooLarge):
            await http.get(f"{ALLOWED}/v3")


async def test_the_one_client_of_the_process_is_guarded() -> None:
    async with open_http(settings_with()) as http:
        with pytest.raises(HostNotAllowed):
            await http.get("http://127.0.0.1:9/")


def test_the_simulator_may_be_called_where_the_settings_name_it() -> None:
    settings = settings_with(api_url="http://127.0.0.1:8200", discovery_url="http://127.0.0.1:8201/.well-known/x")
    assert {"http://127.0.0.1:8200", "http://127.0.0.1:8201"} < allowed_origins(settings)
    assert consent_origins(settings) == ("http://127.0.0.1:8201",)
    assert consent_origins(settings_with()) == ("https://appcenter.intuit.com",)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Host.test:443/a?b#c", "https://host.test"),
        ("http://host.test:8080", "http://host.test:8080"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://host.test:99999/", ""),
        ("ftp://host.test/", ""),
        ("https:///path", ""),
        ("https://a:b@host.test/", ""),
        ("", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
