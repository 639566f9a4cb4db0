"""What is worked out of the books before anybody's decision counts: most of a forecast's work, laid once and built on again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from runway.calculators.ageing import Ageing, OpenDocument, UnappliedCredit, age
from runway.calculators.banking_habit import BankingHabit, banking_habit
from runway.calculators.burn import history_days
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.figures import Basis
from runway.calculators.flows import Flow, FlowRules, classify
from runway.calculators.lateness import InvoiceHistory
from runway.calculators.outflow_kinds import PastOutflow, past_outflows
from runway.calculators.party_credits import AfterCredits, after_credits
from runway.calculators.payers import PayerBook, payer_book
from runway.calculators.recurring import Recurring, find_recurring
from runway.calculators.runway import RunwayInputs
from runway.calculators.to_come import Settled


@dataclass(frozen=True)
class LeftOut:
    """How many open documents and credits of either side are in currencies without a rate, and in no figure."""

    receivable: int = 0
    payable: int = 0


@dataclass(frozen=True)
class Books:
    """What the domains hand over, all of T, in home currency.

    Attributes:
        runway: accounts, movements of 365 days, and how old they are.
        invoices, bills: what is open. `invoice_credits`, `bill_credits`: what is not applied yet.
        histories: invoices with a payment in the last 24 months.
        paid_bills: bills with a payment in the last 12 months, the vendor as `customer_id`.
        collected, paid: what invoices and bills were settled with in the last 91 days.
    """

    runway: RunwayInputs
    invoices: Sequence[OpenDocument] = ()
    invoice_credits: Sequence[UnappliedCredit] = ()
    bills: Sequence[OpenDocument] = ()
    bill_credits: Sequence[UnappliedCredit] = ()
    histories: Sequence[InvoiceHistory] = ()
    paid_bills: Sequence[InvoiceHistory] = ()
    collected: Sequence[Settled] = ()
    paid: Sequence[Settled] = ()
    left_out: LeftOut = field(default_factory=LeftOut)


@dataclass(frozen=True)
class Sides:
    """What is open on either side: after credits, and before them by age."""

    invoices: AfterCredits
    bills: AfterCredits
    receivables: Ageing
    payables: Ageing


@dataclass(frozen=True)
class Groundwork:
    """What the books alone say, whatever people decide of single bills and invoices: most of the work, laid once for many decisions.

    `vendors` are held as `payers` are: how late each of them is paid. `banked` are settlements on the day their money was in the bank.
    `receipts_by_habit` are those that habits alone tell, by banking holidays and the invoice's id: found with the first forecast.
    """

    books: Books
    rules: FlowRules
    flows: Sequence[Flow]
    history: int
    outflows: Sequence[PastOutflow]
    series: Sequence[Recurring]
    payers: PayerBook
    vendors: PayerBook
    banking: BankingHabit
    banked: Sequence[Settled]
    sides: Sides
    receipts_by_habit: dict[frozenset[date], dict[str, ExpectedReceipt]] = field(
        default_factory=dict, repr=False, compare=False
    )


def groundwork(books: Books, rules: FlowRules) -> Groundwork:
    basis, inputs = books.runway.basis, books.runway
    flows = classify(inputs.movements, inputs.accounts, rules=rules)
    outflows = past_outflows(flows, inputs.accounts)
    through = inputs.booked_through or basis.as_of
    banking = banking_habit(inputs.movements, inputs.accounts, currency=basis.currency, as_of=basis.as_of)
    return Groundwork(
        books=books,
        rules=rules,
        flows=flows,
        history=history_days(flows, basis.as_of, began_on=inputs.history_from),
        outflows=outflows,
        series=find_recurring(outflows, basis),
        payers=payer_book(books.histories, through),
        vendors=payer_book(books.paid_bills, through),
        banking=banking,
        banked=[replace(item, on=banking.banked_on(item.on, item.party_name)) for item in books.collected],
        sides=sides_of(
            books.invoices,
            books.invoice_credits,
            books.bills,
            books.bill_credits,
            basis=basis,
            left_out=books.left_out,
        ),
    )


def sides_of(
    invoices: Sequence[OpenDocument],
    invoice_credits: Sequence[UnappliedCredit],
    bills: Sequence[OpenDocument],
    bill_credits: Sequence[UnappliedCredit],
    *,
    basis: Basis,
    left_out: LeftOut,
) -> Sides:
    """The same whether they are of books just read or of parts that were kept."""
    return Sides(
        invoices=after_credits(invoices, invoice_credits, basis=basis),
        bills=after_credits(bills, bill_credits, basis=basis),
        receivables=age(invoices, invoice_credits, basis=basis, left_out=left_out.receivable),
        payables=age(bills, bill_credits, basis=basis, left_out=left_out.payable),
    )
