"""What an answer to a write proves, by its status and Intuit's code alone. What proves nothing is doubtful: that is the default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from infra import exact_json
from infra.actions.rail import AnswerKind, Payload, SendStage, WriteAnswer
from infra.errors import MalformedJSON
from infra.qbo import refusals
from infra.qbo.answers import answered_at
from infra.qbo.faults import Fault, find_fault, retry_after_seconds

_ACCESS_GONE = frozenset({"120", "3100"})
_TOKEN_REFUSED = frozenset({"3200", "100", "130"})
_THROTTLED = frozenset({"3001"})
_READ_AND_REFUSED = {
    **dict.fromkeys(refusals.REFUSED, AnswerKind.REFUSED),
    refusals.STALE: AnswerKind.STALE,
    refusals.DUPLICATE_NUMBER: AnswerKind.DUPLICATE_NUMBER,
}
_SAID_BEFORE_READING = {
    AnswerKind.NOT_SENT: refusals.NOT_REACHED,
    AnswerKind.NOT_EXECUTED: refusals.NOT_LET_IN,
    AnswerKind.ACCESS_GONE: refusals.ACCESS_GONE,
}


@dataclass(slots=True)
class Told:
    """What one exchange brought.

    Attributes:
        status: None without an answer; with a `failure` the body is what came before it.
        failure: the error's class, empty when the answer came whole.
        is_unsent: no byte of the request can have left.
    """

    asked_at: datetime
    stage: SendStage = SendStage.NOT_CONNECTED
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""
    is_unsent: bool = False

    @property
    def is_outage(self) -> bool:
        """It says that QBO is out of order, not that it minds this request."""
        if self.status is None or self.failure:
            return True
        is_fine = self.status < HTTPStatus.INTERNAL_SERVER_ERROR and self.status != HTTPStatus.REQUEST_TIMEOUT
        return not is_fine


def read_told(told: Told, entity: str, *, now: datetime) -> WriteAnswer:
    """`now` dates a Retry-After that is written as a date."""
    content = _json(told.body)
    fault = find_fault(told.body)
    payload = _payload(content, entity)
    kind = _kind(told, fault, payload)
    return WriteAnswer(
        kind=kind,
        stage=told.stage,
        answered_at=answered_at(content, told.asked_at),
        payload=payload if kind is AnswerKind.DONE else None,
        status=told.status,
        code=fault.code or None if fault else None,
        words=_words(kind, told, fault),
        trace_id=told.headers.get("intuit_tid"),
        retry_after_seconds=_wait(kind, told, fault, now=now),
        digest=blake2b(told.body, digest_size=32).digest() if told.body else None,
    )


def refuses_token(answer: WriteAnswer) -> bool:
    """Not executed, and another token may help."""
    return answer.kind is AnswerKind.NOT_EXECUTED and answer.retry_after_seconds is None


def _kind(told: Told, fault: Fault | None, payload: Payload | None) -> AnswerKind:
    if told.status is None:
        return AnswerKind.NOT_SENT if told.is_unsent else AnswerKind.DOUBTFUL
    if told.status < HTTPStatus.MULTIPLE_CHOICES:
        # A fault within a success proves neither: both were seen of services that had executed the request.
        is_whole = not told.failure and fault is None and payload is not None
        return AnswerKind.DONE if is_whole else AnswerKind.DOUBTFUL
    if not HTTPStatus.BAD_REQUEST <= told.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return AnswerKind.DOUBTFUL
    return _refusal(told.status, fault.code if fault else "")


def _refusal(status: int, code: str) -> AnswerKind:
    """What 400 to 499 with this code (empty: none that can be read) proves."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLED:
        return AnswerKind.NOT_EXECUTED
    # Only Intuit's own word ends a connection: a firewall's 403 page is no word of Intuit's.
    if code in _ACCESS_GONE or (status == HTTPStatus.FORBIDDEN and code and code not in _TOKEN_REFUSED):
        return AnswerKind.ACCESS_GONE
    if status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_REFUSED:
        return AnswerKind.NOT_EXECUTED
    return _READ_AND_REFUSED.get(code, AnswerKind.DOUBTFUL) if status == HTTPStatus.BAD_REQUEST else AnswerKind.DOUBTFUL


def _words(kind: AnswerKind, told: Told, fault: Fault | None) -> str:
    if kind is AnswerKind.DONE:
        return ""
    if kind is AnswerKind.NOT_EXECUTED and _is_throttled(told, fault):
        return refusals.THROTTLED
    if kind in _SAID_BEFORE_READING:
        return _SAID_BEFORE_READING[kind]
    is_read = fault is not None and told.status == HTTPStatus.BAD_REQUEST
    return refusals.words_for(fault) if fault is not None and is_read else refusals.NOT_CONFIRMED


def _wait(kind: AnswerKind, told: Told, fault: Fault | None, *, now: datetime) -> float | None:
    if kind is AnswerKind.NOT_EXECUTED and _is_throttled(told, fault):
        return retry_after_seconds(told.headers.get("retry-after"), now=now)
    return None


def _is_throttled(told: Told, fault: Fault | None) -> bool:
    return told.status == HTTPStatus.TOO_MANY_REQUESTS or (fault is not None and fault.code in _THROTTLED)


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = exact_json.loads(body)
    except MalformedJSON:
        return {}
    return content if isinstance(content, dict) else {}


def _payload(content: dict[str, Any], entity: str) -> Payload | None:
    found = content.get(entity)
    return found if isinstance(found, dict) and isinstance(found.get("Id"), str) else None
