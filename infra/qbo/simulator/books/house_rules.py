"""What a company's own settings forbid: closed books, repeated numbers, features outside its plan, accounts of the wrong type."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.qbo.simulator import faults
from infra.qbo.simulator.behaviour import DEFAULT
from infra.qbo.simulator.books.documents import USD
from infra.qbo.simulator.books.ledger import ref_id
from infra.qbo.simulator.books.references import person_type
from infra.qbo.simulator.books.store import Body, EntityStore

_WARNINGS: Final = {
    "Bill": "WarnDuplicateBillNumber",
    "BillPayment": "WarnDuplicateCheckNumber",
    "Purchase": "WarnDuplicateCheckNumber",
    "JournalEntry": "WarnDuplicateJournalNumber",
}
_NOT_IN_SIMPLE_START: Final = frozenset({"Bill", "BillPayment", "VendorCredit"})
_NAMED_ACCOUNTS: Final = {"Accounts Payable": "Vendor", "Accounts Receivable": "Customer"}


class HouseRules:
    """Reads Preferences at each question: they may be changed while the company runs. So may `behaviour`."""

    def __init__(self, stores: Mapping[str, EntityStore]) -> None:
        self._stores = stores
        self.behaviour = DEFAULT

    @property
    def uses_custom_numbers(self) -> bool:
        return self._sales_preferences().get("CustomTxnNumbers") is True

    @property
    def applies_credits(self) -> bool:
        return self._sales_preferences().get("AutoApplyCredit") is True

    def check_period_open(self, txn_date: str) -> None:
        """Raises:
        ServiceFault: 6210 on or before BookCloseDate.
        """
        closed_until = self._preferences().get("AccountingInfoPrefs", {}).get("BookCloseDate")
        if closed_until and txn_date <= closed_until:
            raise faults.books_closed()

    def check_number_free(self, entity: str, body: Body) -> None:
        """Raises:
        ServiceFault: 6140, when the company wants to be warned about this kind of number, or custom ones repeat.
        """
        number = body.get("DocNumber")
        if not number or not self._minds_duplicates(entity):
            return
        for record in self._stores[entity].records.values():
            if record.body.get("DocNumber") == number and record.id != body.get("Id"):
                raise faults.duplicate_number(number, entity=entity, identifier=record.id)

    def check_in_plan(self, entity: str) -> None:
        """Raises:
        ServiceFault: 5020. The plan is CompanyInfo's OfferingSku; Simple Start has no bills.
        """
        if entity in _NOT_IN_SIMPLE_START and "Simple Start" in self._plan():
            raise faults.not_in_plan(entity)

    def check_currency(self, body: Body) -> None:
        """Raises:
        ServiceFault: 6000. No company here keeps more than its home currency.
        """
        if (body.get("CurrencyRef") or {}).get("value") not in {None, USD["value"]}:
            raise faults.refused("Multi Currency should be enabled to perform this operation.", element="CurrencyRef")

    def check_accounts(self, entity: str, body: Body) -> None:
        """Raises:
        ServiceFault: 6000 for a payment from an account of the wrong type, or A/P and A/R lines without their name.
        """
        for element, account_id, wanted in _paid_from(entity, body):
            if self._type_of(account_id) != wanted:
                raise faults.refused(f"{element} must be an account of type {wanted}.", element=element)
        if entity != "JournalEntry":
            return
        for line in body["Line"]:
            detail = line.get("JournalEntryLineDetail") or {}
            kind = _NAMED_ACCOUNTS.get(self._type_of(ref_id(detail, "AccountRef") or ""))
            if kind is not None and person_type(detail.get("Entity") or {}) != kind:
                raise faults.refused(f"A line on this account needs a {kind} as its Entity.", element="Entity")

    def _type_of(self, account_id: str) -> str:
        record = self._stores["Account"].records.get(account_id)
        return "" if record is None else str(record.body["AccountType"])

    def _minds_duplicates(self, entity: str) -> bool:
        if entity not in {*_WARNINGS, "Invoice", "CreditMemo", "SalesReceipt"}:
            return False
        match self.behaviour.duplicate_numbers:
            case "always":
                return True
            case "never":
                return False
        if entity in _WARNINGS:
            return self._warns(_WARNINGS[entity])
        return self.uses_custom_numbers and self._warns("WarnDuplicateInvoiceNumber")

    def _warns(self, name: str) -> bool:
        values = self._preferences().get("OtherPrefs", {}).get("NameValue", ())
        return any(value.get("Name") == name and str(value.get("Value")).lower() == "true" for value in values)

    def _plan(self) -> str:
        for record in self._stores["CompanyInfo"].records.values():
            for pair in record.body.get("NameValue", ()):
                if pair.get("Name") == "OfferingSku":
                    return str(pair.get("Value"))
        return ""

    def _sales_preferences(self) -> Body:
        found: Body = self._preferences().get("SalesFormsPrefs", {})
        return found

    def _preferences(self) -> Body:
        record = next(iter(self._stores["Preferences"].records.values()), None)
        return {} if record is None else record.body


def _paid_from(entity: str, body: Body) -> Iterator[tuple[str, str, str]]:
    """Element, account Id and the account type that QBO wants there."""
    if entity == "BillPayment" and body["PayType"] == "Check":
        yield "BankAccountRef", ref_id(body["CheckPayment"], "BankAccountRef") or "", "Bank"
    elif entity == "BillPayment":
        yield "CCAccountRef", ref_id(body["CreditCardPayment"], "CCAccountRef") or "", "Credit Card"
    elif entity == "Purchase" and body["PaymentType"] in {"Check", "CreditCard"}:
        yield (
            "AccountRef",
            ref_id(body, "AccountRef") or "",
            "Bank" if body["PaymentType"] == "Check" else "Credit Card",
        )
