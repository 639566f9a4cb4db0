"""The digest as the API shows it; every figure is the dashboard's."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from runway.calculators.digest import Digest, NamedDocument
from runway.calculators.outlook import PathRow
from runway.orchestrators.digest_progress import BusinessSend, BusinessState, Reached
from runway.routes.answers import fields_of
from runway.routes.bridge_out import BRIDGE_EXAMPLE, BridgeOut
from runway.routes.runway_answer import HEADLINE_EXAMPLE, FigureOut, FromReport, HeadlineOut, figure_example


class DigestDecisionOut(FromReport):
    item: str = Field(description="Its key in the tray.")
    priority: str = Field(examples=["P1"])
    what: str
    who: str | None
    amount: FigureOut | None
    due_on: date | None
    why: list[str]
    days: FigureOut | None = Field(description="What it does to the runway.")
    low_change: FigureOut | None
    path: str = Field(description="The page on which it is looked at and decided, behind the sign-in.")


class DigestDueOut(FromReport):
    on: date = Field(description="When it is expected to be paid: of something overdue today.")
    overdue_since: date | None
    what: str
    row: PathRow
    amount: FigureOut
    is_must_pay: bool
    bill_id: UUID | None
    doc_number: str | None


class DigestOverdueOut(FromReport):
    external_id: str
    customer_id: str = Field(description="The rail's.")
    customer: str
    due_on: date
    days_overdue: int
    amount: FigureOut = Field(description="Open, before credits.")
    invoice_id: UUID | None
    doc_number: str | None


class DueOut(BaseModel):
    days: int
    total: FigureOut
    must_pays: FigureOut
    items: list[DigestDueOut] = Field(description="The soonest.")
    items_in_all: int


class OverdueOut(BaseModel):
    overdue: FigureOut
    dso: FigureOut
    items: list[DigestOverdueOut] = Field(description="The five largest.")
    items_in_all: int


class DigestOut(BaseModel):
    as_of: date
    week_on: date = Field(description="The Monday of its week.")
    business: str
    currency: str
    time_zone: str
    runway: HeadlineOut
    change: BridgeOut | None = Field(description="What changed since last week; `no_change` says why there is none.")
    no_change: str | None
    cash: FigureOut
    floor: FigureOut
    net_burn: FigureOut
    gross_burn: FigureOut
    decisions: list[DigestDecisionOut] = Field(description="The top of the tray.")
    waiting: int = Field(description="Items of the tray in all.")
    due: DueOut
    overdue: OverdueOut
    warnings: list[str] = Field(description="What to know of the books before believing a number.")


def digest_out(digest: Digest) -> DigestOut:
    return DigestOut(
        **fields_of(
            DigestOut,
            digest,
            runway=HeadlineOut.of(digest.runway),
            change=BridgeOut.of(digest.change),
            decisions=[
                DigestDecisionOut.model_validate({
                    **vars(one), "path": f"/c/{digest.business_id}/tray/{one.item}",
                })
                for one in digest.decisions
            ],
            due=DueOut(
                days=digest.due.days,
                total=digest.due.total,
                must_pays=digest.due.must_pays,
                items=[
                    DigestDueOut.model_validate({**vars(one), **_document(one.document, "bill_id")})
                    for one in digest.due_items
                ],
                items_in_all=digest.due_in_all,
            ),
            overdue=OverdueOut(
                overdue=digest.overdue,
                dso=digest.dso,
                items=[
                    DigestOverdueOut.model_validate({**vars(one), **_document(one.document, "invoice_id")})
                    for one in digest.overdue_items
                ],
                items_in_all=digest.overdue_in_all,
            ),
            warnings=list(digest.warnings),
        )
    )  # fmt: skip


def _document(document: NamedDocument | None, name: str) -> dict[str, Any]:
    return {name: document.id if document else None, "doc_number": document.doc_number if document else None}


class RecipientSendOut(FromReport):
    name: str | None
    email: str | None
    state: Reached
    words: str | None = Field(description="Why, where it is not on its way.")
    sent_at: datetime | None


class BusinessSendOut(BaseModel):
    business_id: UUID
    business: str
    week_on: date
    state: BusinessState
    why: str | None = Field(description="Why there was no digest to send.")
    recipients: list[RecipientSendOut]


class DigestSendsOut(BaseModel):
    id: UUID
    asked_at: datetime
    done: int = Field(description="Businesses whose job is over.")
    in_all: int
    is_done: bool
    businesses: list[BusinessSendOut]


def sends_out(ask_id: UUID, sends: list[BusinessSend]) -> DigestSendsOut:
    done = sum(one.state is not BusinessState.QUEUED for one in sends)
    return DigestSendsOut(
        id=ask_id,
        asked_at=min(one.asked_at for one in sends),
        done=done,
        in_all=len(sends),
        is_done=done == len(sends),
        businesses=[
            BusinessSendOut(
                **fields_of(
                    BusinessSendOut,
                    one,
                    business_id=one.business.id,
                    business=one.business.name,
                    recipients=[RecipientSendOut.model_validate(recipient) for recipient in one.recipients],
                )
            )
            for one in sends
        ],
    )


_USD = figure_example("4210.10", "USD", n=12, n_of="documents")
_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
DIGEST_EXAMPLE: dict[str, Any] = {
    "as_of": "2026-03-16", "week_on": "2026-03-16", "business": "Corner Bakery", "currency": "USD",
    "time_zone": "America/Los_Angeles", "runway": HEADLINE_EXAMPLE, "change": BRIDGE_EXAMPLE, "no_change": None, "cash": _USD,
    "floor": _USD, "net_burn": figure_example("273.12", "USD/day"), "gross_burn": figure_example("1893.40", "USD/day"),
    "decisions": [{
        "item": f"bill:{_ID}", "priority": "P1", "what": "Bill 2231 of Harbor Supply", "who": "Harbor Supply", "amount": _USD,
        "due_on": "2026-03-18", "why": ["due in 2 d"], "days": figure_example("-6", "days"), "low_change": _USD,
        "path": f"/c/{_ID}/tray/bill:{_ID}",
    }],
    "waiting": 14,
    "due": {
        "days": 7, "total": _USD, "must_pays": _USD, "items_in_all": 9,
        "items": [{
            "on": "2026-03-18", "overdue_since": None, "what": "Harbor Supply", "row": "bills", "amount": _USD, "is_must_pay": False, "bill_id": _ID,
            "doc_number": "2231",
        }],
    },
    "overdue": {
        "overdue": _USD, "dso": figure_example("32.52", "days", n=160, n_of="documents"), "items_in_all": 12,
        "items": [{
            "external_id": "130", "customer_id": "201", "customer": "Dune Cafe", "due_on": "2026-02-20", "days_overdue": 24,
            "amount": _USD, "invoice_id": _ID, "doc_number": "1045",
        }],
    },
    "warnings": ["Bills look incomplete this week."],
}  # fmt: skip
SENDS_EXAMPLE: dict[str, Any] = {
    "id": _ID, "asked_at": "2026-03-16T14:00:00Z", "done": 1, "in_all": 1, "is_done": True,
    "businesses": [{
        "business_id": _ID, "business": "Corner Bakery", "week_on": "2026-03-16", "state": "done", "why": None,
        "recipients": [{
            "name": "Ada Park", "email": "ada@example.com", "state": "sent", "words": None, "sent_at": "2026-03-16T14:00:09Z",
        }],
    }],
}  # fmt: skip
