"""From what a client sent to what the books may hold: server-owned fields dropped, checked, completed."""

from collections.abc import Callable
from datetime import date
from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.books.chart import CompanyChart
from infra.qbo.simulator.books.checks import check_required, check_shape
from infra.qbo.simulator.books.documents import NUMBERED, complete_transaction, due_on
from infra.qbo.simulator.books.effects import WITH_BALANCE, Effects
from infra.qbo.simulator.books.entities import ENTITY_KINDS
from infra.qbo.simulator.books.house_rules import HouseRules
from infra.qbo.simulator.books.ledger import Ledger, money, ref_id
from infra.qbo.simulator.books.link_checks import check_links, check_still_owed
from infra.qbo.simulator.books.links import APPLIES_TO, Links, applied_amounts, net_applied
from infra.qbo.simulator.books.names import NameRegistry, complete_name
from infra.qbo.simulator.books.payment_lines import describe_payment_lines
from infra.qbo.simulator.books.references import references_in, resolve_references
from infra.qbo.simulator.books.store import Body, EntityStore, Record

_SERVER_OWNED: Final = frozenset({
    "MetaData", "domain", "sparse", "LinkedTxn", "Balance", "BalanceWithJobs", "CurrentBalance", "Level",
    "CurrentBalanceWithSubAccounts", "UnappliedAmt", "RemainingCredit", "HomeBalance", "HomeTotalAmt", "status",
    "DeliveryInfo", "InvoiceLink", "FullyQualifiedName", "Classification", "SubAccount", "PurchaseEx",
})  # fmt: skip
_KEPT_IN_NAMES: Final = ("AccountType", "AccountSubType")
_KEPT_IN_SALES: Final = ("DocNumber", "DeliveryInfo")


class Completion:
    """`prepared` changes nothing outside the body it is given, so a refusal leaves no trace."""

    def __init__(
        self, stores: dict[str, EntityStore], *, ledger: Ledger, links: Links, chart: CompanyChart, names: NameRegistry,
        rules: HouseRules, effects: Effects, today: Callable[[], date],
    ) -> None:  # fmt: skip
        self._stores = stores
        self._ledger = ledger
        self._links = links
        self._chart = chart
        self._names = names
        self._rules = rules
        self._effects = effects
        self._today = today

    def prepared(self, entity: str, body: Body, *, earlier: Record | None, trusted: bool = False) -> Body:
        """`trusted` bodies come from a company file: their shape is not checked again.

        Raises:
            ServiceFault: as QBO would.
        """
        kind = ENTITY_KINDS[entity]
        owned = _SERVER_OWNED
        fresh = {key: value for key, value in body.items() if key not in owned and value is not None and value != ""}
        if not trusted:
            check_shape(kind, fresh, behaviour=self._rules.behaviour)
            self._rules.check_currency(fresh)
        check_required(kind, fresh)
        resolve_references(
            fresh,
            self._stores,
            inactive_code=None if trusted else self._rules.behaviour.inactive_reference,
            kept=frozenset() if earlier is None else frozenset(references_in(earlier.body)),
        )
        fresh |= {"domain": "QBO", "sparse": False}
        if kind.is_transaction:
            if not trusted:
                self._rules.check_accounts(entity, fresh)
            self._complete(entity, fresh, earlier)
            for dated in () if trusted else (fresh, earlier.body if earlier else fresh):
                self._rules.check_period_open(dated["TxnDate"])
        elif kind.is_name_list:
            self._complete_list_object(entity, fresh, earlier, trusted=trusted)
        elif earlier is not None:
            fresh = {**{key: earlier.body[key] for key in ("Id", "NameValue") if key in earlier.body}, **fresh}
        return fresh

    def _complete_list_object(self, entity: str, fresh: Body, earlier: Record | None, *, trusted: bool) -> None:
        if earlier is not None:
            fresh.setdefault("Active", earlier.body.get("Active", True))
            fresh |= {key: earlier.body[key] for key in _KEPT_IN_NAMES if key in earlier.body and key not in fresh}
        if self._rules.behaviour.deleted_suffix:
            self._names.show_activity(entity, fresh, was_inactive=earlier is not None and not earlier.is_active)
        complete_name(entity, fresh, self._stores[entity], any_character=not self._rules.behaviour.name_characters)
        if not trusted:
            self._names.check(entity, fresh)
        if earlier is not None:
            fresh |= {
                key: earlier.body[key]
                for key in ("Balance", "BalanceWithJobs", "CurrentBalance", "CurrentBalanceWithSubAccounts")
                if key in earlier.body
            }

    def _complete(self, entity: str, fresh: Body, earlier: Record | None) -> None:
        old_lines = earlier.body.get("Line", ()) if earlier else ()
        kept = frozenset(str(line["Id"]) for line in old_lines if "Id" in line)
        if entity == "Payment":
            held_in = ref_id(fresh, "DepositToAccountRef") or self._chart.undeposited_id
            fresh["DepositToAccountRef"] = {"value": held_in}  # captured: without a name, unlike all other refs
        complete_transaction(entity, fresh, today=self._today().isoformat(), earlier_lines=kept)
        if entity in {"Bill", "VendorCredit"} or (
            entity == "BillPayment" and self._rules.behaviour.payment_shows_payable_account
        ):
            fresh.setdefault("APAccountRef", self._chart.ref(self._chart.payable_id))
        if entity in {"Bill", "Invoice"}:
            self._set_due_date(fresh)
        key = (entity, earlier.id if earlier else "")
        if entity in APPLIES_TO:
            check_links(entity, fresh, stores=self._stores, links=self._links, payer=key, entries=self._ledger.entries)
        if entity == "Payment":
            fresh.setdefault("Line", [])
            fresh["UnappliedAmt"] = money(fresh["TotalAmt"]) - net_applied(applied_amounts(entity, fresh))
            fresh.setdefault("ProcessPayment", False)
            describe_payment_lines(fresh, stores=self._stores, links=self._links, payer=key)
        self._check_earlier(entity, fresh, earlier)
        if entity in WITH_BALANCE:
            self._effects.show_open(entity, fresh, key)

    def _set_due_date(self, fresh: Body) -> None:
        term = self._stores["Term"].records.get(ref_id(fresh, "SalesTermRef") or "")
        if term is not None:  # captured: an invoice's term has its name, a bill's has not
            named = {"name": term.body["Name"]} if "CustomerRef" in fresh else {}
            fresh["SalesTermRef"] = {"value": term.id, **named}
        due = due_on(date.fromisoformat(fresh["TxnDate"]), term.body if term else None)
        fresh.setdefault("DueDate", due.isoformat())

    def _check_earlier(self, entity: str, fresh: Body, earlier: Record | None) -> None:
        """What an update may no longer do once others lean on the transaction."""
        if earlier is None:
            return
        key = (entity, earlier.id)
        payers = self._links.payers_of(key)
        if payers and payers[0][0] == "Deposit" and fresh["TotalAmt"] != earlier.body["TotalAmt"]:
            raise faults.deposited()
        check_still_owed(
            key, fresh, stores=self._stores, links=self._links, entry=lambda: self._effects.entry(entity, fresh)
        )
        if entity in WITH_BALANCE and money(fresh["TotalAmt"]) < self._links.applied_to(key):
            raise faults.refused("The total cannot be less than what has been applied to it.", element="TotalAmt")
        if entity in NUMBERED:
            fresh |= {name: earlier.body[name] for name in _KEPT_IN_SALES if name in earlier.body and name not in fresh}
        if payers and "LinkedTxn" in earlier.body:
            fresh["LinkedTxn"] = self._links.linked_txns(key)
