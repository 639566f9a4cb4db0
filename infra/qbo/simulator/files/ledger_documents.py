"""From one ledger entry to the API document it came from, kind by kind."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.ledger_accounts import LedgerAccounts
from infra.qbo.simulator.files.ledger_chart import Posting
from infra.qbo.simulator.files.ledger_items import LedgerItems
from infra.qbo.simulator.files.ledger_lines import line_of, numbered, offset_lines, settled_lines
from infra.qbo.simulator.files.ledger_links import OpenDocument, OpenDocuments, UndepositedFunds
from infra.qbo.simulator.files.ledger_names import LedgerNames

_DUE_DAYS: Final = 30
_NOTED_BY_LINE: Final = frozenset({"JournalEntry", "Deposit", "Purchase"})
_OWN_TYPE: Final = {
    **dict.fromkeys(("Invoice", "CreditMemo"), "Accounts Receivable"),
    **dict.fromkeys(("Bill", "VendorCredit"), "Accounts Payable"),
}
_TAX_SUBTYPES: Final = ("SalesTaxPayable", "GlobalTaxPayable")


class CannotExpress(Exception):
    """The entry has postings its document could not have made; it stays a ledger entry."""


class LedgerDocuments:
    def __init__(self, accounts: dict[str, Body], names: LedgerNames) -> None:
        self.items = LedgerItems(accounts)
        self.tax_accounts: dict[str, str] = {}
        self.ledger: list[Body] = []
        self._of = LedgerAccounts(accounts)
        self._names = names
        self._documents: list[tuple[str, int, Body]] = []
        self._ordered_on: dict[str, str] = {}
        self._bills = OpenDocuments()
        self._vendor_credits = OpenDocuments()
        self._invoices = OpenDocuments()
        self._credit_memos = OpenDocuments()
        self._undeposited = UndepositedFunds()
        self._writers: dict[str, Callable[[Body, Sequence[Posting], int], Body]] = {
            "Invoice": self._invoice,
            "Credit Memo": self._credit_memo,
            "Sales Receipt": self._sales_receipt,
            "Payment": self._payment,
            "Bill": self._bill,
            "Vendor Credit": self._vendor_credit,
            "Bill Payment (Check)": self._bill_payment,
            "Bill Payment (Credit Card)": self._bill_payment,
            "Check": self._purchase,
            "Expense": self._purchase,
            "Cash Expense": self._purchase,
            "Credit Card Expense": self._purchase,
            "Credit Card Credit": self._purchase,
            "Credit": self._purchase,
            "Deposit": self._deposit,
            "Transfer": self._transfer,
            "Journal Entry": self._journal_entry,
        }

    def add(self, entry: Body, postings: Sequence[Posting], *, order: int) -> None:
        writer = self._writers.get(entry["Type"])
        if writer is None:
            self._keep_as_ledger(entry, postings)
            return
        try:
            document = writer(entry, postings, order)
        except CannotExpress:
            self._keep_as_ledger(entry, postings)
            return
        body = self._noted(document["entity"], document["body"], postings)
        for posting in () if postings else entry["Postings"]:
            body |= {"PrivateNote": posting["Memo"]} if posting.get("Memo") else {}
        linked = [link["TxnId"] for line in body.get("Line", []) for link in line.get("LinkedTxn", [])]
        # A payment may be dated before its bill; it is still entered after it.
        ordered_on = max([entry["TxnDate"], *(self._ordered_on[identifier] for identifier in linked)])
        self._ordered_on[str(entry["Id"])] = ordered_on
        self._documents.append((ordered_on, order, document))

    def _noted(self, entity: str, body: Body, postings: Sequence[Posting]) -> Body:
        """The memo of a document's own posting (its A/R or A/P, else the money) is the document's memo."""
        own = _OWN_TYPE.get(entity)
        for posting in postings if entity not in _NOTED_BY_LINE else ():
            if posting.memo and (self._of.is_money(posting) if own is None else self._of.type_of(posting) == own):
                body.setdefault("PrivateNote", posting.memo)
        return body

    def in_chronological_order(self) -> list[Body]:
        return [document for _, _, document in sorted(self._documents, key=lambda each: each[:2])]

    def _invoice(self, entry: Body, postings: Sequence[Posting], order: int) -> Body:
        body = self._sale(entry, postings, sign=1, own_type="Accounts Receivable")
        due_on = date.fromisoformat(entry["TxnDate"]) + timedelta(days=_DUE_DAYS)
        body |= {"SalesTermRef": {"value": "3"}, "DueDate": due_on.isoformat()}
        total = self._of.total(postings, "Accounts Receivable")
        self._invoices.add(_open("Invoice", body, "CustomerRef", order=order, amount=total))
        return {"entity": "Invoice", "body": body}

    def _credit_memo(self, entry: Body, postings: Sequence[Posting], order: int) -> Body:
        body = self._sale(entry, postings, sign=-1, own_type="Accounts Receivable")
        total = -self._of.total(postings, "Accounts Receivable")
        self._credit_memos.add(_open("CreditMemo", body, "CustomerRef", order=order, amount=total))
        return {"entity": "CreditMemo", "body": body}

    def _sales_receipt(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        received = next((p for p in postings if p.debit > ZERO and self._of.is_money(p)), None)
        if received is None:
            raise CannotExpress
        rest = [p for p in postings if p is not received]
        body = self._sale(entry, rest, sign=1, own_type=None)
        body["DepositToAccountRef"] = self._of.reference(received)
        self._await_deposit(entry, "SalesReceipt", received)
        return {"entity": "SalesReceipt", "body": body}

    def _sale(self, entry: Body, postings: Sequence[Posting], *, sign: int, own_type: str | None) -> Body:
        """Lines, discount and tax of a sale; what it cost goes to the ledger on its own."""
        body = self._header(entry, "CustomerRef", "Customer")
        others = [p for p in postings if own_type is None or self._of.type_of(p) != own_type]
        cost = [p for p in others if self._of.is_cost(p)]
        if sum((p.debit for p in cost), start=ZERO):
            cost = []
        elif cost:
            self._keep_as_ledger(entry, cost)
        lines, taxes = [], []
        for posting in (p for p in others if p not in cost):
            amount = -posting.debit * sign
            if self._of.subtype_of(posting) in _TAX_SUBTYPES:
                taxes.append(self._tax_line(posting, amount))
            elif self._of.subtype_of(posting) == "DiscountsRefundsGiven":
                detail = {"PercentBased": False, "DiscountAccountRef": self._of.reference(posting)}
                lines.append(line_of("DiscountLineDetail", detail, posting, amount=-amount))
            else:
                detail = {"ItemRef": self.items.reference(posting), "Qty": 1, "UnitPrice": amount}
                lines.append(line_of("SalesItemLineDetail", detail, posting, amount=amount))
        body["Line"] = lines
        if taxes:
            body["TxnTaxDetail"] = {"TotalTax": sum(line["Amount"] for line in taxes), "TaxLine": taxes}
        return body

    def _payment(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        body = self._header(entry, "CustomerRef", "Customer", number="PaymentRefNum")
        customer_id = body["CustomerRef"]["value"]
        body["TotalAmt"] = -self._of.total(postings, "Accounts Receivable")
        if not postings:
            body["Line"] = offset_lines(self._invoices, self._credit_memos, customer_id)
            return {"entity": "Payment", "body": body}
        received = next((p for p in postings if self._of.is_money(p)), None)
        if received is None or received.debit != body["TotalAmt"]:
            raise CannotExpress
        body["DepositToAccountRef"] = self._of.reference(received)
        body["Line"] = settled_lines(self._invoices.settle(customer_id, body["TotalAmt"]))
        self._await_deposit(entry, "Payment", received)
        return {"entity": "Payment", "body": body}

    def _bill(self, entry: Body, postings: Sequence[Posting], order: int) -> Body:
        body = self._header(entry, "VendorRef", "Vendor")
        due_on = date.fromisoformat(entry["TxnDate"]) + timedelta(days=_DUE_DAYS)
        lines = self._expense_lines(postings, sign=1, but="Accounts Payable")
        body |= {"SalesTermRef": {"value": "3"}, "DueDate": due_on.isoformat(), "Line": lines}
        total = -self._of.total(postings, "Accounts Payable")
        self._bills.add(_open("Bill", body, "VendorRef", order=order, amount=total))
        return {"entity": "Bill", "body": body}

    def _vendor_credit(self, entry: Body, postings: Sequence[Posting], order: int) -> Body:
        body = self._header(entry, "VendorRef", "Vendor")
        body["Line"] = self._expense_lines(postings, sign=-1, but="Accounts Payable")
        total = self._of.total(postings, "Accounts Payable")
        self._vendor_credits.add(_open("VendorCredit", body, "VendorRef", order=order, amount=total))
        return {"entity": "VendorCredit", "body": body}

    def _bill_payment(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        body = self._header(entry, "VendorRef", "Vendor")
        vendor_id = body["VendorRef"]["value"]
        body["TotalAmt"] = self._of.total(postings, "Accounts Payable")
        if not postings:
            # The API wants a bank even for a payment of zero; a ledger does not say which.
            bank = self._of.find_bank()
            if bank is None:
                raise CannotExpress
            body |= {"PayType": "Check", "CheckPayment": {"BankAccountRef": {"value": bank}, "PrintStatus": "NotSet"}}
            body["Line"] = offset_lines(self._bills, self._vendor_credits, vendor_id)
            return {"entity": "BillPayment", "body": body}
        paid = next((p for p in postings if self._of.is_money(p)), None)
        if paid is None or -paid.debit != body["TotalAmt"]:
            raise CannotExpress
        by_card = entry["Type"] == "Bill Payment (Credit Card)"
        body["PayType"] = "CreditCard" if by_card else "Check"
        if by_card:
            body["CreditCardPayment"] = {"CCAccountRef": self._of.reference(paid)}
        else:
            body["CheckPayment"] = {"BankAccountRef": self._of.reference(paid), "PrintStatus": "NotSet"}
        body["Line"] = settled_lines(self._bills.settle(vendor_id, body["TotalAmt"]))
        return {"entity": "BillPayment", "body": body}

    def _purchase(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        is_credit = entry["Type"].endswith("Credit")
        sign = -1 if is_credit else 1
        candidates = [p for p in postings if self._of.is_money(p) and p.debit * sign < ZERO]
        if not candidates:
            raise CannotExpress
        paid = min(candidates, key=lambda p: (is_credit and self._of.type_of(p) != "Credit Card", p.debit * sign))
        kind = "Check" if entry["Type"] == "Check" else "Cash"
        kind = "CreditCard" if self._of.type_of(paid) == "Credit Card" else kind
        body = {"Id": str(entry["Id"]), "TxnDate": entry["TxnDate"], "PaymentType": kind, "Credit": is_credit}
        body |= {"AccountRef": self._of.reference(paid)} | numbered(entry, "DocNumber")
        named = self._names.kind_of(entry)
        if named is not None:
            body["EntityRef"] = {"value": named[1], "name": entry["Name"], "type": named[0]}
        if paid.memo:
            body["PrivateNote"] = paid.memo
        body["Line"] = self._expense_lines([p for p in postings if p is not paid], sign=sign, but=None)
        return {"entity": "Purchase", "body": body}

    def _deposit(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        received = [p for p in postings if p.debit > ZERO and self._of.type_of(p) == "Bank"]
        banks = sorted(received, key=lambda p: -p.debit)
        if not banks:
            raise CannotExpress
        main, *others = banks
        body = {"Id": str(entry["Id"]), "TxnDate": entry["TxnDate"], "DepositToAccountRef": self._of.reference(main)}
        if main.memo:
            body["PrivateNote"] = main.memo
        if others:
            back = others.pop(0)
            body["CashBack"] = {"AccountRef": self._of.reference(back), "Amount": back.debit, "Memo": back.memo}
        body["Line"] = [self._deposit_line(p) for p in postings if p is not main and (p in others or p not in banks)]
        return {"entity": "Deposit", "body": body}

    def _deposit_line(self, posting: Posting) -> Body:
        amount = -posting.debit
        if self._of.subtype_of(posting) == "UndepositedFunds":
            receipt = self._undeposited.take(amount)
            if receipt is not None:
                link = {"TxnId": receipt[0], "TxnType": receipt[1], "TxnLineId": "0"}
                return {"Amount": amount, "LinkedTxn": [link]}
        detail = {"AccountRef": self._of.reference(posting)}
        return line_of("DepositLineDetail", detail, posting, amount=amount)

    def _transfer(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        if len(postings) != 2:  # noqa: PLR2004 - a transfer has two ends
            raise CannotExpress
        source, target = sorted(postings, key=lambda p: p.debit)
        body = {"Id": str(entry["Id"]), "TxnDate": entry["TxnDate"], "Amount": target.debit}
        body |= {"FromAccountRef": self._of.reference(source), "ToAccountRef": self._of.reference(target)}
        return {"entity": "Transfer", "body": body}

    def _journal_entry(self, entry: Body, postings: Sequence[Posting], _order: int) -> Body:
        named = self._names.kind_of(entry)
        lines = []
        for number, posting in enumerate(postings):
            side = "Debit" if posting.debit > ZERO else "Credit"
            detail: Body = {"PostingType": side, "AccountRef": self._of.reference(posting)}
            if named is not None and self._of.type_of(posting) in {"Accounts Receivable", "Accounts Payable"}:
                detail["Entity"] = {"Type": named[0], "EntityRef": {"value": named[1]}}
            line = line_of("JournalEntryLineDetail", detail, posting, amount=abs(posting.debit))
            lines.append({"Id": str(number)} | line)
        body = {"Id": str(entry["Id"]), "TxnDate": entry["TxnDate"], "Line": lines} | numbered(entry, "DocNumber")
        return {"entity": "JournalEntry", "body": body}

    def _header(self, entry: Body, key: str, kind: str, *, number: str = "DocNumber") -> Body:
        named = self._names.kind_of(entry)
        if named is None or named[0] != kind:
            raise CannotExpress
        reference = {"value": named[1], "name": entry["Name"].rsplit(":", 1)[-1]}
        return {"Id": str(entry["Id"]), "TxnDate": entry["TxnDate"], key: reference} | numbered(entry, number)

    def _expense_lines(self, postings: Sequence[Posting], *, sign: int, but: str | None) -> list[Body]:
        lines = []
        for posting in postings:
            if but is None or self._of.type_of(posting) != but:
                detail = {"AccountRef": self._of.reference(posting), "BillableStatus": "NotBillable"}
                lines.append(line_of("AccountBasedExpenseLineDetail", detail, posting, amount=posting.debit * sign))
        if not lines:
            raise CannotExpress
        return lines

    def _tax_line(self, posting: Posting, amount: Decimal) -> Body:
        self.tax_accounts[posting.account_id] = posting.account_id
        detail = {"TaxRateRef": {"value": posting.account_id}, "PercentBased": False}
        return {"Amount": amount, "DetailType": "TaxLineDetail", "TaxLineDetail": detail}

    def _keep_as_ledger(self, entry: Body, postings: Sequence[Posting]) -> None:
        rows = [
            {"account_id": p.account_id, "debit": max(p.debit, ZERO), "credit": max(-p.debit, ZERO), "memo": p.memo}
            for p in postings
        ]
        kept = {key: entry.get(key) for key in ("Type", "TxnDate", "DocNumber", "Name", "NameId")}
        self.ledger.append(kept | {"Id": str(entry["Id"]), "postings": rows})

    def _await_deposit(self, entry: Body, entity: str, received: Posting) -> None:
        if self._of.subtype_of(received) == "UndepositedFunds":
            self._undeposited.add(str(entry["Id"]), entity, received.debit)


def _open(entity: str, body: Body, name_key: str, *, order: int, amount: Decimal) -> OpenDocument:
    return OpenDocument(body["Id"], entity, body[name_key]["value"], body["TxnDate"], order, amount)
