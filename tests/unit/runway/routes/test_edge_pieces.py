"""The edge's pure parts: addresses, hosts, nesting."""

import json

import pytest
from starlette.datastructures import Headers

from infra.config import EdgeSettings, WebSettings
from runway.routes.edge.addresses import AllowedHosts, TrustedProxies
from runway.routes.edge.body import is_deeper
from runway.routes.edge.headers import AnswerHeaders

PROXIES = TrustedProxies(EdgeSettings.model_validate({"trusted_proxies": "10.0.0.0/8, 2001:db8::/32"}).trusted_proxies)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.1", ["198.51.100.7"], "203.0.113.1"),  # no proxy of ours: believed in nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # the client wrote 1.2.3.4 itself
        ("10.0.0.1", ["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", ["10.1.1.1, 10.9.9.9"], "10.1.1.1"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db9::1]:4711"], "2001:db9::1"),
        ("10.0.0.1", ["2001:db9::1"], "2001:db9::1"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, nonsense, 10.2.2.2"], "10.2.2.2"),
        ("2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [", ".join(["198.51.100.7"] + ["10.0.0.2"] * 50)], "10.0.0.2"),
        (None, ["198.51.100.7"], "unknown"),
    ],
)
def test_the_clients_address(peer: str | None, forwarded: list[str], client: str) -> None:
    headers = Headers(raw=[(b"x-forwarded-for", one.encode()) for one in forwarded])
    assert PROXIES.client_of(peer, headers) == client


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "http, https", "https"),
        ("10.0.0.1", "gopher", "http"),
        ("10.0.0.1", "", "http"),
        ("203.0.113.1", "https", "http"),
    ],
)
def test_the_scheme(peer: str, told: str, scheme: str) -> None:
    assert PROXIES.scheme_of(peer, Headers({"x-forwarded-proto": told}), own="http") == scheme


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("books.example.com", True),
        ("Books.Example.com:8443", True),
        ("localhost:8000", True),
        ("[::1]:8000", True),
        ("127.0.0.1", True),
        ("evil.test", False),
        ("books.example.com.evil.test", False),
        ("evil.test#books.example.com", False),
        ("evil.test/@books.example.com", False),
        ("user@books.example.com", False),
        ("books.example.com:80:80", False),
        ("books.example.com:http", False),
        ("a.books.example.com", False),
        ("", False),
    ],
)
def test_hosts_without_a_setting_are_the_public_ones_and_our_own(host: str, *, is_ours: bool) -> None:
    hosts = AllowedHosts.of(EdgeSettings(), WebSettings.model_validate({"public_url": "https://books.example.com/"}))
    assert hosts.allow([host]) is is_ours


def test_named_hosts_take_their_place() -> None:
    edge = EdgeSettings.model_validate({"allowed_hosts": "one.test, *.two.test"})
    hosts = AllowedHosts.of(edge, WebSettings())
    assert hosts.allow(["one.test"])
    assert hosts.allow(["a.two.test:443"])
    for strange in ("two.test", "atwo.test", "127.0.0.1", "a.one.test"):
        assert not hosts.allow([strange])
    assert not hosts.allow([])
    assert not hosts.allow(["one.test", "one.test"])


def nested(levels: int) -> bytes:
    """Lists and objects in turn."""
    body = "1"
    for level in range(levels):
        body = f"[{body}]" if level % 2 else f'{{"a": {body}}}'
    return body.encode()


@pytest.mark.parametrize("levels", [1, 2, 31, 32])
def test_what_nests_as_deep_as_it_may(levels: int) -> None:
    assert not is_deeper(nested(levels), 32)


@pytest.mark.parametrize("body", [nested(33), nested(34), nested(5000), b"[" * 33, b"[" * 500_000, b'{"a":' * 100_000])
def test_what_nests_deeper(body: bytes) -> None:
    assert is_deeper(body, 32)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([[]] * 10_000).encode(),
        json.dumps({"a": "[" * 1000, "b": '"[{\\"' * 1000}).encode(),
        b'"' + b'\\"[' * 200_000,  # a string that never ends: must not take longer than its length
        b'["' + b"[" * 100 + b"\\",
        b'{"a": 1',
        b"]]]]}}}}",
        b"",
    ],
)
def test_brackets_that_do_not_nest(body: bytes) -> None:
    assert not is_deeper(body, 32)


def test_the_policy_of_a_page_names_the_nonce_and_where_forms_lead() -> None:
    web = WebSettings.model_validate({"public_url": "https://books.example.com"})
    headers = AnswerHeaders.of(web, form_targets=["https://consent.test"])
    page = dict(headers.complete([(b"content-type", b"text/html")], nonce="n0", is_signed_in=False, request_id=b"r"))
    policy = page[b"content-security-policy"].decode()
    assert "script-src 'nonce-n0';" in policy
    assert "form-action 'self' https://consent.test;" in policy
    assert page[b"strict-transport-security"] == b"max-age=31536000; includeSubDomains"
    plain = AnswerHeaders.of(WebSettings(), form_targets=[])
    assert b"strict-transport-security" not in dict(plain.complete([], nonce="n", is_signed_in=False, request_id=b"r"))


def test_a_route_may_store_what_is_nobodys_and_nothing_else() -> None:
    headers = AnswerHeaders.of(WebSettings(), form_targets=[])
    given = [(b"cache-control", b"public, max-age=60"), (b"content-security-policy", b"default-src *")]
    for is_signed_in, stored in ((False, b"public, max-age=60"), (True, b"no-store")):
        answer = headers.complete(given, nonce="n", is_signed_in=is_signed_in, request_id=b"r")
        assert [value for name, value in answer if name == b"cache-control"] == [stored]
        assert [value for name, value in answer if name == b"content-security-policy"] != [b"default-src *"]
        assert len(answer) == len({name for name, _ in answer})
