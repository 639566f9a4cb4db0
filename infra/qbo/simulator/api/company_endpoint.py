"""Everything under /v3/company/<realm>: from request to the books and back, in the form the client accepts."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from infra import exact_json
from infra.errors import MalformedJSON, OodalooError
from infra.logging import get_logger
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.answers import PDF, Answer, fault_answer, page, refusal, respond, wanted_form
from infra.qbo.simulator.api.books_api import BooksAPI
from infra.qbo.simulator.api.replies import check_length
from infra.qbo.simulator.api.reports_api import answer_report
from infra.qbo.simulator.api.request_bodies import BodyTooLarge, read_payload
from infra.qbo.simulator.api.xml_bodies import MalformedXML, read_xml
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.faults import GatewayFault, ServiceFault
from infra.qbo.simulator.simulator import Simulator

_WITHOUT_ID: Final = frozenset({"preferences", "companyinfo"})
_NO_METHOD: Final = "No resource method found for {}, return 405 with Allow header"
_NO_TYPE: Final = "Cannot consume content type {}"

_log = get_logger()


class _NoSuchPath(OodalooError):
    """Nothing of QBO answers there."""


class CompanyEndpoint:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._books = BooksAPI(simulator)

    async def answer(self, request: Request) -> Response:
        simulator, behaviour = self._simulator, self._simulator.behaviour
        form = wanted_form(request, behaviour)
        realm_id, request_id = request.path_params["realm_id"], _options(request).get("requestid")
        try:
            with simulator.replies.running(realm_id, request_id, behaviour=behaviour):
                if simulator.latency_seconds:
                    await asyncio.sleep(simulator.latency_seconds)
                payload = await read_payload(request, largest=behaviour.largest_request_bytes)
                return respond(self._dispatch(request, payload), form)
        except (ServiceFault, GatewayFault) as fault:
            return refusal(fault, form, now=simulator.clock.now(), behaviour=behaviour)
        except _NoSuchPath:
            return page(HTTPStatus.NOT_FOUND)
        except BodyTooLarge:
            return page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except Exception as error:  # noqa: BLE001 - as QBO does: a defect answers 10000 and the service goes on
            _log.exception("simulator.request.failed", path=request.url.path)
            failure = faults.system_failure(type(error).__name__)
            return refusal(failure, form, now=simulator.clock.now(), behaviour=behaviour)

    def _dispatch(self, request: Request, payload: bytes) -> Answer:
        """No await inside: each request finds and leaves the books whole."""
        parts = [part for part in request.path_params["path"].split("/") if part]
        first = parts[0] if parts else ""
        name, method = first.lower(), request.method
        is_batch = name == "batch" and method == "POST" and len(parts) == 1
        company = self._simulator.admit(
            request.path_params["realm_id"], request.headers.get("authorization"), is_batch=is_batch
        )
        if first != name and not self._simulator.behaviour.mixed_case_paths:
            raise faults.unsupported(first)
        options = _options(request)
        if is_batch:
            self._count(company, "batch")
            return self._once(company, payload, options, is_batch=True, body=self._read_body(request, payload))
        if len(parts) == 1 and name in {"query", "cdc"}:
            return self._search(company, name, method, payload, options)
        if name == "reports" and method == "GET" and len(parts) == 2:  # noqa: PLR2004 - "reports" and its name
            self._count(company, "report")
            return Answer(answer_report(company, parts[1], options, clock=self._simulator.clock))
        if method == "GET" and len(parts) <= 2:  # noqa: PLR2004 - entity and Id
            return self._read(company, name, parts[1] if len(parts) > 1 else None, options)
        if len(parts) == 3:  # noqa: PLR2004 - entity, Id and what to do with it
            return self._act(company, name, parts[1], parts[2].lower(), method=method, options=options)
        if len(parts) > 3:  # noqa: PLR2004 - as above
            raise _NoSuchPath
        if method == "POST" and len(parts) == 1:
            self._count(company, "write")
            body = self._read_body(request, payload)
            return self._once(company, payload, options, entity=name, body=body)
        raise self._unsupported(company, method)

    def _search(self, company: Company, name: str, method: str, payload: bytes, options: dict[str, str]) -> Answer:
        if method == "GET" or (name == "query" and method == "POST"):
            self._count(company, name)
            if name == "cdc":
                return Answer(
                    self._books.changes(company, options.get("entities", ""), options.get("changedsince", ""))
                )
            text = payload.decode(errors="replace").strip() if method == "POST" else ""
            text = text.removeprefix("\ufeff") or options.get("query", "")
            return Answer(self._books.query(company, text))
        raise self._unsupported(company, method)

    def _read(self, company: Company, name: str, identifier: str | None, options: dict[str, str]) -> Answer:
        if identifier is None and name not in _WITHOUT_ID:
            raise self._unsupported(company, "GET")
        self._count(company, "read")
        return Answer(self._books.read(company, name, identifier or "1", include=options.get("include", "")))

    def _act(
        self, company: Company, name: str, identifier: str, verb: str, *, method: str, options: dict[str, str]
    ) -> Answer:
        if (verb, method) not in {("send", "POST"), ("pdf", "GET")}:
            if verb in {"send", "pdf"}:
                raise self._unsupported(company, method)
            raise _NoSuchPath
        self._count(company, verb)
        if verb == "pdf":
            return Answer(self._books.document(company, name, identifier), media_type=PDF)
        return self._once(company, b"", options, entity=name, send=identifier)

    def _once(
        self,
        company: Company,
        payload: bytes,
        options: dict[str, str],
        *,
        entity: str = "",
        body: dict[str, Any] | None = None,
        is_batch: bool = False,
        send: str | None = None,
    ) -> Answer:
        """A write: the same `requestid` again gets the first answer and changes nothing."""
        request_id, replies = options.get("requestid"), self._simulator.replies
        behaviour = self._simulator.behaviour
        if request_id:
            check_length(request_id, is_batch=is_batch)
            earlier = replies.find(company.realm_id, request_id, payload=payload, behaviour=behaviour)
            if earlier is not None:
                return Answer(earlier.answer, earlier.status)
        try:
            if is_batch:
                answer = Answer(self._books.batch(company, body or {}))
            elif send is not None:
                answer = Answer(self._books.send(company, entity, send, send_to=options.get("sendto")))
            else:
                answer = Answer(self._books.write(company, entity, body or {}, options))
        except ServiceFault as fault:
            if not (request_id and behaviour.requestid_keeps_faults):
                raise
            answer = fault_answer(fault, now=self._simulator.clock.now(), behaviour=behaviour)
        if request_id:
            replies.keep(company.realm_id, request_id, payload=payload, status=answer.status, answer=answer.body)
        return answer

    def _read_body(self, request: Request, payload: bytes) -> dict[str, Any]:
        content_type = request.headers.get("content-type", "application/json")
        is_xml = "xml" in content_type.lower()
        if not is_xml and "json" not in content_type.lower():
            raise self._refused(_NO_TYPE.format(content_type), precise=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            body = read_xml(payload) if is_xml else exact_json.loads(payload)
        except (MalformedJSON, MalformedXML) as error:
            raise faults.unsupported_property("body", f"should be {'XML' if is_xml else 'JSON'}: {error}") from error
        if not isinstance(body, dict):
            raise faults.unsupported_property("body", "should be a JSON object")
        return body

    def _unsupported(self, company: Company, method: str) -> ServiceFault:
        self._count(company, "unsupported")
        return self._refused(_NO_METHOD.format(method), precise=HTTPStatus.METHOD_NOT_ALLOWED)

    def _refused(self, operation: str, *, precise: HTTPStatus) -> ServiceFault:
        status = int(self._simulator.behaviour.unsupported_status)
        is_precise = status == HTTPStatus.METHOD_NOT_ALLOWED
        return faults.unsupported(operation, status=precise.value if is_precise else status)

    def _count(self, company: Company, what: str) -> None:
        self._simulator.requests[company.realm_id][what] += 1


def _options(request: Request) -> dict[str, str]:
    """Query parameters; the case of their names does not count."""
    return {name.lower(): value for name, value in request.query_params.items()}
