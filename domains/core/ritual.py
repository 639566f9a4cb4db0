"""The week's ritual as its events make it: six steps, each done or not, until it is finished. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any


class RitualStep(StrEnum):
    """In their order. `summary` is done by finishing."""

    BOOKS = "books"
    CHANGES = "changes"
    DUE = "due"
    OVERDUE = "overdue"
    LOW_POINT = "low_point"
    SUMMARY = "summary"


class RitualOutcome(StrEnum):
    """What came of a step."""

    LOOKED = "looked"
    DECIDED = "decided"
    ACCEPTED = "accepted"
    ACTED = "acted"
    SKIPPED = "skipped"


class RitualState(StrEnum):
    NOT_STARTED = "not_started"
    UNDER_WAY = "under_way"
    FINISHED = "finished"


class RitualEventKind(StrEnum):
    STARTED = "started"
    DONE = "done"
    REOPENED = "reopened"
    FINISHED = "finished"


STEPS_BEFORE_THE_LAST = tuple(step for step in RitualStep if step is not RitualStep.SUMMARY)


@dataclass(frozen=True)
class RitualEvent:
    version: int
    kind: RitualEventKind
    step: RitualStep | None
    outcome: RitualOutcome | None
    note: str | None
    figures: dict[str, Any] | None
    actor: str
    at: datetime


@dataclass(frozen=True)
class StepState:
    """`event`: what made it so; None while nobody has touched the step."""

    step: RitualStep
    is_done: bool = False
    event: RitualEvent | None = None


@dataclass(frozen=True)
class Ritual:
    """`week_on` is the week's Monday by the company's calendar, `version` 0 before it is started."""

    week_on: date
    events: tuple[RitualEvent, ...] = ()

    @property
    def version(self) -> int:
        return self.events[-1].version if self.events else 0

    @property
    def state(self) -> RitualState:
        if not self.events:
            return RitualState.NOT_STARTED
        return RitualState.UNDER_WAY if self.finished is None else RitualState.FINISHED

    @property
    def started(self) -> RitualEvent | None:
        return self.events[0] if self.events else None

    @property
    def finished(self) -> RitualEvent | None:
        last = self.events[-1] if self.events else None
        return last if last is not None and last.kind is RitualEventKind.FINISHED else None

    @property
    def steps(self) -> tuple[StepState, ...]:
        last = {event.step: event for event in self.events if event.step is not None}
        states = [
            StepState(step, event.kind is RitualEventKind.DONE, event) if (event := last.get(step)) else StepState(step)
            for step in STEPS_BEFORE_THE_LAST
        ]
        return (*states, StepState(RitualStep.SUMMARY, self.finished is not None, self.finished))

    @property
    def next_step(self) -> RitualStep | None:
        """The first that is not done; None once it is finished."""
        return next((one.step for one in self.steps if not one.is_done), None)

    def step(self, step: RitualStep) -> StepState:
        return next(one for one in self.steps if one.step is step)

    def since(self, version: int, *, step: RitualStep | None = None) -> Sequence[RitualEvent]:
        """What was done after this version, of one step or of all; its end concerns every step."""
        return [
            event
            for event in self.events
            if event.version > version
            and event.kind is not RitualEventKind.STARTED
            and (step is None or event.step in {step, None})
        ]


def week_of(day: date) -> date:
    """The Monday of its ISO week."""
    return day - timedelta(days=day.weekday())
