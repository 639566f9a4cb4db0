"""How reminders leave: rules, what a customer is to be asked for, and what became of a day's mails."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from domains.ar.collection_notes import NoteState
from domains.ar.reminder_plan import PlannedCustomer, PlannedInvoice, Promise, Why
from domains.ar.reminder_rules import Closed, Levels, Tone
from infra.money import ZERO
from runway.calculators.figures import Basis
from runway.routes.action_out import ActionOut
from runway.routes.answers import Amount
from runway.routes.pay_bills import RefusalOut
from runway.routes.runway_answer import FigureOut

INVOICES: Final = "invoices"


class LevelOut(BaseModel):
    days: int = Field(description="After the due day; negative: before it.")
    tone: Tone = Field(description="Whose text is taken where there is none of its own.")
    subject: str | None
    text: str | None


class PolicyOut(BaseModel):
    is_on: bool = Field(description="Off until somebody switches it on.")
    levels: list[LevelOut]
    quiet_days: int = Field(description="Days between two mails to one customer, at the least.")
    send_from: int = Field(description="First hour of the company's day in which mails go out.")
    send_until: int = Field(description="The hour from which none goes out any more.")
    on_weekends: bool
    sender_name: str | None = Field(description="Null: the business's name.")
    reply_to: str | None
    placeholders: list[str] = Field(description="What a text may hold in braces; `invoices` it must.")
    version: int = Field(description="0 while nobody has set anything.")
    set_at: datetime | None
    actor: str | None


class PromiseOut(BaseModel):
    on: date
    amount: Amount | None
    is_broken: bool = Field(description="Its day is over, and something is open still.")

    @classmethod
    def of(cls, promise: Promise | None) -> "PromiseOut | None":
        return None if promise is None else cls(on=promise.on, amount=promise.amount, is_broken=promise.is_broken)


class ChasedInvoiceOut(BaseModel):
    id: UUID
    external_id: str
    doc_number: str | None
    due_on: date
    days_overdue: int = Field(description="Negative before the due day.")
    balance: Amount
    currency: str
    reached: int = Field(description="The highest step that was mailed, or is on its way; 0: none.")
    next_level: int | None = Field(description="Null: the last one is behind it.")
    why: Why | None = Field(description="Why it is in no mail today; null: its step has come.")
    next_on: date | None = Field(description="When its next step may be taken.")
    is_disputed: bool
    promise: PromiseOut | None

    @classmethod
    def of(cls, one: PlannedInvoice) -> "ChasedInvoiceOut":
        held = one.invoice
        return cls(
            id=held.id,
            external_id=held.external_id,
            doc_number=held.doc_number,
            due_on=held.due_on,
            days_overdue=one.days_over,
            balance=held.balance,
            currency=held.currency,
            reached=held.reached,
            next_level=one.level,
            why=one.why,
            next_on=one.next_on,
            is_disputed=held.is_disputed,
            promise=PromiseOut.of(held.promise),
        )


class ChasedCustomerOut(BaseModel):
    customer_id: UUID | None = Field(description="Ours.")
    external_id: str
    name: str
    send_to: list[str]
    overdue: FigureOut = Field(description="In home currency, at each invoice's own rate.")
    days_overdue: int = Field(description="Of the oldest.")
    level: int = Field(description="The highest step that any of the overdue has reached.")
    last_contact_on: date | None = Field(description="The latest mail about any of their invoices.")
    next_on: date | None = Field(description="When the next mail may go out.")
    why: Why | None = Field(description="Why there is none today; null: there is one.")
    is_disputed: bool = Field(description="One of the overdue is.")
    promise: PromiseOut | None = Field(description="A broken one first, then the earliest.")
    invoices: list[ChasedInvoiceOut]

    @classmethod
    def of(cls, one: PlannedCustomer, basis: Basis) -> "ChasedCustomerOut":
        late = overdue_of(one)
        promises = [each.invoice.promise for each in one.invoices if each.invoice.promise is not None]
        first = min(promises, key=lambda promise: (not promise.is_broken, promise.on), default=None)
        amount = sum((each.invoice.home_balance for each in late), ZERO)
        return cls(
            customer_id=one.debtor.id,
            external_id=one.debtor.external_id,
            name=one.debtor.name,
            send_to=list(one.send_to),
            overdue=FigureOut.model_validate(basis.figure(amount, basis.currency, n=len(late), n_of=INVOICES)),
            days_overdue=max((each.days_over for each in late), default=0),
            level=max((each.invoice.reached for each in late), default=0),
            last_contact_on=one.debtor.last_contact_on,
            next_on=one.next_on,
            why=one.why,
            is_disputed=any(each.invoice.is_disputed for each in late),
            promise=PromiseOut.of(first),
            invoices=[ChasedInvoiceOut.of(each) for each in one.invoices],
        )


class CollectionsOut(BaseModel):
    day: date = Field(description="The company's.")
    is_on: bool = Field(description="Whether reminders go out by themselves.")
    overdue: FigureOut = Field(description="Of all customers, in home currency.")
    customers_count: int
    customers: list[ChasedCustomerOut] = Field(
        description="Who is overdue, or has a mail today; the most overdue first."
    )


class RecipientOut(BaseModel):
    customer_id: UUID | None
    external_id: str
    name: str
    send_to: list[str]
    invoices: list[ChasedInvoiceOut] = Field(description="What the mail lists, each at its step.")
    action: ActionOut | None = Field(
        description="What becomes of the mail; null in a dry run, and where it was refused."
    )
    refusal: RefusalOut | None


class NotRemindedOut(BaseModel):
    customer_id: UUID | None
    external_id: str
    name: str
    why: Why
    next_on: date | None


class RunOut(BaseModel):
    day: date
    dry_run: bool
    closed: Closed | None = Field(description="Why nothing goes out at this moment; of a dry run.")
    accepted: int
    refused: int
    recipients: list[RecipientOut]
    not_reminded: list[NotRemindedOut] = Field(
        description="Customers with something overdue, and why they get no mail."
    )


class TakenStepOut(BaseModel):
    invoice_id: UUID
    level: int
    asked_on: date
    is_mailed: bool | None = Field(description="Null: on its way. False: the mail did not list it, or was not sent.")
    action_id: UUID


class PromiseHistoryOut(BaseModel):
    invoice_id: UUID
    invoice: str = Field(description="Its number.")
    promised_on: date
    amount: Amount | None
    currency: str
    state: NoteState = Field(
        description="`kept`: paid by its day; `broken`: its day is over before that, also where it was paid, or promised again, later."
    )
    paid_on: date | None = Field(description="The last payment's date, where nothing is open any more.")
    recorded_at: datetime
    closed_because: str | None


class CustomerRemindersOut(BaseModel):
    customer_id: UUID
    name: str
    is_excluded: bool
    paused_until: date | None = Field(description="The last day without a mail.")
    levels: list[LevelOut] | None = Field(description="Null: the business's.")
    send_to: str | None
    version: int
    set_at: datetime | None
    actor: str | None
    steps: list[TakenStepOut]
    promises: list[PromiseHistoryOut] = Field(description="The latest first.")
    promises_kept: int
    promises_broken: int


def overdue_of(one: PlannedCustomer) -> list[PlannedInvoice]:
    return [each for each in one.invoices if each.days_over > 0]


def overdue_sum(customers: Sequence[PlannedCustomer]) -> tuple[Decimal, int]:
    """In home currency, and of how many invoices."""
    late = [each for one in customers for each in overdue_of(one)]
    return sum((each.invoice.home_balance for each in late), ZERO), len(late)


def levels_out(levels: Levels) -> list[LevelOut]:
    return [LevelOut(days=one.days, tone=one.tone, subject=one.subject, text=one.text) for one in levels]
