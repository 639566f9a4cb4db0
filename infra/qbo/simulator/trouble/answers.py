"""The bodies of answers that the books never gave."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from infra import exact_json
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.tracing import tracing_headers
from infra.qbo.simulator.faults import GatewayFault, ServiceFault
from infra.qbo.simulator.trouble.rules import Answer

Headers = list[tuple[bytes, bytes]]

_TYPES: Final = {"json": b"application/json", "xml": b"application/xml", "html": b"text/html"}
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_THROTTLED: Final = 429
_SYSTEM: Final = 500


def make_answer(answer: Answer, now: datetime) -> tuple[int, Headers, bytes]:
    form, body = _body(answer, now)
    headers = [(name.encode(), value.encode()) for name, value in tracing_headers().items()]
    headers += [(b"content-length", str(len(body)).encode()), (b"content-type", _TYPES[form])]
    if answer.retry_after_seconds is not None:
        headers.append((b"retry-after", str(answer.retry_after_seconds).encode()))
    return answer.status, headers, body


def _body(answer: Answer, now: datetime) -> tuple[str, bytes]:
    kind = answer.body if answer.body != "auto" else _usual(answer.status)
    match kind:
        case "fault":
            return "json", exact_json.dumps(_service(answer.status, answer.code).body(now))
        case "gateway":
            return "json", exact_json.dumps(_gateway(answer.status).body(now))
        case "xml":
            return "xml", _gateway(answer.status).xml(now).encode()
        case "html":
            return "html", _page(answer.status)
        case _:
            return "html", b""


def _usual(status: int) -> str:
    """Throttling has come as XML to JSON clients; a service that is away is a proxy's page."""
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return "gateway"
    if status == _THROTTLED:
        return "xml"
    return "fault" if status <= _SYSTEM else "html"


def _service(status: int, code: str | None) -> ServiceFault:
    if code is not None:
        return faults.refused("It is not allowed.", code=code)
    return faults.system_failure("com.intuit.qbo.InternalError") if status >= _SYSTEM else faults.refused("Try again.")


def _gateway(status: int) -> GatewayFault:
    if status == _UNAUTHORIZED:
        return faults.bad_token(None)
    if status == _FORBIDDEN:
        return faults.wrong_realm()
    if status == _THROTTLED:
        return faults.throttled()
    return GatewayFault("10000", "InternalServerError", status=status, detail=None, kind="SERVICE")


def _page(status: int) -> bytes:
    known = status in {each.value for each in HTTPStatus}
    title = f"{status} {HTTPStatus(status).phrase if known else 'Error'}"
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()
