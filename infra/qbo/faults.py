"""Reading a refusal from whatever body Intuit sent: service fault, gateway fault, XML, HTML, half a body or none.

Texts are in the company's language, so only codes and statuses decide what an answer means.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from xml.parsers import expat

from infra import exact_json
from infra.errors import MalformedJSON
from infra.qbo.errors import (
    QBOAccessRevoked,
    QBOAuthExpired,
    QBOError,
    QBONotFound,
    QBORateLimited,
    QBOStaleObject,
    QBOUnavailable,
    QBOValidationFault,
)

DEFAULT_RETRY_AFTER_SECONDS = 60.0  # Intuit's advice for a 429 without Retry-After
LONGEST_RETRY_AFTER_SECONDS = 300.0
_LARGEST_XML_BYTES = 65_536  # a fault is a few hundred bytes

_THROTTLED = frozenset({"3001"})
_TOKEN_REFUSED = frozenset({"3200", "100", "130"})
_ACCESS_GONE = frozenset({"120", "3100", "6190"})
_SYSTEM_FAILURE = frozenset({"10000"})


@dataclass(frozen=True, slots=True)
class Fault:
    """The first error of a fault; the fields are as Intuit wrote them, empty when absent."""

    code: str
    message: str
    detail: str
    type: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.message, self.detail) if part) or f"fault {self.code}"


def find_fault(body: bytes) -> Fault | None:
    """The fault that a body of unknown form carries, None when it carries none that can be read."""
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        return _find_fault_in_xml(text)
    try:
        return find_fault_in(exact_json.loads(text))
    except MalformedJSON:
        return None


def find_fault_in(answer: Any) -> Fault | None:
    """The fault inside a parsed answer: HTTP 200 may carry one, at the top or in one part of a CDC answer."""
    for part in _parts(answer):
        fault = part.get("Fault") or part.get("fault")
        if isinstance(fault, dict):
            return _read_fault(fault)
    return None


def error_from_answer(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> QBOError:
    """The error that an answer of status 300 or above stands for. `headers` must ignore case, as httpx's do."""
    return error_for(status, headers, find_fault(body), now=now)


def error_for(status: int, headers: Mapping[str, str], fault: Fault | None, *, now: datetime) -> QBOError:
    """The error for a status and the fault that came with it; `now` dates a Retry-After written as a date."""
    code = fault.code if fault else None
    tid = headers.get("intuit_tid")
    text = f"QuickBooks answered {status}" + (f" (code {fault.code}): {fault}" if fault else ".")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLED:
        wait = retry_after_seconds(headers.get("retry-after"), now=now)
        return QBORateLimited(text, retry_after_seconds=wait, status=status, code=code, intuit_tid=tid)
    kind = _kind(status, code, fault.type.lower() if fault else "")
    if issubclass(kind, QBOAuthExpired):  # Intuit may quote the token that it refuses
        text = f"QuickBooks refused the access token ({status}{f', code {fault.code}' if fault else ''})."
    if issubclass(kind, QBOValidationFault):
        return kind(text, code=code or f"http-{status}", status=status, intuit_tid=tid)
    return kind(text, status=status, code=code, intuit_tid=tid)


def retry_after_seconds(value: str | None, *, now: datetime) -> float:
    """Seconds to wait as a Retry-After header asks (seconds or a date); 60 when absent or unreadable; 1 to 300."""
    seconds = DEFAULT_RETRY_AFTER_SECONDS
    if value is not None:
        with suppress(ValueError):
            seconds = float(value) if value.strip().isdigit() else (_http_date(value) - now).total_seconds()
    return min(max(seconds, 1.0), LONGEST_RETRY_AFTER_SECONDS)


def _kind(status: int, code: str | None, fault_type: str) -> type[QBOError]:
    # Only Intuit's own word ends a connection: a firewall's 403 page, sent to every company at once, is no word of Intuit's.
    if code in _ACCESS_GONE or (status == HTTPStatus.FORBIDDEN and code is not None):
        return QBOAccessRevoked
    if status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_REFUSED or fault_type.startswith("authentication"):
        return QBOAuthExpired
    if code == "5010":
        return QBOStaleObject
    if code == "610":
        return QBONotFound
    is_ours = (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.MULTIPLE_CHOICES
    )
    is_passing = status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.FORBIDDEN}
    if code in _SYSTEM_FAILURE or fault_type == "systemfault" or not is_ours or is_passing:
        return QBOUnavailable
    return QBOValidationFault


def _http_date(value: str) -> datetime:
    moment = parsedate_to_datetime(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parts(answer: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(answer, dict):
        return
    yield answer
    for response in answer.get("CDCResponse") or ():
        if isinstance(response, dict):
            yield response
            yield from (part for part in response.get("QueryResponse") or () if isinstance(part, dict))


def _read_fault(fault: dict[str, Any]) -> Fault:
    errors = fault.get("Error") or fault.get("error") or [{}]
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    return Fault(
        code=str(first.get("code") or ""),
        message=str(first.get("Message") or first.get("message") or ""),
        detail=str(first.get("Detail") or first.get("detail") or ""),
        type=str(fault.get("type") or ""),
    )


class _Refused(Exception):
    """The XML declares a document type: the way to entity bombs, and no fault of Intuit's has one."""


class _FaultReader:
    """Collects the first error of `<IntuitResponse><Fault type><Error code><Message/><Detail/>`."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, body: bytes) -> None:
        self._parser.Parse(body, True)  # noqa: FBT003 - expat takes no keywords

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2].lower())
        if self._path[-1] == "fault":
            self.found.setdefault("type", attributes.get("type", ""))
        elif self._path[-1] == "error" and "fault" in self._path:
            self.found.setdefault("code", attributes.get("code", ""))

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _text(self, data: str) -> None:
        if self._path[-1] in {"message", "detail"} and "code" in self.found:
            self.found[self._path[-1]] = self.found.get(self._path[-1], "") + data

    def _refuse(self, *_: Any) -> None:
        raise _Refused


def _find_fault_in_xml(body: bytes) -> Fault | None:
    if len(body) > _LARGEST_XML_BYTES:
        return None
    reader = _FaultReader()
    try:
        reader.read(body)
    except _Refused:
        return None
    except expat.ExpatError:
        pass  # cut short or HTML: what was read before the break still counts
    found = reader.found
    if not found.get("code"):
        return None
    return Fault(
        code=found["code"],
        message=found.get("message", ""),
        detail=found.get("detail", ""),
        type=found.get("type", ""),
    )
