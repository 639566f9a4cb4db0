"""The demo company's bookkeeper: writes each event as the document QBO would hold, and remembers what is still open."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from infra.money import ZERO
from infra.qbo.simulator.files.company_file import Body, CompanyTransaction
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.profile import Buyer, Supplier

_ZONE: Final = ZoneInfo("America/Los_Angeles")
_OFFICE_OPENS: Final = time(8, 30)
_OFFICE_SECONDS: Final = 9 * 3600


@dataclass(slots=True)
class OpenItem:
    """A bill or an invoice not yet settled. `pay_on` is when its payer means to pay; `share` how much of it then."""

    id: str
    party_id: str
    open: Decimal
    pay_on: date
    share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Credit:
    id: str
    party_id: str
    amount: Decimal


def dollars(cents: int) -> Decimal:
    return Decimal(cents) / 100


def ref(identifier: str) -> Body:
    return {"value": identifier}


def expense_line(account_id: str, amount: Decimal, description: str = "") -> Body:
    line: Body = {
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": ref(account_id)},
    }
    return line | ({"Description": description} if description else {})


def item_line(item_id: str, quantity: int, price: Decimal) -> Body:
    detail = {"ItemRef": ref(item_id), "Qty": quantity, "UnitPrice": price}
    return {"Amount": quantity * price, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}


def linked_line(amount: Decimal, *, to: str, kind: str) -> Body:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": to, "TxnType": kind}]}


class Books:
    """Amounts are in dollars. Cash is kept as it moves, so that the owner's draws can be set to fit."""

    def __init__(self, *, seed: int, suppliers: Mapping[str, Supplier] = profile.BY_NAME) -> None:
        self._suppliers = suppliers
        self.transactions: list[CompanyTransaction] = []
        self.bills: list[OpenItem] = []
        self.invoices: list[OpenItem] = []
        self.vendor_credits: list[Credit] = []
        self.credit_memos: list[Credit] = []
        self.undeposited: list[tuple[str, str, Decimal]] = []
        self.sales_tax = ZERO
        self.card_balance = ZERO
        self.loan_balance = ZERO
        self.bank_moves: dict[date, Decimal] = {}
        self.balances = dict.fromkeys(profile.BANKS, ZERO)
        # Its own: how many documents there are must not change what happens to the company.
        self._random = random.Random(seed)  # noqa: S311 - plausible books, not secrets
        self._next_invoice = 2001
        self._next_check = 5001

    def post(self, entity: str, on: date, fields: Body, *, dated: date | None = None) -> str:
        """Record a document entered on `on`; `dated` is its own date when that is earlier."""
        identifier = str(len(self.transactions) + 1)
        opens = datetime.combine(on, _OFFICE_OPENS, tzinfo=_ZONE)
        entered_at = opens + timedelta(seconds=self._random.randrange(_OFFICE_SECONDS))
        body = {"Id": identifier, "TxnDate": (dated or on).isoformat()} | fields
        self.transactions.append(CompanyTransaction(entity, body, entered_at.astimezone(UTC)))
        return identifier

    def move_bank(self, on: date, account_id: str, amount: Decimal) -> None:
        """Money into (positive) or out of one of the company's banks."""
        self.balances[account_id] += amount
        self.bank_moves[on] = self.bank_moves.get(on, ZERO) + amount

    def bill(
        self, supplier: Supplier, on: date, lines: list[Body], *, pay_on: date, dated: date, due_on: date | None = None
    ) -> OpenItem:
        due_on = due_on or dated + timedelta(days=supplier.term_days)
        fields = {
            "VendorRef": {"value": supplier.id, "name": supplier.name},
            "SalesTermRef": ref(profile.TERM_IDS[supplier.term_days]),
            "DueDate": due_on.isoformat(),
            "DocNumber": f"{supplier.name[:2].upper()}-{self._random.randrange(10000, 99999)}",
            "Line": lines,
        }
        identifier = self.post("Bill", on, fields, dated=dated)
        opened = OpenItem(identifier, supplier.id, sum((line["Amount"] for line in lines), start=ZERO), pay_on)
        self.bills.append(opened)
        return opened

    def vendor_credit(self, bill: OpenItem, on: date, amount: Decimal, *, account_id: str) -> None:
        fields = {
            "VendorRef": ref(bill.party_id),
            "Line": [expense_line(account_id, amount, "Short or damaged delivery")],
        }
        self.vendor_credits.append(Credit(self.post("VendorCredit", on, fields), bill.party_id, amount))

    def pay_bills(self, supplier_id: str, on: date, bills: list[OpenItem], *, by_card: bool) -> None:
        """One payment for what is due of these bills, less the supplier's credits as far as they fit."""
        lines, total = [], ZERO
        for bill in bills:
            amount = _part(bill)
            bill.open -= amount
            total += amount
            lines.append(linked_line(amount, to=bill.id, kind="Bill"))
        for credit in [c for c in self.vendor_credits if c.party_id == supplier_id]:
            if credit.amount < total:
                total -= credit.amount
                lines.append(linked_line(credit.amount, to=credit.id, kind="VendorCredit"))
                self.vendor_credits.remove(credit)
        fields: Body = {"VendorRef": ref(supplier_id), "TotalAmt": total, "Line": lines}
        if by_card:
            fields |= {"PayType": "CreditCard", "CreditCardPayment": {"CCAccountRef": ref(profile.CARD)}}
            self.card_balance += total
        else:
            check = {"BankAccountRef": ref(profile.CHECKING), "PrintStatus": "PrintComplete"}
            fields |= {"PayType": "Check", "CheckPayment": check, "DocNumber": self._check_number()}
            self.move_bank(on, profile.CHECKING, -total)
        self.post("BillPayment", on, fields)
        self.bills = [b for b in self.bills if b.open]

    def invoice(
        self, buyer: Buyer, on: date, lines: list[Body], *, pay_on: date, due_on: date | None = None
    ) -> OpenItem:
        fields = {
            "CustomerRef": {"value": buyer.id, "name": buyer.name},
            "SalesTermRef": ref(profile.TERM_IDS[buyer.term_days]),
            "DueDate": (due_on or on + timedelta(days=buyer.term_days)).isoformat(),
            "DocNumber": str(self._next_invoice),
            "Line": lines,
        }
        self._next_invoice += 1
        identifier = self.post("Invoice", on, fields)
        opened = OpenItem(identifier, buyer.id, sum((line["Amount"] for line in lines), start=ZERO), pay_on)
        self.invoices.append(opened)
        return opened

    def credit_memo(self, buyer: Buyer, on: date, line: Body) -> None:
        fields = {"CustomerRef": {"value": buyer.id, "name": buyer.name}, "Line": [line]}
        self.credit_memos.append(Credit(self.post("CreditMemo", on, fields), buyer.id, line["Amount"]))

    def receive(self, buyer: Buyer, on: date, invoices: list[OpenItem], *, extra: Decimal = ZERO) -> None:
        """A customer's payment for these invoices, less its credit memos; `extra` stays unapplied."""
        lines, total = [], ZERO
        for invoice in invoices:
            amount = _part(invoice)
            invoice.open -= amount
            total += amount
            lines.append(linked_line(amount, to=invoice.id, kind="Invoice"))
        for credit in [c for c in self.credit_memos if c.party_id == buyer.id]:
            if credit.amount < total:
                total -= credit.amount
                lines.append(linked_line(credit.amount, to=credit.id, kind="CreditMemo"))
                self.credit_memos.remove(credit)
        total += extra
        into = profile.UNDEPOSITED if buyer.pays_by_check else profile.CHECKING
        fields = {
            "CustomerRef": {"value": buyer.id, "name": buyer.name},
            "TotalAmt": total,
            "DepositToAccountRef": ref(into),
            "Line": lines,
        }
        identifier = self.post("Payment", on, fields)
        if buyer.pays_by_check:
            self.undeposited.append((identifier, "Payment", total))
        else:
            self.move_bank(on, profile.CHECKING, total)
        self.invoices = [i for i in self.invoices if i.open]

    def counter_sale(self, on: date, amount: Decimal, *, tax: Decimal) -> None:
        tax_detail = {"TaxRateRef": ref("1"), "PercentBased": True, "NetAmountTaxable": amount}
        fields = {
            "CustomerRef": ref(profile.COUNTER_CUSTOMER),
            "DepositToAccountRef": ref(profile.UNDEPOSITED),
            "Line": [item_line(profile.COUNTER_ITEM, 1, amount)],
            "TxnTaxDetail": {
                "TotalTax": tax,
                "TaxLine": [{"Amount": tax, "DetailType": "TaxLineDetail", "TaxLineDetail": tax_detail}],
            },
        }
        self.sales_tax += tax
        self.undeposited.append((self.post("SalesReceipt", on, fields), "SalesReceipt", amount + tax))

    def deposit_all(self, on: date) -> None:
        lines = [linked_line(amount, to=identifier, kind=kind) for identifier, kind, amount in self.undeposited]
        for line in lines:
            line["LinkedTxn"][0]["TxnLineId"] = "0"
        self.post("Deposit", on, {"DepositToAccountRef": ref(profile.CHECKING), "Line": lines})
        self.move_bank(on, profile.CHECKING, sum((amount for _, _, amount in self.undeposited), start=ZERO))
        self.undeposited = []

    def purchase(self, on: date, vendor: str, lines: list[Body], *, from_account: str, is_credit: bool = False) -> None:
        supplier = self._suppliers[vendor]
        by_card = from_account == profile.CARD
        fields = {
            "PaymentType": "CreditCard" if by_card else "Cash",
            "AccountRef": ref(from_account),
            "EntityRef": {"value": supplier.id, "name": supplier.name, "type": "Vendor"},
            "Credit": is_credit,
            "Line": lines,
        }
        self.post("Purchase", on, fields)
        total = sum((line["Amount"] for line in lines), start=ZERO)
        if by_card:
            self.card_balance += -total if is_credit else total
        else:
            self.move_bank(on, from_account, -total)

    def transfer(self, on: date, amount: Decimal, *, source: str, target: str) -> None:
        self.post("Transfer", on, {"FromAccountRef": ref(source), "ToAccountRef": ref(target), "Amount": amount})
        self.move_bank(on, source, -amount)
        if target == profile.CARD:
            self.card_balance -= amount
        else:
            self.move_bank(on, target, amount)

    def journal(self, on: date, sides: list[tuple[str, Decimal]], *, note: str) -> None:
        """`sides` are (account, signed debit)."""
        lines = []
        for number, (account_id, debit) in enumerate(sides):
            detail = {"PostingType": "Debit" if debit > ZERO else "Credit", "AccountRef": ref(account_id)}
            line = {"Id": str(number), "Amount": abs(debit), "DetailType": "JournalEntryLineDetail"}
            lines.append(line | {"JournalEntryLineDetail": detail})
            if account_id in profile.BANKS:
                self.move_bank(on, account_id, debit)
        self.post("JournalEntry", on, {"PrivateNote": note, "Line": lines})

    def _check_number(self) -> str:
        self._next_check += 1
        return str(self._next_check)


def _part(item: OpenItem) -> Decimal:
    """What is paid now: a share the first time, the rest the second."""
    amount = item.open if item.share == 1 else (item.open * item.share).quantize(Decimal(1))
    item.share = Decimal(1)
    return min(amount, item.open)
