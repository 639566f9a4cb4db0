"""One simulated company: its objects, its ledger, and the three verbs that change them, each all or nothing."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from infra.clock import Clock
from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.chart import CompanyChart
from infra.qbo.simulator.books.checks import check_links, check_required, check_shape
from infra.qbo.simulator.books.documents import NUMBERED, complete_transaction, due_on
from infra.qbo.simulator.books.entities import ENTITY_KINDS, EntityKind
from infra.qbo.simulator.books.house_rules import HouseRules
from infra.qbo.simulator.books.ledger import Entry, Key, Ledger, money, post, ref_id
from infra.qbo.simulator.books.links import APPLIES_TO, Links, applied_amounts, net_applied
from infra.qbo.simulator.books.names import NameRegistry, ancestors, complete_name
from infra.qbo.simulator.books.references import resolve_references
from infra.qbo.simulator.books.store import Body, EntityStore, Record
from infra.qbo.simulator.timestamps import whole_seconds

_SERVER_OWNED = frozenset({
    "MetaData", "domain", "sparse", "LinkedTxn", "Balance", "BalanceWithJobs", "CurrentBalance",
    "CurrentBalanceWithSubAccounts", "UnappliedAmt", "RemainingCredit", "HomeBalance", "HomeTotalAmt", "status",
})  # fmt: skip
_WITH_BALANCE = frozenset({"Bill", "VendorCredit", "Invoice", "CreditMemo"})
_FULL_UPDATE_ONLY = frozenset({"Bill", "BillPayment"})
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
        self._next_ids: dict[str, int] = {}
        self._last_sales_number = _FIRST_SALES_NUMBER - 1
        self._touched: dict[Key, int] = {}

    @property
    def name(self) -> str:
        return str(next(iter(self.stores["CompanyInfo"].records.values())).body["CompanyName"])

    def today(self) -> date:
        return self.clock.now().astimezone(self.zone).date()

    def get(self, entity: str, identifier: str) -> Record:
        """Raises:
        ServiceFault: 610.
        """
        store = self.stores[entity]
        record = store.records.get(identifier)
        if record is None:
            raise faults.not_found(deleted=store.was_deleted(identifier))
        return record

    def create(self, entity: str, body: Body, *, allow_duplicate_number: bool = False) -> Record:
        """Raises:
        ServiceFault: as QBO would; nothing has changed then.
        """
        if not allow_duplicate_number:
            self.rules.check_number_free(entity, body)
        record = self.insert(entity, body, at=whole_seconds(self.clock), identifier=None)
        self.settle()
        return record

    def update(self, entity: str, body: Body, *, sparse: bool = False, allow_duplicate_number: bool = False) -> Record:
        """A full update blanks what `body` leaves out; `sparse` keeps it, where the entity honours that."""
        record = self._claim(entity, body, operation="update")
        if not allow_duplicate_number:
            self.rules.check_number_free(entity, body)
        at = whole_seconds(self.clock)
        if sparse and entity not in _FULL_UPDATE_ONLY:
            body = {**record.body, **body}
        fresh = self._prepared(entity, deepcopy(body), earlier=record)  # a refusal must not leave half-changed lines
        fresh["SyncToken"] = str(int(record.body["SyncToken"]) + 1)
        entry = self._entry(entity, fresh) if ENTITY_KINDS[entity].is_transaction else None
        self.names.replace(entity, record.body, fresh)
        record.replace_body(fresh)
        self.stores[entity].move(record, at)
        if entry is not None:
            self._unpost((entity, record.id), at)
            self._post((entity, record.id), entry, at)
            self._relink(entity, record, at)
        elif ENTITY_KINDS[entity].is_name_list:
            self._touch((entity, record.id), at)
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
        self._unpost(key, at)
        self._show_targets(self.links.replace(key, {}), at)
        self.stores[entity].remove(record, at)
        self.settle()
        return record

    def insert(self, entity: str, body: Body, *, at: int, identifier: str | None) -> Record:
        """Add a checked and completed object as of `at`; balances show after `settle`. For create and the loader."""
        if "create" not in ENTITY_KINDS[entity].operations:
            raise faults.unsupported("create")
        fresh = self._prepared(entity, body, earlier=None, trusted=identifier is not None)
        fresh["Id"] = self.take_id(entity, identifier)
        fresh["SyncToken"] = "0"
        record = Record(fresh, created=at)
        key = (entity, record.id)
        if ENTITY_KINDS[entity].is_transaction:
            self._number(entity, fresh)
            self._post(key, self._entry(entity, fresh), at)
            self.stores[entity].add(record)
            self._relink(entity, record, at)
        else:
            self.names.replace(entity, None, fresh)
            self.stores[entity].add(record)
            self.chart.learn(entity, fresh)
            if fresh.get("AccountType") in {"Accounts Payable", "Accounts Receivable"}:
                self.ledger.open_accounts.add(record.id)
            self._touch(key, at)
        return record

    def take_id(self, entity: str, wanted: str | None) -> str:
        """Transactions share one sequence; each list has its own (vendor 56 and bill 56 may both exist)."""
        sequence = entity if ENTITY_KINDS.get(entity, _RAW).is_name_list else "transaction"
        upcoming = self._next_ids.get(sequence, 1)
        number = upcoming if wanted is None else int(wanted)
        self._next_ids[sequence] = max(upcoming, number + 1)
        return str(number)

    def add_ledger_entry(self, key: Key, entry: Entry, at: int) -> None:
        """Postings that no API entity stands for."""
        self._post(key, entry, at)

    def settle(self) -> None:
        """Show the moved balances on accounts and names: their time moves, their SyncToken does not."""
        for (entity, identifier), at in list(self._touched.items()):
            for parent in ancestors(self.stores[entity], identifier):
                self._touch((entity, parent), at)
        for (entity, identifier), at in self._touched.items():
            record = self.stores[entity].records.get(identifier)
            if record is None:
                continue
            if entity == "Account":
                self.chart.show_balance(record.body, self.ledger)
            elif entity in {"Vendor", "Customer"}:
                self._show_name_balance(entity, record)
            self.stores[entity].move(record, at)
        self._touched.clear()

    def _claim(self, entity: str, body: Body, *, operation: str) -> Record:
        if operation not in ENTITY_KINDS[entity].operations:
            raise faults.unsupported(operation)
        for element in ("Id", "SyncToken"):
            if body.get(element) is None:
                raise faults.missing(element)
        record = self.get(entity, str(body["Id"]))
        if str(body["SyncToken"]) != record.body["SyncToken"]:
            raise faults.stale()
        return record

    def _prepared(self, entity: str, body: Body, *, earlier: Record | None, trusted: bool = False) -> Body:
        """A body that may be stored: server-owned fields dropped, checked, completed. Changes nothing outside it."""
        kind = ENTITY_KINDS[entity]
        fresh = {key: value for key, value in body.items() if key not in _SERVER_OWNED and value is not None}
        check_required(kind, fresh)
        if not trusted:
            check_shape(kind, fresh)
        resolve_references(fresh, self.stores, allow_inactive=trusted or earlier is not None)
        fresh |= {"domain": "QBO", "sparse": False}
        if kind.is_transaction:
            self._complete(entity, fresh, earlier)
            for dated in () if trusted else (fresh, earlier.body if earlier else fresh):
                self.rules.check_period_open(dated["TxnDate"])
        elif kind.is_name_list:
            complete_name(entity, fresh, self.stores[entity])
            if not trusted:
                self.names.check(entity, fresh)
            if earlier is not None:
                fresh.setdefault("Active", earlier.body.get("Active", True))
                fresh |= {
                    key: earlier.body[key]
                    for key in ("AccountType", "AccountSubType")
                    if key in earlier.body and key not in fresh
                }
        return fresh

    def _complete(self, entity: str, fresh: Body, earlier: Record | None) -> None:
        old_lines = earlier.body.get("Line", ()) if earlier else ()
        kept = frozenset(str(line["Id"]) for line in old_lines if "Id" in line)
        if entity == "Payment" and "DepositToAccountRef" not in fresh:
            fresh["DepositToAccountRef"] = {"value": self.chart.undeposited_id}
        complete_transaction(entity, fresh, today=self.today().isoformat(), earlier_lines=kept)
        if entity in {"Bill", "VendorCredit"}:
            fresh.setdefault("APAccountRef", self.chart.ref(self.chart.payable_id))
        if entity in {"Bill", "Invoice"}:
            term = self.stores["Term"].records.get(ref_id(fresh, "SalesTermRef") or "")
            fresh.setdefault(
                "DueDate", due_on(date.fromisoformat(fresh["TxnDate"]), term.body if term else None).isoformat()
            )
        key = (entity, earlier.id if earlier else "")
        if entity in APPLIES_TO:
            check_links(entity, fresh, stores=self.stores, links=self.links, payer=key)
        if entity == "Payment":
            fresh.setdefault("Line", [])
            fresh["UnappliedAmt"] = money(fresh["TotalAmt"]) - net_applied(applied_amounts(entity, fresh))
            fresh.setdefault("ProcessPayment", False)
        self._check_earlier(entity, fresh, earlier)
        if entity in _WITH_BALANCE:
            self._show_open(entity, fresh, key)

    def _check_earlier(self, entity: str, fresh: Body, earlier: Record | None) -> None:
        """What an update may no longer do once others lean on the transaction."""
        if earlier is None:
            return
        key = (entity, earlier.id)
        payers = self.links.payers_of(key)
        if payers and payers[0][0] == "Deposit" and fresh["TotalAmt"] != earlier.body["TotalAmt"]:
            raise faults.deposited()
        if entity in _WITH_BALANCE and money(fresh["TotalAmt"]) < self.links.applied_to(key):
            raise faults.refused("The total cannot be less than what has been applied to it.", element="TotalAmt")
        if entity in NUMBERED and "DocNumber" not in fresh and "DocNumber" in earlier.body:
            fresh["DocNumber"] = earlier.body["DocNumber"]
        if payers:
            fresh["LinkedTxn"] = self.links.linked_txns(key)

    def _show_open(self, entity: str, body: Body, key: Key) -> None:
        rest = money(body["TotalAmt"]) - self.links.applied_to(key)
        body["Balance"] = rest
        if entity == "CreditMemo":
            body["RemainingCredit"] = rest

    def _number(self, entity: str, body: Body) -> None:
        if entity not in NUMBERED:
            return
        if "DocNumber" not in body and not self.rules.uses_custom_numbers:
            body["DocNumber"] = str(self._last_sales_number + 1)
        number = body.get("DocNumber", "")
        if number.isdecimal() and len(number) < 10:  # noqa: PLR2004 - longer ones are dates or foreign keys, not a sequence
            self._last_sales_number = max(self._last_sales_number, int(number))

    def _entry(self, entity: str, body: Body) -> Entry:
        postings = post(entity, body, self.chart)
        if sum((posting.amount for posting in postings), ZERO):
            raise faults.refused("The transaction does not balance.", element="Line")
        name: Key | None = None
        if (vendor := ref_id(body, "VendorRef")) is not None:
            name = ("Vendor", vendor)
        elif (customer := ref_id(body, "CustomerRef")) is not None:
            name = ("Customer", customer)
        return Entry(entity, date.fromisoformat(body["TxnDate"]), postings, body.get("DocNumber"), name)

    def _post(self, key: Key, entry: Entry, at: int) -> None:
        self.ledger.add(key, entry)
        self._touch_all(entry, at)

    def _unpost(self, key: Key, at: int) -> None:
        self._touch_all(self.ledger.remove(key), at)

    def _touch_all(self, entry: Entry, at: int) -> None:
        for key in self.ledger.touched_by(entry):
            self._touch(key, at)

    def _relink(self, entity: str, record: Record, at: int) -> None:
        if entity in APPLIES_TO:
            amounts = applied_amounts(entity, record.body)
            if amounts or self.links.targets_of((entity, record.id)):
                self._show_targets(self.links.replace((entity, record.id), amounts), at, deposit=entity == "Deposit")

    def _show_targets(self, targets: Iterable[Key], at: int, *, deposit: bool = False) -> None:
        """A payment moves its document's token and time; a deposit changes its payment's links and neither (quirk 2)."""
        for key in targets:
            entity, identifier = key
            record = self.stores[entity].records[identifier]
            if entity in _WITH_BALANCE:
                self._show_open(entity, record.body, key)
            if linked := self.links.linked_txns(key):
                record.body["LinkedTxn"] = linked
            else:
                record.body.pop("LinkedTxn", None)
            record.forget_encoding()
            if not deposit and entity not in {"Payment", "SalesReceipt"}:
                record.bump_sync_token()
                self.stores[entity].move(record, at)

    def _touch(self, key: Key, at: int) -> None:
        self._touched[key] = max(at, self._touched.get(key, 0))

    def _show_name_balance(self, entity: str, record: Record) -> None:
        balance = self.ledger.name_balances.get((entity, record.id), ZERO)
        record.body["Balance"] = -balance if entity == "Vendor" else balance
        if entity == "Customer":
            record.body["BalanceWithJobs"] = balance + self._jobs_balance(record.id)

    def _jobs_balance(self, customer_id: str) -> Decimal:
        return sum(
            (self.ledger.name_balances.get(("Customer", job), ZERO) for job in self.names.jobs_below(customer_id)), ZERO
        )


_RAW = EntityKind("")
