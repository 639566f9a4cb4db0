"""One simulated company: its objects, its ledger, and the verbs that change them, each all or nothing."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from infra.clock import Clock
from infra.qbo.simulator import faults
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.chart import CompanyChart
from infra.qbo.simulator.books.completion import Completion
from infra.qbo.simulator.books.credits import credit_applications
from infra.qbo.simulator.books.documents import NUMBERED
from infra.qbo.simulator.books.effects import Effects
from infra.qbo.simulator.books.entities import ADDRESSES, ENTITY_KINDS, EntityKind
from infra.qbo.simulator.books.house_rules import HouseRules
from infra.qbo.simulator.books.ledger import Entry, Key, Ledger
from infra.qbo.simulator.books.links import Links, applied_amounts
from infra.qbo.simulator.books.names import NameRegistry
from infra.qbo.simulator.books.renames import show_new_name
from infra.qbo.simulator.books.store import Body, EntityStore, Record
from infra.qbo.simulator.books.updates import merged_update
from infra.qbo.simulator.books.voids import VOIDABLE, voided
from infra.qbo.simulator.timestamps import whole_seconds

_FIRST_SALES_NUMBER = 1001


class Company:
    """`today` and due dates are in the company's zone, instants come from the clock."""

    def __init__(self, realm_id: str, *, clock: Clock, zone: ZoneInfo) -> None:
        self.realm_id = realm_id
        self.clock = clock
        self.zone = zone
        self.stores = {name: EntityStore(kind) for name, kind in ENTITY_KINDS.items()}
        self.ledger = Ledger()
        self.links = Links()
        self.chart = CompanyChart(self.stores)
        self.names = NameRegistry()
        self.rules = HouseRules(self.stores)
        self.effects = Effects(self.stores, ledger=self.ledger, links=self.links, chart=self.chart, names=self.names)
        self._completion = Completion(
            self.stores, ledger=self.ledger, links=self.links, chart=self.chart, names=self.names,
            rules=self.rules, effects=self.effects, today=self.today,
        )  # fmt: skip
        self._next_ids: dict[str, int] = {}
        self._last_sales_number = _FIRST_SALES_NUMBER - 1

    def copy(self, realm_id: str) -> "Company":
        """The same books under another realm. What neither changes they share; made of many, it must be cheap."""
        twin = Company(realm_id, clock=self.clock, zone=self.zone)
        for entity, store in twin.stores.items():
            store.copy_from(self.stores[entity])
        twin.ledger.copy_from(self.ledger)
        twin.links.copy_from(self.links)
        twin.chart.copy_from(self.chart)
        twin.names.copy_from(self.names)
        twin.resume_numbering(self.numbering())
        return twin

    @property
    def name(self) -> str:
        return str(next(iter(self.stores["CompanyInfo"].records.values())).body["CompanyName"])

    @property
    def behaviour(self) -> Behaviour:
        return self.rules.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self.rules.behaviour = behaviour

    def today(self) -> date:
        return self.clock.now().astimezone(self.zone).date()

    def get(self, entity: str, identifier: str) -> Record:
        """Raises:
        ServiceFault: 610, or 2030 for what cannot be an Id.
        """
        store = self.stores[entity]
        record = store.records.get(identifier)
        if record is None:
            if not identifier.isdecimal():
                raise faults.invalid_id(identifier)
            raise faults.not_found(deleted=store.was_deleted(identifier))
        return record

    def create(self, entity: str, body: Body, *, allow_duplicate_number: bool = False) -> Record:
        """Raises:
        ServiceFault: as QBO would; nothing has changed then.
        """
        self.rules.check_in_plan(entity)
        if not allow_duplicate_number:
            self.rules.check_number_free(entity, body)
        at = whole_seconds(self.clock)
        record = self.insert(entity, body, at=at, identifier=None)
        if entity in {"Invoice", "CreditMemo"} and self.rules.applies_credits:
            for application in credit_applications(self.stores, customer_id=record.body["CustomerRef"]["value"]):
                self.insert("Payment", application, at=at, identifier=None)
        self.settle()
        return record

    def update(self, entity: str, body: Body, *, sparse: bool = False, allow_duplicate_number: bool = False) -> Record:
        """A full update blanks what `body` leaves out; `sparse` keeps it, where the entity honours that."""
        record = self._claim(entity, body, operation="update")
        if not allow_duplicate_number:
            self.rules.check_number_free(entity, body)
        fresh = merged_update(entity, record.body, body, sparse=sparse, behaviour=self.behaviour)
        self._replace(entity, record, fresh)
        self.settle()
        return record

    def void(self, entity: str, body: Body) -> Record:
        """Amounts become zero, links go, the document stays. An invoice's payments keep their money, unapplied."""
        if entity not in VOIDABLE and not (self.behaviour.void_everything and ENTITY_KINDS[entity].is_transaction):
            raise faults.unsupported("void")
        record = self._claim(entity, body, operation="update")
        key = (entity, record.id)
        self.rules.check_period_open(record.body["TxnDate"])
        payers = [payer for payer in self.links.payers_of(key) if payer[0] != "Deposit"]
        if payers and (entity != "Invoice" or self.behaviour.void_paid_invoice == "refuse"):
            raise faults.refused("You must unlink the payments of this transaction before you void it.")
        for payer in payers:
            self._drop_lines(payer, target=key)
        self._replace(entity, record, voided(entity, record.body), trusted=True)
        self.effects.unpost_beside(key, whole_seconds(self.clock))
        self.settle()
        return record

    def delete(self, entity: str, body: Body) -> Record:
        """Names cannot be deleted; a document that a payment or deposit is linked to cannot either."""
        record = self._claim(entity, body, operation="delete")
        key = (entity, record.id)
        self.rules.check_period_open(record.body["TxnDate"])
        if payers := self.links.payers_of(key):
            if payers[0][0] == "Deposit":
                raise faults.deposited()
            raise faults.refused("You must unlink the payments of this transaction before you delete it.")
        at = whole_seconds(self.clock)
        self.effects.unpost(key, at)
        self.effects.unpost_beside(key, at)
        self.effects.unlink(key, at)
        self.stores[entity].remove(record, at)
        self.settle()
        return record

    def insert(self, entity: str, body: Body, *, at: int, identifier: str | None) -> Record:
        """Add a checked and completed object as of `at`; balances show after `settle`. For create and the loader."""
        if "create" not in ENTITY_KINDS[entity].operations:
            raise faults.unsupported("create")
        fresh = self._completion.prepared(entity, body, earlier=None, trusted=identifier is not None)
        entry = self.effects.entry(entity, fresh) if ENTITY_KINDS[entity].is_transaction else None
        fresh["Id"] = self.take_id(entity, identifier)
        fresh["SyncToken"] = "0"
        self._number_addresses(fresh)
        record = Record(fresh, created=at)
        self.stores[entity].add(record)
        if entry is not None:
            self._number(entity, fresh)
            self.effects.post((entity, record.id), replace(entry, doc_number=fresh.get("DocNumber")), at)
            self.effects.relink(entity, record, at)
        else:
            self.learn(entity, None, fresh)
            self.effects.touch((entity, record.id), at)
        return record

    def take_id(self, entity: str, wanted: str | None) -> str:
        """Transactions share one sequence; each list has its own (vendor 56 and bill 56 may both exist)."""
        sequence = entity if ENTITY_KINDS.get(entity, _RAW).is_name_list else "transaction"
        upcoming = self._next_ids.get(sequence, 1)
        number = upcoming if wanted is None else int(wanted)
        self._next_ids[sequence] = max(upcoming, number + 1)
        return str(number)

    def numbering(self) -> dict[str, int]:
        """Where each sequence of numbers stands, for a state to keep; `sales` is the last sales number."""
        return {**self._next_ids, "sales": self._last_sales_number}

    def resume_numbering(self, numbering: dict[str, int]) -> None:
        self._next_ids = {name: number for name, number in numbering.items() if name != "sales"}
        self._last_sales_number = numbering["sales"]

    def add_ledger_entry(self, key: Key, entry: Entry, at: int) -> None:
        """Postings that no API entity stands for."""
        self.effects.post(key, entry, at)

    def settle(self) -> None:
        self.effects.settle()

    def _claim(self, entity: str, body: Body, *, operation: str) -> Record:
        if operation not in ENTITY_KINDS[entity].operations:
            raise faults.unsupported(operation)
        self.rules.check_in_plan(entity)
        for element in ("Id", "SyncToken"):
            if body.get(element) is None:
                raise faults.missing(element)
        record = self.get(entity, str(body["Id"]))
        if str(body["SyncToken"]) != record.body["SyncToken"]:
            raise faults.stale()
        return record

    def _replace(self, entity: str, record: Record, body: Body, *, trusted: bool = False) -> None:
        """The one way an object changes: checked whole before anything moves."""
        fresh = self._completion.prepared(entity, body, earlier=record, trusted=trusted)
        fresh |= {"Id": record.id, "SyncToken": str(int(record.body["SyncToken"]) + 1)}
        self._number_addresses(fresh)
        kind = ENTITY_KINDS[entity]
        entry = self.effects.entry(entity, fresh) if kind.is_transaction else None
        before, at, key = record.body, whole_seconds(self.clock), (entity, record.id)
        if kind.is_name_list:
            self.learn(entity, before, fresh)
        record.replace_body(fresh)
        self.stores[entity].move(record, at)
        if entry is not None:
            self.effects.unpost(key, at)
            self.effects.post(key, entry, at)
            self.effects.relink(entity, record, at)
        elif kind.is_name_list:
            show_new_name(self.stores, entity, record, before=before)
            self.effects.touch(key, at)

    def learn(self, entity: str, before: Body | None, after: Body) -> None:
        """What the registry of names and the chart know of a list object."""
        self.names.replace(entity, before, after)
        if entity == "Account":
            if before is not None:
                self.chart.forget_parent(before)
            self.chart.learn(entity, after)
            if after["AccountType"] in {"Accounts Payable", "Accounts Receivable"}:
                self.ledger.open_accounts.add(after["Id"])

    def _drop_lines(self, payer: Key, *, target: Key) -> None:
        """Take from a payment the lines that pay `target`."""
        record = self.stores[payer[0]].records[payer[1]]
        body = deepcopy(record.body)
        body["Line"] = [line for line in body["Line"] if target not in applied_amounts(payer[0], {"Line": [line]})]
        self._replace(payer[0], record, body, trusted=True)

    def _number_addresses(self, body: Body) -> None:
        """Addresses are objects of their own in QBO, shown with their Ids."""
        for key in ADDRESSES & body.keys():
            if isinstance(body[key], dict) and "Id" not in body[key]:
                self._next_ids["Address"] = upcoming = self._next_ids.get("Address", 1) + 1
                body[key] = {**body[key], "Id": str(upcoming)}

    def _number(self, entity: str, body: Body) -> None:
        if entity not in NUMBERED:
            return
        if "DocNumber" not in body and not self.rules.uses_custom_numbers:
            body["DocNumber"] = str(self._last_sales_number + 1)
        number = body.get("DocNumber", "")
        if number.isdecimal() and len(number) < 10:  # noqa: PLR2004 - longer ones are dates or foreign keys, not a sequence
            self._last_sales_number = max(self._last_sales_number, int(number))


_RAW = EntityKind("")
