"""One fresh object of every kind that python-quickbooks and the simulator share, made with the library's own classes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from quickbooks.objects.account import Account
from quickbooks.objects.base import Ref
from quickbooks.objects.bill import Bill
from quickbooks.objects.billpayment import BillPayment, BillPaymentLine, CheckPayment
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.deposit import Deposit, DepositLine, DepositLineDetail
from quickbooks.objects.detailline import (
    AccountBasedExpenseLine,
    AccountBasedExpenseLineDetail,
    SalesItemLine,
    SalesItemLineDetail,
)
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.journalentry import JournalEntry, JournalEntryLine, JournalEntryLineDetail
from quickbooks.objects.payment import Payment, PaymentLine
from quickbooks.objects.purchase import Purchase
from quickbooks.objects.salesreceipt import SalesReceipt
from quickbooks.objects.term import Term
from quickbooks.objects.transfer import Transfer
from quickbooks.objects.vendor import Vendor
from quickbooks.objects.vendorcredit import VendorCredit

from infra.ids import new_id
from tests.unit.infra.qbo.simulator.small_company import CHECKING, RENT, SALES, UNDEPOSITED


def fill(made: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def ref(identifier: str) -> Any:
    return fill(Ref(), value=identifier)


def unique(word: str) -> str:
    return f"{word} {new_id().hex[-8:]}"


def expense_line(amount: Any = 100) -> Any:
    detail = fill(AccountBasedExpenseLineDetail(), AccountRef=ref(RENT))
    return fill(AccountBasedExpenseLine(), Amount=amount, AccountBasedExpenseLineDetail=detail)


def sales_line(amount: Any = 100) -> Any:
    detail = fill(SalesItemLineDetail(), ItemRef=ref("1"), Qty=1, UnitPrice=amount)
    return fill(SalesItemLine(), Amount=amount, SalesItemLineDetail=detail)


def bill(amount: Any = 100) -> Any:
    return fill(Bill(), VendorRef=ref("56"), Line=[expense_line(amount)])


def invoice(amount: Any = 100) -> Any:
    return fill(Invoice(), CustomerRef=ref("1"), Line=[sales_line(amount)])


def bill_payment(qb: Any, amount: Any = 100) -> Any:
    paid = bill(amount).save(qb=qb)
    line = fill(BillPaymentLine(), Amount=amount, LinkedTxn=[paid.to_linked_txn()])
    check = fill(CheckPayment(), BankAccountRef=ref(CHECKING))
    return fill(BillPayment(), VendorRef=ref("56"), PayType="Check", TotalAmt=amount, CheckPayment=check, Line=[line])


def payment(qb: Any, amount: Any = 100) -> Any:
    paid = invoice(amount).save(qb=qb)
    line = fill(PaymentLine(), Amount=amount, LinkedTxn=[paid.to_linked_txn()])
    return fill(Payment(), CustomerRef=ref("1"), TotalAmt=amount, Line=[line])


def deposit() -> Any:
    line = fill(DepositLine(), Amount=100, DepositLineDetail=fill(DepositLineDetail(), AccountRef=ref(SALES)))
    return fill(Deposit(), DepositToAccountRef=ref(CHECKING), Line=[line])


def journal_entry() -> Any:
    def line(posting: str, account: str) -> Any:
        detail = fill(JournalEntryLineDetail(), PostingType=posting, AccountRef=ref(account))
        return fill(JournalEntryLine(), Amount=100, JournalEntryLineDetail=detail)

    return fill(JournalEntry(), Line=[line("Debit", RENT), line("Credit", CHECKING)])


def purchase() -> Any:
    return fill(Purchase(), AccountRef=ref(CHECKING), PaymentType="Check", Line=[expense_line()])


def account() -> Any:
    return fill(Account(), Name=unique("Repairs"), AccountType="Expense", AccountSubType="RepairMaintenance")


@dataclass(frozen=True, slots=True)
class Kind:
    """`note` is a text field that an update changes; `total` the field that shows the amount, where there is one."""

    cls: Any
    make: Callable[[Any], Any]
    note: str = "PrivateNote"
    total: str | None = "TotalAmt"

    @property
    def name(self) -> str:
        return str(self.cls.qbo_object_name)


LISTS: Final = [
    Kind(Account, lambda _: account(), note="Description", total=None),
    Kind(Vendor, lambda _: fill(Vendor(), DisplayName=unique("Vendor")), note="CompanyName", total=None),
    Kind(Customer, lambda _: fill(Customer(), DisplayName=unique("Customer")), note="Notes", total=None),
    Kind(
        Item,
        lambda _: fill(Item(), Name=unique("Item"), Type="Service", IncomeAccountRef=ref(SALES)),
        note="Description",
        total=None,
    ),
    Kind(Term, lambda _: fill(Term(), Name=unique("Net"), DueDays=45), note="Name", total=None),
]

TRANSACTIONS: Final = [
    Kind(Bill, lambda _: bill()),
    Kind(BillPayment, bill_payment),
    Kind(VendorCredit, lambda _: fill(VendorCredit(), VendorRef=ref("56"), Line=[expense_line()])),
    Kind(Invoice, lambda _: invoice()),
    Kind(Payment, payment),
    Kind(CreditMemo, lambda _: fill(CreditMemo(), CustomerRef=ref("1"), Line=[sales_line()])),
    Kind(
        SalesReceipt,
        lambda _: fill(SalesReceipt(), CustomerRef=ref("1"), DepositToAccountRef=ref(UNDEPOSITED), Line=[sales_line()]),
    ),
    Kind(Purchase, lambda _: purchase()),
    Kind(Deposit, lambda _: deposit()),
    Kind(
        Transfer,
        lambda _: fill(Transfer(), FromAccountRef=ref(CHECKING), ToAccountRef=ref(UNDEPOSITED), Amount=100),
        total="Amount",
    ),
    Kind(JournalEntry, lambda _: journal_entry(), total=None),
]
