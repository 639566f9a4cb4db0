"""What a transaction does around itself: postings, links, and the balances others show."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.chart import CompanyChart
from infra.qbo.simulator.books.ledger import BESIDE, Entry, Key, Ledger, money, ref_id
from infra.qbo.simulator.books.links import APPLIES_TO, Links, applied_amounts
from infra.qbo.simulator.books.names import NameRegistry, ancestors
from infra.qbo.simulator.books.posting_rules import post
from infra.qbo.simulator.books.references import person_type
from infra.qbo.simulator.books.store import Body, EntityStore, Record

WITH_BALANCE: Final = frozenset({"Bill", "VendorCredit", "Invoice", "CreditMemo"})
_SHOWS_NO_LINKS: Final = frozenset({"CreditMemo"})  # captured: a used memo has no LinkedTxn


class Effects:
    """`settle` ends every verb: only then do accounts and names show the moved balances."""

    def __init__(
        self, stores: dict[str, EntityStore], *, ledger: Ledger, links: Links, chart: CompanyChart, names: NameRegistry
    ) -> None:
        self._stores = stores
        self._ledger = ledger
        self._links = links
        self._chart = chart
        self._names = names
        self._touched: dict[Key, int] = {}

    def entry(self, entity: str, body: Body) -> Entry:
        """Raises:
        ServiceFault: 6000 when the postings do not balance.
        """
        postings = post(entity, body, self._chart)
        if sum((posting.amount for posting in postings), ZERO):
            raise faults.refused("The transaction does not balance.", element="Line")
        name: Key | None = None
        if (vendor := ref_id(body, "VendorRef")) is not None:
            name = ("Vendor", vendor)
        elif (customer := ref_id(body, "CustomerRef")) is not None:
            name = ("Customer", customer)
        elif "EntityRef" in body and person_type(body["EntityRef"]) in {"Vendor", "Customer"}:
            name = (person_type(body["EntityRef"]), str(body["EntityRef"]["value"]))
        return Entry(entity, date.fromisoformat(body["TxnDate"]), postings, body.get("DocNumber"), name)

    def post(self, key: Key, entry: Entry, at: int) -> None:
        self._ledger.add(key, entry)
        self._touch_all(entry, at)

    def unpost(self, key: Key, at: int) -> None:
        self._touch_all(self._ledger.remove(key), at)

    def unpost_beside(self, key: Key, at: int) -> None:
        """What the ledger has for the document beyond its own postings goes with it."""
        beside = (key[0] + BESIDE, key[1])
        if beside in self._ledger.entries:
            self.unpost(beside, at)

    def relink(self, entity: str, record: Record, at: int) -> None:
        if entity in APPLIES_TO:
            amounts = applied_amounts(entity, record.body)
            if amounts or self._links.targets_of((entity, record.id)):
                self.show_targets(self._links.replace((entity, record.id), amounts), at, deposit=entity == "Deposit")

    def unlink(self, key: Key, at: int) -> None:
        self.show_targets(self._links.replace(key, {}), at, deposit=key[0] == "Deposit")

    def show_targets(self, targets: Iterable[Key], at: int, *, deposit: bool = False) -> None:
        """A payment moves its document's token and time; a deposit changes its payment's links and neither (quirk 2)."""
        for key in targets:
            entity, identifier = key
            record = self._stores[entity].records[identifier]
            if entity in WITH_BALANCE:
                self.show_open(entity, record.own(), key)
            if entity not in _SHOWS_NO_LINKS and (linked := self._links.linked_txns(key)):
                record.own()["LinkedTxn"] = linked
            else:
                record.own().pop("LinkedTxn", None)
            record.forget_encoding()
            if not deposit and entity not in {"Payment", "SalesReceipt"}:
                record.bump_sync_token()
                self._stores[entity].move(record, at)

    def show_open(self, entity: str, body: Body, key: Key) -> None:
        rest = money(body["TotalAmt"]) - self._links.applied_to(key)
        body["Balance"] = rest
        if entity == "CreditMemo":
            body["RemainingCredit"] = rest

    def touch(self, key: Key, at: int) -> None:
        self._touched[key] = max(at, self._touched.get(key, 0))

    def settle(self) -> None:
        """Show the moved balances on accounts and names: their time moves, their SyncToken does not."""
        for (entity, identifier), at in list(self._touched.items()):
            for parent in ancestors(self._stores[entity], identifier):
                self.touch((entity, parent), at)
        for (entity, identifier), at in self._touched.items():
            record = self._stores[entity].records.get(identifier)
            if record is None:
                continue
            if entity == "Account":
                self._chart.show_balance(record.own(), self._ledger)
            elif entity in {"Vendor", "Customer"}:
                self._show_name_balance(entity, record)
            self._stores[entity].move(record, at)
        self._touched.clear()

    def _touch_all(self, entry: Entry, at: int) -> None:
        for key in self._ledger.touched_by(entry):
            self.touch(key, at)

    def _show_name_balance(self, entity: str, record: Record) -> None:
        balance = self._ledger.name_balances.get((entity, record.id), ZERO)
        record.own()["Balance"] = -balance if entity == "Vendor" else balance
        if entity == "Customer":
            record.own()["BalanceWithJobs"] = balance + self._jobs_balance(record.id)

    def _jobs_balance(self, customer_id: str) -> Decimal:
        balances = self._ledger.name_balances
        return sum((balances.get(("Customer", job), ZERO) for job in self._names.jobs_below(customer_id)), ZERO)
