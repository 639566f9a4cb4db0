"""The codes of authenticator apps, held against RFC 6238's own test vectors (SHA-1, the last six of its eight digits)."""

from base64 import b32encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from domains.core.second_factor import code_at, setup_uri

SECRET = SecretStr(b32encode(b"12345678901234567890").decode())


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert code_at(SECRET, datetime.fromtimestamp(seconds, UTC)) == code


def test_the_app_is_told_what_it_needs() -> None:
    parts = urlsplit(setup_uri(SECRET, email="ada+books@example.com").get_secret_value())
    assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("otpauth", "totp", "/Oodaloo:ada+books@example.com")
    assert parse_qs(parts.query) == {
        "secret": [SECRET.get_secret_value()],
        "issuer": ["Oodaloo"],
        "digits": ["6"],
        "period": ["30"],
    }
