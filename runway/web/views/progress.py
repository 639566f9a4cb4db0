"""Where an action stands, as a person sees it: one word with its tone, the words, what they may still do, and whether to look again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import ceil
from uuid import UUID

from domains.ap.pay_bills import PAY_BILLS_OPERATION
from domains.ap.void_payment import VOID_PAYMENT_OPERATION
from domains.ar.mail_reminder import MAIL_REMINDER_OPERATION
from domains.ar.receive_payment import RECEIVE_PAYMENT_OPERATION
from domains.ar.remind_customer import REMIND_CUSTOMER_OPERATION
from domains.ar.send_invoice import SEND_INVOICE_OPERATION
from domains.core.permissions import Permission
from infra.actions.models import ActionIntent
from infra.actions.states import SETTLED, ActionState
from infra.money import ZERO
from runway.routes.action_out import ActionOut
from runway.routes.action_words import May, Outcome
from runway.web.strings import _, keyed

# Nothing more comes until a person does something, or ever.
_QUIET = SETTLED | {ActionState.BLOCKED, ActionState.NEEDS_REVIEW}
_SECONDS, _WHILE_TRYING_SECONDS = 1, 10
_TITLES = {
    Outcome.PROCESSING: (keyed("Processing"), "plain"),
    Outcome.SCHEDULED: (keyed("Scheduled"), "plain"),
    Outcome.HELD: (keyed("On hold"), "warn"),
    Outcome.SECOND_PERSON: (keyed("Needs a second person"), "warn"),
    Outcome.RECONNECT: (keyed("Needs reconnecting"), "warn"),
    Outcome.REVIEW: (keyed("Needs a person"), "warn"),
    Outcome.RECORDED: (keyed("Recorded"), "good"),
    Outcome.NOT_RECORDED: (keyed("Not recorded"), "bad"),
    Outcome.CANCELLED: (keyed("Cancelled"), "plain"),
}
_REMINDERS = frozenset({SEND_INVOICE_OPERATION, MAIL_REMINDER_OPERATION, REMIND_CUSTOMER_OPERATION})
# What a mail's outcome is called, where "recorded" says too much.
_MAILED = {Outcome.RECORDED: keyed("Mailed"), Outcome.NOT_RECORDED: keyed("Not mailed")}
_WHAT = {
    PAY_BILLS_OPERATION: keyed("Payment"),
    VOID_PAYMENT_OPERATION: keyed("Void"),
    RECEIVE_PAYMENT_OPERATION: keyed("Customer's payment"),
    SEND_INVOICE_OPERATION: keyed("Reminder"),
    MAIL_REMINDER_OPERATION: keyed("Reminder"),
    REMIND_CUSTOMER_OPERATION: keyed("Reminder"),
}


@dataclass(frozen=True)
class ProgressView:
    """`look_seconds`: it changes by itself, so the page looks again then; None: nothing more comes until a person does something, or ever.

    `may` is what this person may do with it now. `undo_seconds`: nothing leaves before so many have passed.
    `undo_door`: where they undo it, the last part of its address; a payer undoes anybody's, and everybody their own.
    """

    id: UUID
    what: str
    title: str
    tone: str
    words: str
    reason: str | None
    may: Sequence[May]
    look_seconds: int | None
    is_settled: bool
    version: int
    undo_seconds: int | None = None
    undo_door: str | None = None


@dataclass(frozen=True)
class MeantView:
    """What was asked for, in words: of a payment or a receipt its amount, who, and the day."""

    who: str | None
    amount: Decimal | None
    currency: str
    on: date | None
    account: str | None


def progress_view(out: ActionOut, permissions: Collection[Permission], *, now: datetime, actor: str) -> ProgressView:
    title, tone = _TITLES[out.outcome]
    if out.operation in _REMINDERS:
        title = _MAILED.get(out.outcome, title)
    undo_seconds = None if out.undo_until is None else max(1, ceil((out.undo_until - now).total_seconds()))
    reason = out.reason.words if out.reason is not None and out.reason.words not in out.words else None
    return ProgressView(
        id=out.id,
        what=_(_WHAT.get(out.operation, keyed("Action"))),
        title=_(title),
        tone=tone,
        words=out.words,
        reason=reason or None,
        may=[one for one in out.may if _is_theirs(one, out.operation, permissions)],
        look_seconds=undo_seconds or _look_seconds(out),
        undo_seconds=undo_seconds,
        undo_door=_undo_door(out, permissions, is_own=out.asked_by == actor),
        is_settled=out.state in SETTLED,
        version=out.version,
    )


def _undo_door(out: ActionOut, permissions: Collection[Permission], *, is_own: bool) -> str | None:
    if May.CANCEL not in out.may:
        return None
    if Permission.PAYMENTS_EXECUTE in permissions:
        return "cancel"
    return "undo" if is_own and Permission.RECEIPTS_RECORD in permissions else None


def _look_seconds(out: ActionOut) -> int | None:
    if out.state in _QUIET or out.outcome is Outcome.SCHEDULED:
        return None
    return _WHILE_TRYING_SECONDS if out.state is ActionState.RETRY_WAIT else _SECONDS


def meant_view(intent: ActionIntent, home_currency: str) -> MeantView:
    """From what was meant and what was known then; nothing is reckoned but the sum of the lines, credits taken off."""
    meaning, facts = intent.meaning, intent.facts
    lines = [*meaning.get("bills", ()), *meaning.get("invoices", ())]
    amount = sum((Decimal(line["amount"]) for line in lines if "amount" in line), ZERO)
    amount -= sum((Decimal(line["amount"]) for line in meaning.get("credits", ())), ZERO)
    who = facts.get("vendor") or facts.get("customer") or meaning.get("customer_name")
    day = meaning.get("paid_on") or meaning.get("received_on")
    return MeantView(
        who=None if who is None else str(who),
        amount=amount or None,
        currency=str(meaning.get("currency") or home_currency),
        on=None if day is None else date.fromisoformat(str(day)),
        account=None if facts.get("account") is None else str(facts["account"]),
    )


def _is_theirs(may: May, operation: str, permissions: Collection[Permission]) -> bool:
    """The API's own doors: all of these are a payer's, and reconnecting is whoever's who keeps the connection."""
    if may is May.RECONNECT:
        return Permission.CONNECTION_MANAGE in permissions
    if may is May.VOID and operation != PAY_BILLS_OPERATION:
        return False
    return Permission.PAYMENTS_EXECUTE in permissions
