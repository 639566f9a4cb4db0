"""How an action leaves: one shape for a payment, a void, a reminder, wherever it stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from domains.ap.pay_bills import PAY_BILLS_OPERATION
from domains.ap.paying_service import NEEDS_SECOND_PERSON, SECOND_PERSON_WORDS
from domains.ap.void_payment import VOID_PAYMENT_OPERATION
from domains.ar.mail_reminder import MAIL_REMINDER_OPERATION
from domains.ar.receive_payment import RECEIVE_PAYMENT_OPERATION
from domains.ar.remind_customer import REMIND_CUSTOMER_OPERATION
from domains.ar.send_invoice import SEND_INVOICE_OPERATION
from infra.actions.accept import UNDO_SECONDS
from infra.actions.models import ActionIntent
from infra.actions.spec import Target
from infra.actions.states import ActionState
from runway.routes.action_words import ENDS, PAYING, Deed, May, Outcome, Standing, Told, standing_of
from runway.routes.answers import Amount, plain_amount

_DEEDS = {
    PAY_BILLS_OPERATION: PAYING,
    VOID_PAYMENT_OPERATION: Deed("Payment {id} is void in QuickBooks, and its bills are open again", "Not voided"),
    RECEIVE_PAYMENT_OPERATION: Deed("Recorded in QuickBooks as the customer's payment {id}"),
    SEND_INVOICE_OPERATION: Deed("QuickBooks has mailed it", "Nobody was reminded"),
    MAIL_REMINDER_OPERATION: Deed("The reminder is in the mail", "Nobody was reminded"),
    REMIND_CUSTOMER_OPERATION: Deed("The reminder is in the mail", "Nobody was reminded"),
}
_OTHER = Deed("Recorded in QuickBooks ({id})")
_AMOUNTS = frozenset({"amount", "total", "balance"})
PAYMENTS_PATH: Final = "/api/v1/payments"


class ActionLineOut(BaseModel):
    kind: str = Field(description="What it is, in QuickBooks' words.", examples=["Bill"])
    external_id: str = Field(description="QuickBooks' id.", examples=["145"])
    amount: Amount


class ReasonOut(BaseModel):
    code: str = Field(examples=["already_paid"])
    words: str


class ActionOut(BaseModel):
    id: UUID
    operation: str = Field(examples=["pay_bills"])
    outcome: Outcome = Field(description="`recorded`, `not_recorded` and `cancelled` are the end.")
    words: str = Field(description="The same in words, for whoever waits.")
    may: list[May] = Field(description="What its state allows; who may is another matter.")
    state: ActionState = Field(description="The engine's own state.")
    lines: list[ActionLineOut] = Field(description="What it uses: bills, credits, an invoice, a payment.")
    asked: dict[str, Any] = Field(description="What was meant, in QuickBooks' ids.")
    mark: str = Field(
        description="What to look for in QuickBooks: it is in the memo, and the number unless one was given."
    )
    external_id: str | None = Field(description="QuickBooks' id of what was recorded.")
    reason: ReasonOut | None = Field(description="Why it was not recorded, is held, or is in doubt.")
    asked_by: str = Field(description="`user:<id>`, `token:<id>` or `job:<name>`.")
    asked_at: datetime
    not_before: datetime | None = Field(description="Scheduled for then.")
    undo_until: datetime | None = Field(
        description="Until then QuickBooks is not told, so that it can be cancelled; null once it is too late to wait for that."
    )
    next_try_at: datetime | None = Field(description="When we look or try again; null when it is done.")
    settled_at: datetime | None
    verified_at: datetime | None = Field(description="When it was last read back from QuickBooks and found right.")
    version: int = Field(description="Rises by one with each change.")


class ActionAnswer(BaseModel):
    data: ActionOut


ACTION_EXAMPLE: Final[dict[str, Any]] = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "operation": "pay_bills",
    "outcome": "recorded",
    "words": "Recorded in QuickBooks as payment 160, 14:03.",
    "may": ["void"],
    "state": "confirmed",
    "lines": [{"kind": "Bill", "external_id": "145", "amount": "120.50"}],
    "asked": {
        "vendor": "31",
        "account": "35",
        "pay_type": "check",
        "paid_on": "2026-03-15",
        "bills": [{"bill": "145", "amount": "120.50", "total": "120.50"}],
        "credits": [],
        "note": "",
    },
    "mark": "LP-ABCDEFGH23456789",
    "external_id": "160",
    "reason": None,
    "asked_by": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c12",
    "asked_at": "2026-03-15T21:03:00Z",
    "not_before": None,
    "undo_until": None,
    "next_try_at": None,
    "settled_at": "2026-03-15T21:03:01Z",
    "verified_at": "2026-03-15T21:03:02Z",
    "version": 5,
}


def standing(intent: ActionIntent, *, now: datetime, zone: ZoneInfo) -> Standing:
    told = Told(
        state=ActionState(intent.state),
        deed=_DEEDS.get(intent.operation, _OTHER),
        mark=intent.mark,
        hold=intent.hold,
        not_before=intent.not_before,
        due_at=intent.due_at,
        external_id=intent.external_id,
        settled_at=intent.settled_at,
        is_reversed=intent.reversed_at is not None,
        reason=intent.held or intent.outcome_words or "",
        is_undoable=UNDO_SECONDS in intent.facts,
        needs_second_person=bool(intent.facts.get(NEEDS_SECOND_PERSON)) and intent.held == SECOND_PERSON_WORDS,
    )
    return standing_of(told, now=now, zone=zone)


def shown(intent: ActionIntent, targets: Sequence[Target], *, now: datetime, zone: ZoneInfo) -> ActionOut:
    stands = standing(intent, now=now, zone=zone)
    return ActionOut(
        id=intent.id,
        operation=intent.operation,
        outcome=stands.outcome,
        words=stands.text,
        may=list(stands.may),
        state=ActionState(intent.state),
        lines=[
            ActionLineOut(kind=target.kind, external_id=target.external_id, amount=target.amount) for target in targets
        ],
        asked=_plain(intent.meaning),
        mark=intent.mark,
        external_id=intent.external_id,
        reason=_reason(intent),
        asked_by=intent.created_by,
        asked_at=intent.created_at,
        not_before=intent.not_before,
        undo_until=_undo_until(intent, now),
        next_try_at=intent.due_at if stands.outcome not in ENDS else None,
        settled_at=intent.settled_at,
        verified_at=intent.verified_at,
        version=intent.version,
    )


def _undo_until(intent: ActionIntent, now: datetime) -> datetime | None:
    if UNDO_SECONDS not in intent.facts or intent.state != ActionState.REQUESTED.value:
        return None
    return intent.due_at if intent.due_at is not None and intent.due_at > now else None


def _plain(meaning: Any) -> Any:
    """Amounts as text, as everywhere: from the database one without decimals comes as an int."""
    match meaning:
        case Mapping():
            return {
                name: plain_amount(Decimal(value))
                if name in _AMOUNTS and isinstance(value, int | Decimal)
                else _plain(value)
                for name, value in meaning.items()
            }
        case list() | tuple():
            return [_plain(one) for one in meaning]
        case _:
            return meaning


def _reason(intent: ActionIntent) -> ReasonOut | None:
    if intent.hold is not None:
        return ReasonOut(code=intent.hold, words=intent.held or "")
    if intent.outcome_code is not None:
        return ReasonOut(code=intent.outcome_code, words=intent.outcome_words or "")
    return None
