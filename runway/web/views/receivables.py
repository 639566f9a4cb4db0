"""Invoices as the receivables page shows them: when each is expected, how sure that is and why, and where its reminders stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from domains.ar.reminder_plan import PlannedCustomer, PlannedInvoice, Why
from domains.core.permissions import Permission
from infra.actions.models import ActionIntent
from runway.calculators.expected_dates import SPREAD_PER_MILLE, ExpectedBy, ExpectedReceipt
from runway.orchestrators.receivables_table import Receivable
from runway.routes.answers import plain_amount
from runway.web import formats
from runway.web.strings import _, keyed, ngettext
from runway.web.views.payables import StatusView, Viewer, status_view

_EARLY, _MIDDLE, _LATE = 0, len(SPREAD_PER_MILLE) // 2, -1
_WHY: Mapping[Why, str] = {
    Why.DISPUTED: keyed("disputed"),
    Why.PROMISED: keyed("promised, and its day is not over"),
    Why.GIVEN_UP: keyed("given up by a write-off note"),
    Why.UNDER_WAY: keyed("a mail is on its way"),
    Why.NOT_YET: keyed("its next step is to come"),
    Why.ALL_SENT: keyed("every step was sent: somebody has to call"),
    Why.NO_ROOM: keyed("in the next mail: this one is full"),
    Why.OVERDUE_FIRST: keyed("what is overdue goes first"),
    Why.EXCLUDED: keyed("this customer is never reminded"),
    Why.PAUSED: keyed("reminders to this customer are paused"),
    Why.NO_ADDRESS: keyed("no e-mail address"),
    Why.TOO_SOON: keyed("the last mail was too short ago"),
    Why.CREDIT: keyed("their own credit covers it"),
}


@dataclass(frozen=True)
class ExpectedView:
    """`on` None: it is not counted on. `give`: days more or less, None where a person named the day. `why` is told on focus."""

    on: date | None
    give: int | None
    why: str
    is_doubtful: bool


@dataclass(frozen=True)
class ReminderView:
    """`next_on` None: none goes out by itself; `why` says why not today."""

    last_contact_on: date | None
    next_on: date | None
    why: str
    level: int
    is_on: bool


@dataclass(frozen=True)
class InvoiceView:
    """`pick` is the name of its box in a list. `open_text`: what is open, as a form holds it. `can_…`: what this person may do with it now."""

    id: UUID
    path: str
    pick: str
    number: str
    customer: str
    customer_external_id: str
    issued_on: date
    due_on: date | None
    status: StatusView
    total: Decimal
    balance: Decimal
    open_text: str
    currency: str
    memo: str | None
    email: str | None
    expected: ExpectedView | None
    reminder: ReminderView | None
    is_disputed: bool
    promised_on: date | None
    is_promise_broken: bool
    action: ActionIntent | None
    can_remind: bool
    can_note: bool
    can_record: bool


def invoice_view(row: Receivable, to: Viewer) -> InvoiceView:
    today, permissions = to.today, to.entry.permissions
    invoice, plan = row.invoice, row.plan
    is_open = invoice["balance"] > 0
    promise = plan.invoice.promise if plan else None
    may_note = Permission.REMINDERS_SEND in permissions and is_open
    number = invoice["doc_number"] or invoice["external_id"]
    customer = invoice["customer_name"] or invoice["customer_external_id"]
    return InvoiceView(
        id=invoice["id"],
        path=f"{to.path}/receivables/{invoice['id']}",
        pick=_("Select invoice %(number)s of %(customer)s") % {"number": number, "customer": customer},
        number=number,
        customer=customer,
        customer_external_id=invoice["customer_external_id"],
        issued_on=invoice["issued_on"],
        due_on=invoice["due_on"],
        status=status_view(invoice, today),
        total=invoice["total"],
        balance=invoice["balance"],
        open_text=plain_amount(invoice["balance"]),
        currency=invoice["currency"] or to.home_currency,
        memo=invoice["memo"],
        email=invoice["email"],
        expected=expected_view(row.expected) if row.expected and is_open else None,
        reminder=reminder_view(plan, row.customer, is_on=row.are_reminders_on) if plan and row.customer else None,
        is_disputed=plan.invoice.is_disputed if plan else False,
        promised_on=promise.on if promise else None,
        is_promise_broken=promise.is_broken if promise else False,
        action=row.action,
        can_remind=may_note and row.action is None,
        can_note=may_note,
        can_record=Permission.RECEIPTS_RECORD in permissions and is_open and row.action is None,
    )


def expected_view(receipt: ExpectedReceipt) -> ExpectedView:
    """P50, and half of the way from P10 to P90 as the days more or less."""
    dates = receipt.dates
    if not dates:
        by_rule = _("It is so late that the forecast does not count on it: say when it comes.")
        by_person = _("Somebody said that it is not expected.")
        return ExpectedView(None, None, by_rule if receipt.asks_in_tray else by_person, is_doubtful=True)
    early, middle, late = dates[_EARLY], dates[_MIDDLE], dates[_LATE]
    if receipt.by is ExpectedBy.PROMISE:
        return ExpectedView(middle, None, _("The customer promised this day."), is_doubtful=False)
    if receipt.by is ExpectedBy.MANUAL:
        return ExpectedView(middle, None, _("Somebody here named this day."), is_doubtful=False)
    give = -(-(late - early).days // 2)
    return ExpectedView(middle, give, _habit_why(receipt, early, late), is_doubtful=receipt.is_doubtful)


def reminder_view(plan: PlannedInvoice, customer: PlannedCustomer, *, is_on: bool) -> ReminderView:
    """Of a business whose reminders are off, no day is promised."""
    why, last = plan.why or customer.why, plan.invoice.last_contact_on or customer.debtor.last_contact_on
    if not is_on:
        return ReminderView(last, None, _("reminders do not go out by themselves"), plan.invoice.reached, is_on=False)
    return ReminderView(
        last_contact_on=last,
        next_on=max(plan.next_on, customer.next_on) if plan.next_on and customer.next_on else None,
        why=_(_WHY[why]) if why else _("its step has come"),
        level=plan.invoice.reached,
        is_on=True,
    )


def _habit_why(receipt: ExpectedReceipt, early: date, late: date) -> str:
    told = _("Eight times in ten between %(early)s and %(late)s.") % {
        "early": formats.day(early),
        "late": formats.day(late),
    }
    if not receipt.n:
        return told + " " + _("This customer has paid nothing yet, so all customers' habits stand in.")
    came = ngettext("From %(n)s invoice that they paid.", "From %(n)s invoices that they paid.", receipt.n)
    told += " " + came % {"n": receipt.n}
    if receipt.is_doubtful:
        told += " " + _("It is later than nearly all that was ever paid.")
    return told
