"""Query, CDC, read and write on one company: from parsed request to the answer's bytes."""

from typing import Any

from infra import exact_json
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.change_capture import changes_since
from infra.qbo.simulator.api.query_execution import run_query
from infra.qbo.simulator.api.query_language import parse_query
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import EntityKind, find_kind
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timestamps import show_envelope_time

_SINGLETONS = frozenset({"CompanyInfo", "Preferences"})


class BooksAPI:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def query(self, company: Company, text: str) -> bytes:
        statement = parse_query(text)
        answer = run_query(company.stores[statement.kind.name], statement, today=company.today().isoformat())
        body = b'{"QueryResponse":%s,"time":"%s"}' % (answer.encoded(), self._time())
        if answer.objects:
            self._simulator.other_users.page_was_served(company, answer.entity)
        return body

    def changes(self, company: Company, entities: str, changed_since: str) -> bytes:
        groups, _ = changes_since(company, entities=entities, changed_since=changed_since)
        return b'{"CDCResponse":%s,"time":"%s"}' % (groups, self._time())

    def read(self, company: Company, entity: str, identifier: str) -> bytes:
        """CompanyInfo may be asked by realm id or, as in older clients, by "1"."""
        kind = _require(entity)
        if kind.name in _SINGLETONS and identifier == company.realm_id:
            identifier = "1"
        return self._object(kind, company.get(kind.name, identifier))

    def write(self, company: Company, entity: str, body: dict[str, Any], options: dict[str, str]) -> bytes:
        """Create, update or delete; the same `requestid` again gets the first answer and changes nothing."""
        request_id = options.get("requestid")
        replay_key = (company.realm_id, request_id or "")
        if request_id and (earlier := self._simulator.replies.get(replay_key)) is not None:
            return earlier
        answer = self._apply(company, _require(entity), body, options)
        if request_id:
            self._simulator.replies[replay_key] = answer
        return answer

    def _apply(self, company: Company, kind: EntityKind, body: dict[str, Any], options: dict[str, str]) -> bytes:
        operation = options.get("operation", "").lower()
        may_repeat = "allowduplicatedocnum" in options.get("include", "").lower()
        match operation:
            case "delete":
                record = company.delete(kind.name, body)
                gone = {"status": "Deleted", "domain": "QBO", "Id": record.id}
                return self._envelope(kind, exact_json.dumps(gone))
            case "" | "update" if operation == "update" or body.get("Id") is not None:
                return self._object(
                    kind,
                    company.update(
                        kind.name, body, sparse=body.get("sparse") is True, allow_duplicate_number=may_repeat
                    ),
                )
            case "" | "create":
                return self._object(kind, company.create(kind.name, body, allow_duplicate_number=may_repeat))
            case _:
                raise faults.unsupported(operation)

    def _object(self, kind: EntityKind, record: Record) -> bytes:
        return self._envelope(kind, record.encoded())

    def _envelope(self, kind: EntityKind, encoded: bytes) -> bytes:
        return b'{"%s":%s,"time":"%s"}' % (kind.name.encode(), encoded, self._time())

    def _time(self) -> bytes:
        return show_envelope_time(self._simulator.clock.now()).encode()


def _require(entity: str) -> EntityKind:
    kind = find_kind(entity)
    if kind is None:
        raise faults.unsupported(entity)
    return kind
