from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.ar.collection_notes import NoteState
from domains.ar.reminder_rules import (
    DEFAULT_LEVELS,
    EARLIEST,
    LATEST,
    MOST_LEVELS,
    CustomerRules,
    KeptRules,
    ReminderLevel,
    ReminderRules,
    Tone,
)
from domains.ar.reminder_settings import Setting
from domains.ar.reminder_text import LONGEST_SUBJECT, LONGEST_TEXT, PLACEHOLDERS
from infra.sync.freshness import Fetched
from runway.orchestrators.reminder_desk import CustomerStanding
from runway.routes.access import Caller, ManagesSettings, ReadsBooks, SendsReminders
from runway.routes.answers import Answer, FreshnessOut, fields_of, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.reminder_answers import (
    CustomerRemindersOut,
    PolicyOut,
    PromiseHistoryOut,
    TakenStepOut,
    levels_out,
)
from runway.routes.reminder_examples import CUSTOMER_REMINDERS_EXAMPLE, POLICY_EXAMPLE

router = APIRouter(prefix="/api/v1", tags=["collections"])

Address = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$", examples=["accounts@example.com"])]


class WantedLevel(Strict):
    days: int = Field(ge=EARLIEST, le=LATEST, description="After the due day; negative: before it.")
    tone: Tone = Tone.FRIENDLY
    subject: str | None = Field(default=None, max_length=LONGEST_SUBJECT, description="Left out: that of the tone.")
    text: str | None = Field(
        default=None,
        max_length=LONGEST_TEXT,
        description="Plain text with {invoices} in it; left out: that of the tone.",
    )

    def level(self) -> ReminderLevel:
        return ReminderLevel(self.days, self.tone, self.subject, self.text)


_DEFAULTS = [WantedLevel(days=level.days, tone=level.tone) for level in DEFAULT_LEVELS]
WantedLevels = Annotated[list[WantedLevel], Field(min_length=1, max_length=MOST_LEVELS)]


class WantedReminders(Strict):
    is_on: bool = Field(description="Whether reminders go out by themselves.")
    levels: WantedLevels = Field(default=_DEFAULTS, description="In the order of their days.")
    quiet_days: int = Field(default=7, ge=1, le=90)
    send_from: int = Field(default=9, ge=0, le=23)
    send_until: int = Field(default=17, ge=1, le=24)
    on_weekends: bool = False
    sender_name: str | None = Field(default=None, min_length=1, max_length=100, pattern=r'^[^\x00-\x1f\x7f<>"@]+$')
    reply_to: Address | None = None

    def rules(self) -> ReminderRules:
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "levels"}
        return ReminderRules(levels=tuple(one.level() for one in self.levels), **given)


class WantedCustomerReminders(Strict):
    """All of it: what is left out is as if nothing had been decided."""

    is_excluded: bool = Field(default=False, description="Never reminded by itself.")
    paused_until: date | None = Field(default=None, description="The last day without a mail.")
    levels: WantedLevels | None = Field(default=None, description="Their own steps, in place of the business's.")
    send_to: Address | None = Field(default=None, description="In place of the invoices' own address.")

    def rules(self) -> CustomerRules:
        levels = None if self.levels is None else tuple(one.level() for one in self.levels)
        return CustomerRules(self.is_excluded, self.paused_until, levels, self.send_to)


class ReminderPolicyAnswer(BaseModel):
    data: PolicyOut


@router.get(
    "/collections/policy",
    summary="How customers are reminded",
    responses=documented({"data": POLICY_EXAMPLE}),
)
async def get_reminder_policy(caller: ReadsBooks) -> ReminderPolicyAnswer:
    """Off, with steps that many use, until somebody sets it."""
    return _policy(await caller.services.reminder_desk.get_rules())


@router.put(
    "/collections/policy",
    summary="Set how customers are reminded",
    responses=documented({"data": POLICY_EXAMPLE}),
)
async def set_reminder_policy(caller: ManagesSettings, wanted: WantedReminders) -> ReminderPolicyAnswer:
    """It counts from now on: steps that were taken stay taken. Texts are checked here, so that no mail goes out half filled in."""
    return _policy(await caller.services.reminder_desk.set_rules(wanted.rules(), by=_setting(caller)))


@router.get(
    "/customers/{customer_id}/reminders",
    summary="How one customer is reminded",
    response_model=Answer[CustomerRemindersOut],
    responses=read_of_books(books_example(CUSTOMER_REMINDERS_EXAMPLE)),
)
async def get_customer_reminders(
    request: Request, caller: ReadsBooks, customer_id: UUID, asked: Annotated[AskedFreshness, Query()]
) -> Response:
    """What counts for them, the steps that were taken, and which promises they kept."""
    fetched = await caller.services.reminder_desk.get_customer(customer_id, freshness=asked.need())
    return send(request, _standing(fetched))


@router.put(
    "/customers/{customer_id}/reminders",
    summary="Pause, exclude, or remind a customer in another way",
    responses=documented(books_example(CUSTOMER_REMINDERS_EXAMPLE)),
)
async def set_customer_reminders(
    caller: SendsReminders, customer_id: UUID, wanted: WantedCustomerReminders
) -> Answer[CustomerRemindersOut]:
    """It counts at once: a mail to them that waits is taken back where it is not to go out any more."""
    return _standing(await caller.services.reminder_desk.set_customer(customer_id, wanted.rules(), by=_setting(caller)))


def _setting(caller: Caller) -> Setting:
    return Setting(caller.origin.actor, caller.origin.request_id, caller.clock.now())


def _policy(kept: KeptRules) -> ReminderPolicyAnswer:
    shown: dict[str, Any] = {**vars(kept.rules), **vars(kept.made), "levels": levels_out(kept.rules.levels)}
    return ReminderPolicyAnswer(data=PolicyOut(**shown, placeholders=sorted(PLACEHOLDERS)))


def _standing(fetched: Fetched[CustomerStanding]) -> Answer[CustomerRemindersOut]:
    one = fetched.value
    states = [promise.state for promise in one.promises]
    data = CustomerRemindersOut(
        customer_id=one.customer_id,
        name=one.name,
        is_excluded=one.rules.is_excluded,
        paused_until=one.rules.paused_until,
        levels=None if one.rules.levels is None else levels_out(one.rules.levels),
        send_to=one.rules.send_to,
        **vars(one.made),
        steps=[TakenStepOut(**fields_of(TakenStepOut, step, action_id=step.intent_id)) for step in one.steps],
        promises=[PromiseHistoryOut(**fields_of(PromiseHistoryOut, promise)) for promise in one.promises],
        promises_kept=states.count(NoteState.KEPT),
        promises_broken=states.count(NoteState.BROKEN),
    )
    return Answer[CustomerRemindersOut](data=data, freshness=FreshnessOut.of(fetched.freshness))
