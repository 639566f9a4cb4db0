"""The week's ritual as a person walks through it: the rail of its steps, who did what, and what each one asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from domains.core.ritual import RitualEvent, RitualEventKind, RitualOutcome, RitualState, RitualStep, StepState
from runway.language.headline import headline
from runway.orchestrators.ritual import RitualView
from runway.web.strings import _, keyed

_TITLES = {
    RitualStep.BOOKS: keyed("Are the books right?"),
    RitualStep.CHANGES: keyed("What changed?"),
    RitualStep.DUE: keyed("Due: decide"),
    RitualStep.OVERDUE: keyed("Overdue: decide"),
    RitualStep.LOW_POINT: keyed("The low point"),
    RitualStep.SUMMARY: keyed("Summary"),
}
_ASKS = {
    RitualStep.BOOKS: keyed("How old the books are, and where our copy and QuickBooks differ. Numbers come before anything that acts on them."),
    RitualStep.CHANGES: keyed("Why the runway is not what it was: each cause with its days and its cash. They add up."),
    RitualStep.DUE: keyed("What has to be paid within a week. Approve it, pay it, or put it off with a day."),
    RitualStep.OVERDUE: keyed("Who should have paid by now. Remind them, note what they promised, or leave it with a reason."),
    RitualStep.LOW_POINT: keyed("The day with the least cash of the next 13 weeks. Accept it, or do something about it."),
    RitualStep.SUMMARY: keyed("What was decided, and what it did to the runway. Finishing locks these figures."),
}  # fmt: skip
_OUTCOMES = {
    RitualOutcome.LOOKED: keyed("Looked at"),
    RitualOutcome.DECIDED: keyed("Decided"),
    RitualOutcome.ACCEPTED: keyed("Accepted"),
    RitualOutcome.ACTED: keyed("Acted on"),
    RitualOutcome.SKIPPED: keyed("Skipped"),
}
_CHOICES: Mapping[RitualStep, Sequence[tuple[RitualOutcome, str]]] = {
    RitualStep.BOOKS: ((RitualOutcome.LOOKED, keyed("Looked at: go on")),),
    RitualStep.CHANGES: ((RitualOutcome.LOOKED, keyed("Looked at: go on")),),
    RitualStep.DUE: ((RitualOutcome.DECIDED, keyed("Decided: go on")),),
    RitualStep.OVERDUE: ((RitualOutcome.DECIDED, keyed("Decided: go on")),),
    RitualStep.LOW_POINT: (
        (RitualOutcome.ACCEPTED, keyed("Accept it: go on")),
        (RitualOutcome.ACTED, keyed("Acted on it: go on")),
    ),
}
_SKIP = (RitualOutcome.SKIPPED, keyed("Skip"))


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    is_quiet: bool


@dataclass(frozen=True)
class StepView:
    """One step. `said`: what came of it in a word, by whom and when; None while nobody has touched it."""

    key: str
    number: int
    title: str
    asks: str
    is_done: bool
    is_here: bool
    href: str
    said: str | None
    who: str | None
    at: datetime | None
    note: str | None


@dataclass(frozen=True)
class SeenFigures:
    """The headline as it stood at one moment of the ritual."""

    runway: str
    low: Decimal | None
    low_on: date
    cash: Decimal | None
    due: Decimal | None
    overdue: Decimal | None


@dataclass(frozen=True)
class RitualPage:
    """`steps` is the rail; `here` the step that is open, with the `choices` that end it."""

    week_on: date
    week_ends_on: date
    version: int
    state: str
    steps: Sequence[StepView]
    here: StepView
    choices: Sequence[Choice]
    done: int
    back: str | None
    at_first: SeenFigures | None
    locked: SeenFigures | None
    finished_by: str | None
    finished_at: datetime | None
    finished_note: str | None

    @property
    def is_finished(self) -> bool:
        return self.state == RitualState.FINISHED


def ritual_page(view: RitualView, step: RitualStep, *, base: str) -> RitualPage:
    ritual = view.ritual
    steps = [_step(view, one, number, at=step, base=base) for number, one in enumerate(ritual.steps, 1)]
    here = next(one for one in steps if one.is_here)
    finished = ritual.finished
    return RitualPage(
        week_on=ritual.week_on,
        week_ends_on=view.week_ends_on,
        version=ritual.version,
        state=ritual.state.value,
        steps=steps,
        here=here,
        choices=_choices(step),
        done=sum(one.is_done for one in steps),
        back=steps[here.number - 2].href if here.number > 1 else None,
        at_first=_first_seen(ritual.events),
        locked=None if finished is None or finished.figures is None else seen(finished.figures),
        finished_by=None if finished is None else view.who(finished.actor),
        finished_at=None if finished is None else finished.at,
        finished_note=None if finished is None else finished.note,
    )


def step_after(step: RitualStep) -> RitualStep:
    """In their order; the summary is the last."""
    order = list(RitualStep)
    return order[min(order.index(step) + 1, len(order) - 1)]


def seen(figures: Mapping[str, Any]) -> SeenFigures:
    """The figures of an event, which keeps amounts as text."""
    return SeenFigures(
        runway=headline(figures["display"]),
        low=_amount(figures["low"]),
        low_on=date.fromisoformat(figures["low_on"]),
        cash=_amount(figures["cash"]),
        due=_amount(figures["due"]),
        overdue=_amount(figures["overdue_receivable"]),
    )


def _step(view: RitualView, state: StepState, number: int, *, at: RitualStep, base: str) -> StepView:
    event = state.event
    return StepView(
        key=state.step.value,
        number=number,
        title=_(_TITLES[state.step]),
        asks=_(_ASKS[state.step]),
        is_done=state.is_done,
        is_here=state.step is at,
        href=f"{base}/ritual/{state.step.value}",
        said=None if event is None else _said(event),
        who=None if event is None else view.who(event.actor),
        at=None if event is None else event.at,
        note=None if event is None else event.note,
    )


def _said(event: RitualEvent) -> str:
    match event.kind:
        case RitualEventKind.DONE:
            return _(_OUTCOMES[event.outcome]) if event.outcome else _("Done")
        case RitualEventKind.REOPENED:
            return _("Reopened")
        case _:
            return _("Finished")


def _choices(step: RitualStep) -> list[Choice]:
    told = [*_CHOICES.get(step, ()), *([_SKIP] if step in _CHOICES else [])]
    return [Choice(outcome.value, _(label), is_quiet=number > 0) for number, (outcome, label) in enumerate(told)]


def _first_seen(events: Sequence[RitualEvent]) -> SeenFigures | None:
    """Of the first step that was decided: what stood there when the ritual began."""
    first = next((event.figures for event in events if event.figures and event.kind is RitualEventKind.DONE), None)
    return None if first is None else seen(first)


def _amount(figure: Mapping[str, Any]) -> Decimal | None:
    return None if figure["value"] is None else Decimal(figure["value"])
