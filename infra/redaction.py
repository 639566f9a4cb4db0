"""The last wall before a text leaves the process: secrets are cut out by their field's name and by their shape.

Nothing should get here with a secret in it. What does, through a library's message or a traceback, is still not written down.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

REDACTED = "[redacted]"

_FIELDS = frozenset({
    "access_token", "refresh_token", "id_token", "token", "client_secret", "secret", "password", "passphrase", "authorization",
    "proxy_authorization", "cookie", "set_cookie", "code", "otp", "totp", "keyring", "session_token",
})  # fmt: skip
_FIELD_ENDS = ("_token", "_secret", "_password", "_sealed", "_key_bytes")
_PLAIN = (int, float, bool, Decimal, UUID, date, timedelta, type(None))
_DEEPEST = 12

_NAMES = r"access_token|refresh_token|id_token|client_secret|password|passwd|passphrase|authorization|set-cookie|cookie|token"
_QUOTE = r"""(?:\\?["'])"""
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # An HTTP credential, wherever it is quoted.
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # Tokens by their own look: Intuit's access (JWE), refresh and code; ours; a sealed value.
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), REDACTED),
    (re.compile(r"\bX?AB11[\w-]{16,}"), REDACTED),
    (re.compile(r"\bXAB[\w-]{20,}"), REDACTED),
    (re.compile(r"\boo_[\w-]{16,}"), REDACTED),
    (re.compile(r"\bv1\.[\w-]+\.[\w=-]{24,}"), REDACTED),
    # A query's or a form's values.
    (re.compile(rf"(?i)(?<=[?&])((?:{_NAMES}|code|state)=)[^&\s\"'<>]+"), rf"\1{REDACTED}"),
    # name = value, "name": "value", also inside an escaped JSON text.
    (
        re.compile(rf"(?i)\b((?:{_NAMES}){_QUOTE}?\s*[:=]\s*b?)({_QUOTE})(?:(?!\2).)*(?:\2|$)"),
        rf"\1\2{REDACTED}\2",
    ),
    (re.compile(rf"(?i)\b((?:{_NAMES}){_QUOTE}?\s*[:=]\s*)(?![\"'\\\[]|b[\"']|Bearer\b|Basic\b)[^\s\"'&,;(){{}}\[\]]+"), rf"\1{REDACTED}"),
    # A database's or a broker's address.
    (re.compile(r"(://[^/\s:@\"']*):[^@\s/\"']+@"), rf"\1:{REDACTED}@"),
    # PostgreSQL repeats the row that it refuses.
    (re.compile(r"\b(DETAIL|CONTEXT):\s+[^\n]*"), rf"\1:  {REDACTED}"),
)  # fmt: skip


def redact_text(text: str) -> str:
    """The text with everything that looks like a secret cut out."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def cut_out(body: bytes, *secrets: SecretStr) -> bytes:
    """The body without these very secrets: whoever was sent one may repeat it in an answer, and answers end in messages."""
    for secret in secrets:
        if plain := secret.get_secret_value().encode():
            body = body.replace(plain, REDACTED.encode())
    return body


def redact_fields(fields: Mapping[str, Any], *, depth: int = 0) -> dict[str, Any]:
    """The same fields, those with a secret's name blank and the others' texts redacted, however deep."""
    return {
        name: REDACTED if _is_secret(name) and value is not None else _redact(value, depth=depth + 1)
        for name, value in fields.items()
    }


def words_of(error: BaseException) -> str:
    """What may be kept of an error and shown to a user: its words, or its class when it has none.

    Of a database's error the class, PostgreSQL's code and the constraint, since its words repeat the row.
    """
    if isinstance(error, DBAPIError):
        diagnostic = getattr(error.orig, "diag", None)
        constraint = getattr(diagnostic, "constraint_name", None)
        facts = filter(None, (getattr(error.orig, "sqlstate", None), constraint))
        return f"the database refused: {type(error.orig).__name__} ({', '.join(facts) or 'no code'})"
    return redact_text(str(error)) or type(error).__name__


def _is_secret(name: object) -> bool:
    plain = str(name).lower().replace("-", "_")
    return plain in _FIELDS or plain.endswith(_FIELD_ENDS)


def _redact(value: Any, *, depth: int) -> Any:
    match value:
        case str():
            return redact_text(value)
        case Mapping() if depth < _DEEPEST:
            return redact_fields(value, depth=depth)
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_redact(item, depth=depth + 1) for item in value]
        case _ if isinstance(value, _PLAIN):
            return value
        case _:
            return redact_text(repr(value))
