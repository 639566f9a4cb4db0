"""An item of the tray as it leaves."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from domains.core.tray_marks import SetAside
from runway.calculators.impacts import Impact
from runway.calculators.tray_priority import Priority, Reason, TrayGroup
from runway.orchestrators.tray import TrayEntry
from runway.orchestrators.tray_rows import NextStep
from runway.routes.answers import Amount
from runway.routes.preview_out import figure_example
from runway.routes.runway_answer import FigureOut


class ChipOut(BaseModel):
    code: str = Field(examples=["due"])
    words: str = Field(examples=["due in 3 d"])


class SubjectOut(BaseModel):
    kind: str = Field(examples=["bill", "invoice", "notice"])
    id: UUID
    external_id: str | None = Field(description="QuickBooks' id.")


class ImpactOut(BaseModel):
    """Of a bill: what paying it costs, against not paying it. Of an invoice: what it brings when it is paid today."""

    days: FigureOut = Field(description="Runway days lost (negative) or gained.")
    low: FigureOut = Field(description="The low point of 13 weeks with it.")
    low_change: FigureOut
    low_on: date
    low_week_on: date

    @classmethod
    def of(cls, impact: Impact) -> "ImpactOut":
        return cls(
            days=FigureOut.model_validate(impact.days),
            low=FigureOut.model_validate(impact.low),
            low_change=FigureOut.model_validate(impact.low_change),
            low_on=impact.low_on,
            low_week_on=impact.low_week_on,
        )


class TrayItemOut(BaseModel):
    item: str = Field(description="Its key: the same matter has the same one for ever.")
    business_id: UUID
    business: str
    group: TrayGroup
    priority: str = Field(description="`P0` is the most urgent.", examples=["P1"])
    what: str = Field(examples=["Bill 2231 of Harbor Supply"])
    who: str | None = Field(description="The vendor, customer or payee.")
    amount: Amount = Field(description="Home currency; 0 where it is about no amount.")
    currency: str
    due_on: date | None = Field(description="The day that its reasons speak of.")
    reasons: list[Reason]
    chips: list[ChipOut] = Field(description="The reasons in words.")
    impact: ImpactOut | None = Field(description="Null where money is not what it is about.")
    next_step: NextStep
    subject: SubjectOut | None
    owner_id: UUID | None = Field(description="Whose it is.")
    set_aside: SetAside | None = Field(description="Only with `hidden`: what was set aside and is still the same.")
    snoozed_until: date | None
    question: str | None = Field(description="What the client was asked: it waits for them.")
    asked_at: datetime | None
    is_back: bool = Field(description="It was set aside, and has changed since somebody saw it.")

    @classmethod
    def of(cls, entry: TrayEntry) -> "TrayItemOut":
        row, mark = entry.row, entry.mark
        subject = row.subject
        return cls(
            item=row.item.key,
            business_id=entry.business.id,
            business=entry.business.name,
            group=row.item.group,
            priority=Priority(entry.priority).name,
            what=row.what.words,
            who=row.who,
            amount=row.item.amount,
            currency=entry.business.home_currency,
            due_on=row.item.due_on,
            reasons=sorted(row.item.reasons),
            chips=[ChipOut(code=chip.code, words=chip.words) for chip in row.chips],
            impact=None if row.impact is None else ImpactOut.of(row.impact),
            next_step=row.next_step,
            subject=None
            if subject is None
            else SubjectOut(kind=subject.kind, id=UUID(subject.id), external_id=subject.external_id),
            owner_id=mark.owner_id if mark else None,
            set_aside=SetAside(mark.set_aside) if mark and mark.set_aside and entry.is_set_aside else None,
            snoozed_until=mark.until if mark and entry.is_set_aside else None,
            question=mark.question if mark else None,
            asked_at=mark.asked_at if mark else None,
            is_back=entry.is_back,
        )


CSV_COLUMNS = (
    "business", "priority", "group", "what", "who", "amount", "currency", "due_on", "reasons", "runway_days", "low", "low_change",
    "low_week_on", "next_step", "owner_id", "question", "is_back", "item",
)  # fmt: skip


def csv_row(shown: TrayItemOut) -> dict[str, Any]:
    impact = shown.impact
    numbers = {
        "runway_days": impact.days.value if impact else None,
        "low": impact.low.value if impact else None,
        "low_change": impact.low_change.value if impact else None,
        "low_week_on": impact.low_week_on if impact else None,
    }
    return {**shown.model_dump(), **numbers, "reasons": "; ".join(chip.words for chip in shown.chips)}


TRAY_ITEM_EXAMPLE: dict[str, Any] = {
    "item": "bill:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "business_id": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "business": "Corner Bakery",
    "group": "pay",
    "priority": "P1",
    "what": "Bill 2231 of Harbor Supply",
    "who": "Harbor Supply",
    "amount": "5700.00",
    "currency": "USD",
    "due_on": "2026-03-18",
    "reasons": ["bill_due", "waits_for_approval"],
    "chips": [{"code": "due", "words": "due in 3 d"}, {"code": "waiting", "words": "waits for approval"}],
    "impact": {
        "days": figure_example("-6", "days"),
        "low": figure_example("4100.00"),
        "low_change": figure_example("-5700.00"),
        "low_on": "2026-04-27",
        "low_week_on": "2026-04-26",
    },
    "next_step": "approve",
    "subject": {"kind": "bill", "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11", "external_id": "145"},
    "owner_id": None,
    "set_aside": None,
    "snoozed_until": None,
    "question": None,
    "asked_at": None,
    "is_back": False,
}
