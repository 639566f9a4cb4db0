"""Who is to be reminded of what on a day, at which step, and why not of the rest. Pure.

Steps are taken in their order, one a mail, and a mail to a customer not before the quiet days since the last one are over. An invoice that
is long overdue when its books are first read so begins at the first step, and catches up one step a mail. A notice (a step before
the due day) is no step of that ladder: it is sent before the due day or not at all, and never beside what is overdue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domains.ar.reminder_rules import (
    CustomerRules,
    Levels,
    ReminderLevel,
    ReminderRules,
    addresses_in,
    first_open_day,
)
from infra.money import ZERO

MOST_IN_A_MAIL = 50  # each is read live just before


class Why(StrEnum):
    """Why an invoice, or a customer, is in no mail of the day."""

    DISPUTED = "disputed"
    PROMISED = "promised"
    GIVEN_UP = "given_up"  # a write-off note
    UNDER_WAY = "under_way"  # a mail about it is not settled yet
    NOT_YET = "not_yet"  # its next step's day is to come
    ALL_SENT = "all_sent"  # the last step is behind it: a person's turn
    NO_ROOM = "no_room"  # the mail is full; it is in the next
    OVERDUE_FIRST = "overdue_first"  # a notice, and something else is overdue
    EXCLUDED = "excluded"
    PAUSED = "paused"
    NO_ADDRESS = "no_address"
    TOO_SOON = "too_soon"  # the quiet days since the last mail
    CREDIT = "credit_covers"  # the customer's own unapplied money or credit covers all of it


@dataclass(frozen=True)
class Promise:
    """`is_broken`: its day is over, and something is open still."""

    on: date
    amount: Decimal | None
    is_broken: bool


@dataclass(frozen=True)
class ChasedInvoice:
    """An open invoice. `due_on` is its issue day where the ledger has none; `home_balance` is in home currency.

    Attributes:
        reached: the highest step that was taken, 0 for none; a step on its way counts.
        is_under_way: that one is not settled yet.
        last_contact_on: the company's day of the latest mail about it, ours by hand too.
    """

    id: UUID
    external_id: str
    doc_number: str | None
    customer_external_id: str
    due_on: date
    balance: Decimal
    currency: str
    home_balance: Decimal = ZERO
    email: str | None = None
    reached: int = 0
    is_under_way: bool = False
    is_disputed: bool = False
    is_given_up: bool = False
    promise: Promise | None = None
    last_contact_on: date | None = None


@dataclass(frozen=True)
class Debtor:
    """A customer. `credits` are what is unapplied, by currency; `last_contact_on` that of any invoice, paid ones too."""

    external_id: str
    id: UUID | None
    name: str
    email: str | None = None
    rules: CustomerRules = field(default_factory=CustomerRules)
    last_contact_on: date | None = None
    credits: Mapping[str, Decimal] | None = None


@dataclass(frozen=True)
class PlannedInvoice:
    """`level` counts from 1 and is in the day's mail where `why` is None; None when no step is left. `next_on`: when it may be its turn."""

    invoice: ChasedInvoice
    level: int | None
    step: ReminderLevel | None
    days_over: int
    why: Why | None
    next_on: date | None


@dataclass(frozen=True)
class PlannedCustomer:
    """What a customer gets on the day: `mailed` together in one mail, unless `why` says why there is none."""

    debtor: Debtor
    send_to: tuple[str, ...]
    invoices: Sequence[PlannedInvoice]
    why: Why | None
    next_on: date | None

    @property
    def mailed(self) -> list[PlannedInvoice]:
        return [] if self.why is not None else self.due

    @property
    def due(self) -> list[PlannedInvoice]:
        """Whose step has come, whether or not the customer is written to today."""
        return [one for one in self.invoices if one.why is None]


def plan_reminders(
    invoices: Sequence[ChasedInvoice], debtors: Mapping[str, Debtor], rules: ReminderRules, *, today: date
) -> list[PlannedCustomer]:
    """Every customer with an open invoice, by external id."""
    of_customer: dict[str, list[ChasedInvoice]] = {}
    for invoice in invoices:
        of_customer.setdefault(invoice.customer_external_id, []).append(invoice)
    return [_customer(debtors[key], of_customer[key], rules, today=today) for key in sorted(of_customer)]


def next_step(levels: Levels, reached: int, *, days_over: int) -> int | None:
    """The number of the next step, from 1: the first one after `reached` that is no notice whose time is over. None: none is left."""
    for number in range(reached + 1, len(levels) + 1):
        if not (levels[number - 1].is_notice and days_over > 0):
            return number
    return None


def _customer(
    debtor: Debtor, invoices: Sequence[ChasedInvoice], rules: ReminderRules, *, today: date
) -> PlannedCustomer:
    levels = debtor.rules.levels or rules.levels
    quiet_until = _quiet_until(debtor, rules)
    ordered = sorted(invoices, key=lambda one: (one.due_on, one.external_id))
    planned = _one_mail([_invoice(one, levels, today=today) for one in ordered])
    send_to = _address(debtor, planned)
    why = _why_not(debtor, planned, send_to, today=today, quiet_until=quiet_until)
    ahead = min((one.next_on for one in planned if one.next_on is not None), default=None)
    if ahead is not None and not debtor.rules.is_excluded:
        paused = debtor.rules.paused_until
        ahead = max(ahead, quiet_until or ahead, paused + timedelta(days=1) if paused else ahead)
        ahead = first_open_day(rules, ahead)
    return PlannedCustomer(debtor, send_to, planned, why, None if debtor.rules.is_excluded else ahead)


def _invoice(invoice: ChasedInvoice, levels: Levels, *, today: date) -> PlannedInvoice:
    days_over = (today - invoice.due_on).days
    level = next_step(levels, invoice.reached, days_over=days_over)
    step = None if level is None else levels[level - 1]
    comes_on = None if step is None else max(invoice.due_on + timedelta(days=step.days), today)
    why = _left_out(invoice, comes_on, today=today)
    if why in {Why.DISPUTED, Why.GIVEN_UP}:
        comes_on = None
    elif why is Why.PROMISED and comes_on is not None and invoice.promise is not None:
        comes_on = max(comes_on, invoice.promise.on + timedelta(days=1))
    return PlannedInvoice(invoice, level, step, days_over, why, comes_on)


def _left_out(invoice: ChasedInvoice, comes_on: date | None, *, today: date) -> Why | None:
    if invoice.is_given_up:
        return Why.GIVEN_UP
    if invoice.is_disputed:
        return Why.DISPUTED
    if invoice.promise is not None and not invoice.promise.is_broken:
        return Why.PROMISED
    if invoice.is_under_way:
        return Why.UNDER_WAY
    if comes_on is None:
        return Why.ALL_SENT
    return Why.NOT_YET if comes_on > today else None


def _one_mail(planned: Sequence[PlannedInvoice]) -> list[PlannedInvoice]:
    """What is overdue goes before notices, and the oldest before the rest where it is too much for a mail."""
    due = [one for one in planned if one.why is None]
    has_overdue = any(one.step is not None and not one.step.is_notice for one in due)
    room, sorted_out = MOST_IN_A_MAIL, []
    for one in planned:
        why = one.why
        if why is None and has_overdue and one.step is not None and one.step.is_notice:
            why = Why.OVERDUE_FIRST
        elif why is None:
            why, room = (None, room - 1) if room else (Why.NO_ROOM, 0)
        sorted_out.append(one if why is one.why else replace(one, why=why))
    return sorted_out


def _quiet_until(debtor: Debtor, rules: ReminderRules) -> date | None:
    last = debtor.last_contact_on
    return None if last is None else last + timedelta(days=rules.quiet_days)


def _address(debtor: Debtor, planned: Sequence[PlannedInvoice]) -> tuple[str, ...]:
    """The customer's own rule, else what the latest due invoice says, else the customer's address."""
    due = [one.invoice.email for one in planned if one.why is None] or [one.invoice.email for one in planned]
    for written in (debtor.rules.send_to, *reversed(due), debtor.email):
        if found := addresses_in(written):
            return found
    return ()


def _why_not(
    debtor: Debtor,
    planned: Sequence[PlannedInvoice],
    send_to: tuple[str, ...],
    *,
    today: date,
    quiet_until: date | None,
) -> Why | None:
    due = [one for one in planned if one.why is None]
    if debtor.rules.is_excluded:
        return Why.EXCLUDED
    if debtor.rules.paused_until is not None and today <= debtor.rules.paused_until:
        return Why.PAUSED
    if not due:
        return planned[0].why
    if quiet_until is not None and today < quiet_until:
        return Why.TOO_SOON
    if not send_to:
        return Why.NO_ADDRESS
    return Why.CREDIT if _is_covered(debtor, due) else None


def _is_covered(debtor: Debtor, due: Sequence[PlannedInvoice]) -> bool:
    """They may have paid, and nobody has matched it yet."""
    asked: dict[str, Decimal] = {}
    for one in due:
        asked[one.invoice.currency] = asked.get(one.invoice.currency, ZERO) + one.invoice.balance
    return all((debtor.credits or {}).get(currency, ZERO) >= amount for currency, amount in asked.items())
