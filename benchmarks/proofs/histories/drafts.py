"""Bodies a client might send. `pick` chooses among what there is; amounts are whole cents as Decimal."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.proofs.histories.office import CHECKING, PAYABLE, PETTY, RECEIVABLE, RENT, REPAIRS, SAVINGS, VISA

Body = dict[str, Any]
COSTS = ("Bill", "VendorCredit", "Purchase")
SALES = ("Invoice", "CreditMemo", "SalesReceipt")
DRAFTED = (*COSTS, *SALES, "JournalEntry", "Transfer", "Deposit")
_BANKS = (CHECKING, SAVINGS, PETTY)


def ref(identifier: str) -> Body:
    return {"value": identifier}


@dataclass(frozen=True, slots=True)
class Draft:
    """What is drawn for one document."""

    kind: str
    amounts: tuple[Decimal, ...]
    pick: int
    vendor: str = "1"
    customer: str = "1"

    def body(self) -> Body:
        if self.kind in COSTS:
            return self._cost()
        if self.kind in SALES:
            return self._sale()
        return {"JournalEntry": self._journal, "Transfer": self._transfer, "Deposit": self._deposit}[self.kind]()

    @property
    def _bank(self) -> str:
        return _BANKS[self.pick % len(_BANKS)]

    def _cost(self) -> Body:
        account = (RENT, REPAIRS)[self.pick % 2]
        lines = [_account_line(amount, account) for amount in self.amounts]
        if self.kind != "Purchase":
            return {"VendorRef": ref(self.vendor), "Line": lines}
        by_card = self.pick % 3 == 0
        return {
            "PaymentType": "CreditCard" if by_card else "Check",
            "AccountRef": ref(VISA if by_card else self._bank),
            "Credit": self.pick % 5 == 0,
            "EntityRef": {"value": self.vendor, "type": "Vendor"},
            "Line": lines,
        }

    def _sale(self) -> Body:
        lines = [
            {
                "Amount": amount,
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": ref("12"[self.pick % 2])},
            }
            for amount in self.amounts
        ]
        body: Body = {"CustomerRef": ref(self.customer), "Line": lines}
        if self.pick % 4 == 0:
            body["BillEmail"] = {"Address": "amy@birds.example"}
        if self.kind == "SalesReceipt" and self.pick % 3 == 0:
            body["DepositToAccountRef"] = ref(self._bank)
        return body

    def _journal(self) -> Body:
        """A cost owed to a vendor, or a sale owed by a customer."""
        if self.pick % 2:
            names, open_account, side = ("Vendor", self.vendor), PAYABLE, "Credit"
        else:
            names, open_account, side = ("Customer", self.customer), RECEIVABLE, "Debit"
        other = "Debit" if side == "Credit" else "Credit"
        lines = []
        for amount in self.amounts:
            entity = {"Type": names[0], "EntityRef": ref(names[1])}
            lines += [
                _journal_line(amount, side, open_account, Entity=entity),
                _journal_line(amount, other, (RENT, REPAIRS)[self.pick % 2]),
            ]
        return {"Line": lines}

    def _transfer(self) -> Body:
        amount = sum(self.amounts, Decimal(0))
        return {"FromAccountRef": ref(self._bank), "ToAccountRef": ref(_BANKS[(self.pick + 1) % 3]), "Amount": amount}

    def _deposit(self) -> Body:
        lines = [
            {"Amount": amount, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": ref(REPAIRS)}}
            for amount in self.amounts
        ]
        body: Body = {"DepositToAccountRef": ref(self._bank), "Line": lines}
        if self.pick % 4 == 0:
            body["CashBack"] = {"AccountRef": ref(PETTY), "Amount": Decimal("0.01")}
        return body


def bill_payment(total: Decimal, lines: list[Body], *, vendor: str, by_card: bool) -> Body:
    how = (
        {"PayType": "CreditCard", "CreditCardPayment": {"CCAccountRef": ref(VISA)}}
        if by_card
        else {"PayType": "Check", "CheckPayment": {"BankAccountRef": ref(CHECKING)}}
    )
    return {"VendorRef": ref(vendor), "TotalAmt": total, "Line": lines, **how}


def link(kind: str, identifier: str, amount: Decimal) -> Body:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": identifier, "TxnType": kind}]}


def _account_line(amount: Decimal, account: str) -> Body:
    detail = {"AccountRef": ref(account)}
    return {
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": detail,
    }


def _journal_line(amount: Decimal, side: str, account: str, **more: Any) -> Body:
    detail = {"PostingType": side, "AccountRef": ref(account), **more}
    return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}
