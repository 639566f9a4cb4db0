"""The form of an answer: JSON, XML or HTML, by what the request accepts and by what is answered."""

from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from infra import exact_json
from infra.qbo.simulator.api.tracing import tracing_headers
from infra.qbo.simulator.api.xml_answers import as_xml
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.faults import GatewayFault, ServiceFault

JSON = "application/json"
XML = "application/xml"
PDF = "application/pdf"


class Answer(NamedTuple):
    """`body` is JSON unless `media_type` says otherwise."""

    body: bytes
    status: int = 200
    media_type: str = JSON


def wanted_form(request: Request, behaviour: Behaviour) -> str:
    """JSON or XML. Accept wins over `format=`; without either QBO answers XML."""
    accepted = request.headers.get("accept", "").lower()
    for word, form in (("json", JSON), ("xml", XML)):
        if word in accepted:
            return form
    asked = request.query_params.get("format", "").lower()
    return JSON if (asked or behaviour.answers_without_accept) == "json" else XML


def respond(answer: Answer, form: str) -> Response:
    if answer.media_type != JSON or form == JSON:
        return Response(answer.body, answer.status, headers=tracing_headers(), media_type=answer.media_type)
    return Response(as_xml(answer.body), answer.status, headers=tracing_headers(), media_type=XML)


def refusal(fault: ServiceFault | GatewayFault, form: str, *, now: datetime, behaviour: Behaviour) -> Response:
    """Gateway faults have a form and a throttle status of their own; service faults may hide in a 200."""
    if isinstance(fault, ServiceFault):
        return respond(fault_answer(fault, now=now, behaviour=behaviour), form)
    is_throttle = fault.status == HTTPStatus.TOO_MANY_REQUESTS
    status = int(behaviour.throttle_status) if is_throttle else fault.status
    if form == XML or (behaviour.throttle_body if is_throttle else behaviour.auth_body) == "xml":
        return Response(fault.xml(now), status, headers=tracing_headers(), media_type=XML)
    return Response(exact_json.dumps(fault.body(now)), status, headers=tracing_headers(), media_type=JSON)


def fault_answer(fault: ServiceFault, *, now: datetime, behaviour: Behaviour) -> Answer:
    status = HTTPStatus.OK if behaviour.faults_with_200 else fault.status
    return Answer(exact_json.dumps(fault.body(now)), int(status))


def page(status: HTTPStatus) -> Response:
    """What stands before the service answers in HTML: an unknown path, a body that is too large."""
    text = (
        f"<html><head><title>{status.value} {status.phrase}</title></head>"
        f"<body><center><h1>{status.value} {status.phrase}</h1></center></body></html>"
    )
    return Response(text, status.value, headers=tracing_headers(), media_type="text/html")
