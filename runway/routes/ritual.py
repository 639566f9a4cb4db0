"""This week's ritual of one business: its six steps, who did which, and what was decided."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.ritual import (
    Ritual,
    RitualEvent,
    RitualEventKind,
    RitualOutcome,
    RitualState,
    RitualStep,
    StepState,
)
from infra.errors import InvalidInput
from infra.sync.freshness import Fetched
from runway.calculators.cards import DueSoon
from runway.orchestrators.ritual import RitualDesk, RitualMaterial, RitualView
from runway.routes.access import Caller, ReadsBooks, SyncsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import HEADLINE_EXAMPLE, FigureOut, HeadlineOut, figure_example

router = APIRouter(prefix="/api/v1", tags=["ritual"], route_class=ReadRoute)


class SummaryIsFinishing(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The summary is the ritual's end: POST /ritual/finish does it.")


class OutcomeNeeded(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Say what came of the step: outcome. Or reopen it: is_done false.")


class AskedRitual(AskedFreshness):
    week_of: date | None = Field(default=None, description="Any day of the week asked for; unless given: this week's.")


class DecidingStep(Strict):
    """What is decided of one step, by somebody who saw `version`."""

    version: int = Field(ge=0, description="The ritual's version that you were shown.")
    is_done: bool = Field(default=True, description="False: it is to be done again.")
    outcome: RitualOutcome | None = Field(default=None, description="What came of it; of a step that is done.")
    note: str | None = Field(
        default=None, max_length=2000, examples=["Paid the rent, put off Harbor Supply to Friday."]
    )


class FinishingRitual(Strict):
    version: int = Field(ge=0, description="The ritual's version that you were shown: all that was done is in it.")
    note: str | None = Field(default=None, max_length=2000)
    send_digest: bool = Field(
        default=False, description="Send the week's digest; whoever has had this week's gets no second one."
    )


class StepOut(BaseModel):
    step: RitualStep
    is_done: bool
    outcome: RitualOutcome | None
    note: str | None
    by: str | None = Field(description="A person's name, or a program's actor.")
    at: datetime | None
    version: int = Field(description="Of the event that made it so; 0 while nobody has touched it.")

    @classmethod
    def of(cls, state: StepState, view: RitualView) -> "StepOut":
        event = state.event
        return cls(
            step=state.step,
            is_done=state.is_done,
            outcome=event.outcome if event else None,
            note=event.note if event else None,
            by=view.who(event.actor) if event else None,
            at=event.at if event else None,
            version=event.version if event else 0,
        )


class EventOut(BaseModel):
    version: int
    kind: RitualEventKind
    step: RitualStep | None
    outcome: RitualOutcome | None
    note: str | None
    by: str
    actor: str
    at: datetime

    @classmethod
    def of(cls, event: RitualEvent, view: RitualView) -> "EventOut":
        told = {name: getattr(event, name) for name in ("version", "kind", "step", "outcome", "note", "actor", "at")}
        return cls(**told, by=view.who(event.actor))


class DueOut(BaseModel):
    days: int
    total: FigureOut
    must_pays: FigureOut

    @classmethod
    def of(cls, due: DueSoon) -> "DueOut":
        figures = {name: FigureOut.model_validate(getattr(due, name)) for name in ("total", "must_pays")}
        return cls(days=due.days, **figures)


class MaterialOut(BaseModel):
    """What the steps look at."""

    books_stale: bool
    books_display: str | None
    flags: list[str]
    runway: HeadlineOut
    due: DueOut
    overdue_receivable: FigureOut
    overdue_payable: FigureOut
    low: FigureOut
    low_on: date
    uncovered: int = Field(description="Must-pays that the cautious path does not cover.")

    @classmethod
    def of(cls, material: RitualMaterial) -> "MaterialOut":
        return cls(
            books_stale=material.books.is_stale,
            books_display=material.books.display,
            flags=list(material.flags),
            runway=HeadlineOut.of(material.runway),
            due=DueOut.of(material.due),
            overdue_receivable=FigureOut.model_validate(material.overdue_receivable),
            overdue_payable=FigureOut.model_validate(material.overdue_payable),
            low=FigureOut.model_validate(material.low),
            low_on=material.low_on,
            uncovered=material.uncovered,
        )


class RitualOut(BaseModel):
    week_on: date = Field(description="The week's Monday, by the company's calendar.")
    week_ends_on: date
    state: RitualState
    version: int = Field(description="Send it with what you decide.")
    next_step: RitualStep | None = Field(description="The first that is not done.")
    steps: list[StepOut]
    events: list[EventOut] = Field(description="All that was done, in order.")
    last_finished_week_on: date | None
    last_finished_at: datetime | None
    material: MaterialOut | None = Field(description="Of this week alone.")
    snapshot: dict[str, Any] | None = Field(description="The figures that it was locked with.")
    digest_id: UUID | None = Field(description="If its end had the digest sent: `/digest/sends/{ask_id}` tells of it.")

    @classmethod
    def of(cls, view: RitualView) -> "RitualOut":
        ritual: Ritual = view.ritual
        return cls(
            week_on=ritual.week_on,
            week_ends_on=view.week_ends_on,
            state=ritual.state,
            version=ritual.version,
            next_step=ritual.next_step,
            steps=[StepOut.of(state, view) for state in ritual.steps],
            events=[EventOut.of(event, view) for event in ritual.events],
            last_finished_week_on=view.last.week_on if view.last else None,
            last_finished_at=view.last.finished_at if view.last else None,
            material=MaterialOut.of(view.material) if view.material else None,
            snapshot=view.snapshot,
            digest_id=view.digest_id,
        )


_USD = figure_example("4210.10", "USD", n=12, n_of="documents")
_UNTOUCHED = {"is_done": False, "outcome": None, "note": None, "by": None, "at": None, "version": 0}
_DONE = {"outcome": "looked", "note": None, "by": "Ada Park", "at": "2026-03-16T17:02:00Z", "version": 2}
_EXAMPLE = books_example({
    "week_on": "2026-03-16",
    "week_ends_on": "2026-03-22",
    "state": "under_way",
    "version": 2,
    "next_step": "changes",
    "steps": [
        {"step": "books", "is_done": True, **_DONE},
        *({"step": step.value, **_UNTOUCHED} for step in RitualStep if step is not RitualStep.BOOKS),
    ],
    "events": [
        {"kind": "done", "step": "books", "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11", **_DONE},
    ],
    "last_finished_week_on": "2026-03-09",
    "last_finished_at": "2026-03-09T17:20:00Z",
    "material": {
        "books_stale": False, "books_display": None, "flags": [], "runway": HEADLINE_EXAMPLE,
        "due": {"days": 7, "total": _USD, "must_pays": _USD}, "overdue_receivable": _USD, "overdue_payable": _USD,
        "low": _USD, "low_on": "2026-05-28", "uncovered": 0,
    },
    "snapshot": None,
    "digest_id": None,
})  # fmt: skip


@router.get("/ritual", summary="The week's ritual", response_model=Answer[RitualOut], responses=read_of_books(_EXAMPLE))
async def get_ritual(request: Request, caller: ReadsBooks, asked: Annotated[AskedRitual, Query()]) -> Response:
    """Six steps: freshness and drift, what changed, due, overdue, the low point, the summary. It can be left and taken up again."""
    return send(request, _answer(await desk_of(caller).get(week_on=asked.week_of, freshness=asked.need())))


@router.post("/ritual/start", summary="Start this week's ritual", responses=documented(_EXAMPLE))
async def start_ritual(caller: SyncsBooks) -> Answer[RitualOut]:
    """One that is started stays as it is: two people may begin it at once."""
    return _answer(await desk_of(caller).start())


@router.post("/ritual/steps/{step}", summary="A step is done, or reopened", responses=documented(_EXAMPLE))
async def decide_step(caller: SyncsBooks, step: RitualStep, wanted: DecidingStep) -> Answer[RitualOut]:
    """With what was decided, and the figures of this moment. Two people may do two steps at once; 409 says who did what to the same one
    since `version`. The same said again by the same caller is the same.
    """
    desk = desk_of(caller)
    if step is RitualStep.SUMMARY:
        raise SummaryIsFinishing
    if not wanted.is_done:
        return _answer(await desk.reopen(step, note=wanted.note, version=wanted.version))
    if wanted.outcome is None:
        raise OutcomeNeeded
    return _answer(await desk.decide(step, outcome=wanted.outcome, note=wanted.note, version=wanted.version))


@router.post("/ritual/finish", summary="Finish this week's ritual", responses=documented(_EXAMPLE))
async def finish_ritual(caller: SyncsBooks, wanted: FinishingRitual) -> Answer[RitualOut]:
    """Locks the snapshot: the figures of this moment, the path of 13 weeks, and all that was decided. Every other step must be done."""
    desk = desk_of(caller)
    return _answer(await desk.finish(note=wanted.note, version=wanted.version, sends_digest=wanted.send_digest))


def desk_of(caller: Caller) -> RitualDesk:
    """For the pages, too: one ritual."""
    return RitualDesk(
        business=caller.business,
        uow=caller.process.uow,
        access_uow=caller.process.access_uow,
        outlook=caller.services.outlook,
        clock=caller.clock,
        actor=caller.origin.actor,
        request_id=caller.origin.request_id,
        digest=caller.process.digest_sending(caller.business),
    )


def _answer(fetched: Fetched[RitualView]) -> Answer[RitualOut]:
    return Answer[RitualOut](data=RitualOut.of(fetched.value), freshness=FreshnessOut.of(fetched.freshness))
