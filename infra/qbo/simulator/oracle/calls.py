"""What a request asks for, told from its address and body without executing it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from infra import exact_json
from infra.errors import MalformedJSON
from infra.qbo.simulator.books.entities import find_kind

_FROM: Final = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_COMPANY: Final = "/v3/company/"
_TOKEN: Final = "/oauth2/v1/tokens/bearer"  # noqa: S105 - a path
_REVOKE: Final = "/v2/oauth2/tokens/revoke"
_WITHOUT_ENTITY: Final = {"query", "cdc", "batch", "reports", "upload"}

VERBS: Final = (
    "query", "cdc", "read", "create", "update", "delete", "void", "send", "pdf", "batch", "report",
    "token", "revoke", "webhook", "other",
)  # fmt: skip


@dataclass(slots=True)
class Call:
    """`realm_id` is empty for the token endpoints. `entity` is in QBO's spelling where it is known."""

    method: str
    path: str
    realm_id: str = ""
    verb: str = "other"
    entity: str | None = None
    request_id: str | None = None
    authorization: str | None = field(default=None, repr=False)


def describe_call(method: str, path: str, query: bytes, *, body: bytes, headers: Mapping[bytes, bytes]) -> Call | None:
    """None for addresses that are no part of the API: discovery, consent, /admin."""
    if path in {_TOKEN, _REVOKE}:
        return Call(method, path, verb="token" if path == _TOKEN else "revoke")
    if not path.startswith(_COMPANY):
        return None
    realm_id, _, rest = path[len(_COMPANY) :].partition("/")
    options = {name.lower(): values[-1] for name, values in parse_qs(query.decode(errors="replace")).items()}
    call = Call(method, path, realm_id=realm_id, request_id=options.get("requestid"))
    call.authorization = headers.get(b"authorization", b"").decode(errors="replace") or None
    parts = [part for part in rest.split("/") if part]
    name = parts[0].lower() if parts else ""
    call.verb = _verb(method, parts, options, body)
    if name == "query":
        text = options.get("query", "") if method == "GET" else body.decode(errors="replace")
        named = _FROM.search(text)
        call.entity = _entity(named[1]) if named else None
    elif name == "cdc":
        call.entity = options.get("entities")
    elif name == "reports":
        call.entity = parts[1] if len(parts) > 1 else None
    elif name not in _WITHOUT_ENTITY:
        call.entity = _entity(name)
    return call


def _verb(method: str, parts: list[str], options: Mapping[str, str], body: bytes) -> str:
    name = parts[0].lower() if parts else ""
    if name in {"query", "cdc", "batch"}:
        return name
    if name == "reports":
        return "report"
    last = parts[-1].lower() if len(parts) > 1 else ""
    if last in {"send", "pdf"}:
        return last
    if method == "GET":
        return "read"
    return _write_verb(options, body) if method == "POST" else "other"


def _write_verb(options: Mapping[str, str], body: bytes) -> str:
    operation = options.get("operation", "").lower()
    if operation == "void" or options.get("include", "").lower() == "void":
        return "void"
    if operation in {"delete", "update"}:
        return operation
    try:
        parsed: Any = exact_json.loads(body)
    except MalformedJSON:
        return "create"
    return "update" if isinstance(parsed, dict) and parsed.get("Id") is not None else "create"


def _entity(name: str) -> str:
    kind = find_kind(name)
    return kind.name if kind else name
