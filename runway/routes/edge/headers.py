"""The headers that every answer has, whoever made it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from infra.config import WebSettings

Header = tuple[bytes, bytes]

_HSTS = b"max-age=31536000; includeSubDomains"
_PERMISSIONS = b"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()"
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", _PERMISSIONS),
)
# What holds no page may do nothing at all, should a browser ever take it for one.
_NO_PAGE = b"default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A letter shown as it is mailed: its looks stand in its lines, and it may do nothing else.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
_OURS = frozenset({name for name, _ in _ALWAYS} | {b"content-security-policy", b"strict-transport-security"})


def new_nonce() -> str:
    """Put it on each `<script>` and `<style>` of a page; no other one runs or applies."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class AnswerHeaders:
    """`form_targets` are the origins that a form's answer may lead to besides ours: a rail's consent page."""

    always: tuple[Header, ...]
    page_policy: str

    @classmethod
    def of(cls, web: WebSettings, *, form_targets: Iterable[str]) -> Self:
        is_https = urlsplit(str(web.public_url)).scheme == "https"
        return cls(
            always=(*_ALWAYS, *([(b"strict-transport-security", _HSTS)] if is_https else [])),
            page_policy="; ".join([
                "default-src 'none'",
                "script-src 'nonce-{nonce}'",
                "style-src 'self' 'nonce-{nonce}'",
                "img-src 'self' data:",
                "font-src 'self'",
                "connect-src 'self'",
                "frame-src 'self'",
                "manifest-src 'self'",
                "object-src 'none'",
                "base-uri 'none'",
                " ".join(["form-action 'self'", *form_targets]),
                "frame-ancestors 'none'",
                *(["upgrade-insecure-requests"] if is_https else []),
            ]),
        )  # fmt: skip

    def complete(self, given: Iterable[Header], *, nonce: str, is_signed_in: bool, request_id: bytes) -> list[Header]:
        """The answer's headers with ours, which win.

        Of Referrer-Policy a route's own stays, and of Cache-Control unless the request brought credentials. Without one, nothing
        is stored.
        """
        kept, names, content_type, is_letter = [], set(), b"", False
        for name, value in given:
            is_letter = is_letter or (name, value) == (b"content-security-policy", LETTER_POLICY.encode())
            if name in _OURS or (is_signed_in and name == b"cache-control"):
                continue
            if name == b"content-type":
                content_type = value
            names.add(name)
            kept.append((name, value))
        is_page = content_type.startswith(b"text/html")
        policy = self.page_policy.replace("{nonce}", nonce).encode() if is_page else _NO_PAGE
        policy = LETTER_POLICY.encode() if is_letter else policy
        kept += self.always
        kept += ((b"content-security-policy", policy), (b"x-request-id", request_id))
        if b"cache-control" not in names:
            kept.append((b"cache-control", b"no-store"))
        if b"referrer-policy" not in names:
            kept.append((b"referrer-policy", b"same-origin"))
        return kept
