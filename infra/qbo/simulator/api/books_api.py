"""Query, CDC, read and write on one company: from parsed request to the answer's bytes."""

from typing import Any

from infra import exact_json
from infra.qbo.simulator import faults
from infra.qbo.simulator.api.batch import run_batch
from infra.qbo.simulator.api.change_capture import changes_since
from infra.qbo.simulator.api.printing import print_document
from infra.qbo.simulator.api.query_execution import QueryAnswer, run_query
from infra.qbo.simulator.api.query_language import parse_query
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import EntityKind, find_absent_kind, find_kind
from infra.qbo.simulator.books.mailing import mark_sent
from infra.qbo.simulator.books.properties import check_properties
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.timestamps import show_envelope_time

_SINGLETONS = frozenset({"CompanyInfo", "Preferences"})


class BooksAPI:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def query(self, company: Company, text: str) -> bytes:
        return self._envelope(b'"QueryResponse":%s' % self.find(company, text).encoded())

    def changes(self, company: Company, entities: str, changed_since: str) -> bytes:
        groups, _ = self.capture(company, entities, changed_since)
        return self._envelope(b'"CDCResponse":%s' % groups)

    def read(self, company: Company, entity: str, identifier: str, *, include: str = "") -> bytes:
        """CompanyInfo may be asked by realm id or, as in older clients, by "1"."""
        if find_absent_kind(entity) is not None:
            raise faults.not_found() if identifier.isdecimal() else faults.invalid_id(identifier)
        kind = _require(entity)
        if kind.name in _SINGLETONS and identifier == company.realm_id:
            identifier = "1"
        return self._envelope(_shown(kind, company.get(kind.name, identifier), include.lower()))

    def write(self, company: Company, entity: str, body: dict[str, Any], options: dict[str, str]) -> bytes:
        """Create, update, void or delete, by `operation` or, without one, by whether there is an Id."""
        operation = options.get("operation", "").lower() or ("create" if body.get("Id") is None else "update")
        include = options.get("include", "").lower()
        return self._envelope(self.apply(company, _require(entity), body, operation=operation, include=include))

    def send(self, company: Company, entity: str, identifier: str, *, send_to: str | None) -> bytes:
        """Raises:
        GatewayFault: 429 after the day's mails.
        """
        kind = _require(entity)
        limits = self._simulator.limits
        if limits is not None and not limits.admit_mail(company.realm_id, company.today()):
            raise faults.throttled()
        return self._envelope(_shown(kind, mark_sent(company, kind.name, identifier, send_to=send_to)))

    def document(self, company: Company, entity: str, identifier: str) -> bytes:
        """The document as a PDF."""
        kind = _require(entity)
        return print_document(kind.name, company.get(kind.name, identifier).body, company_name=company.name)

    def batch(self, company: Company, body: dict[str, Any]) -> bytes:
        return self._envelope(b'"BatchItemResponse":%s' % run_batch(self, company, body))

    def find(self, company: Company, text: str) -> QueryAnswer:
        """Another user may edit an object right after its page."""
        behaviour = company.behaviour
        statement = parse_query(text)
        if statement.fields is not None and not behaviour.projections:
            raise faults.invalid_query("projections are not supported")
        if statement.kind.is_absent:
            return QueryAnswer(statement.kind.name, total=0 if statement.is_count else None)
        lag = behaviour.query_lag_seconds
        answer = run_query(
            company.stores[statement.kind.name],
            statement,
            today=company.today().isoformat(),
            newest=company.clock.now().timestamp() - lag if lag else None,
        )
        if answer.objects:
            self._simulator.other_users.page_was_served(company, answer.entity)
        return answer

    def capture(self, company: Company, entities: str, changed_since: str) -> tuple[bytes, int]:
        return changes_since(company, entities=entities, changed_since=changed_since)

    def apply(self, company: Company, kind: EntityKind, body: dict[str, Any], *, operation: str, include: str) -> bytes:
        """One write: the member of the answer that shows its object. `include` is batch's `optionsData` too."""
        may_repeat = "allowduplicatedocnum" in include
        body = check_properties(kind, body, behaviour=company.behaviour)
        match operation:
            case "delete":
                record = company.delete(kind.name, body)
                gone = exact_json.dumps({"status": "Deleted", "domain": "QBO", "Id": record.id})
                return b'"%s":%s' % (kind.name.encode(), gone)
            case "void":
                record = company.void(kind.name, body)
            case "update" if "void" in include.split(","):
                record = company.void(kind.name, body)
            case "update":
                is_sparse = body.get("sparse") in {True, "true"}
                record = company.update(kind.name, body, sparse=is_sparse, allow_duplicate_number=may_repeat)
            case "create":
                record = company.create(kind.name, body, allow_duplicate_number=may_repeat)
            case _:
                raise faults.unsupported(operation)
        return _shown(kind, record, include)

    def _envelope(self, member: bytes) -> bytes:
        return b'{%s,"time":"%s"}' % (member, show_envelope_time(self._simulator.clock.now()).encode())


def _shown(kind: EntityKind, record: Record, include: str = "") -> bytes:
    """`include=invoiceLink` adds the address at which a customer would pay."""
    encoded = record.encoded()
    if kind.name == "Invoice" and "invoicelink" in include:
        link = f"https://connect.intuit.com/portal/app/CommerceNetwork/view/scs-v1-{record.id}?locale=en_US"
        encoded = exact_json.dumps({**record.body, "InvoiceLink": link})
    return b'"%s":%s' % (kind.name.encode(), encoded)


def _require(entity: str) -> EntityKind:
    kind = find_kind(entity)
    if kind is None:
        raise faults.unsupported(entity)
    return kind
