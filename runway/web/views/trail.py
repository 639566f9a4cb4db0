"""A payment's chain of custody in words: each step a row of a log, who did it, on what figures, and the seal that proves it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from domains.core.asking import SEEN_FIGURES
from infra.actions.models import ActionAttempt
from runway.language.headline import headline
from runway.orchestrators.action_trail import Step, Trail, details_of
from runway.web.formats import NOTHING, day, money
from runway.web.strings import _, keyed

_OF = {
    "approval": keyed("Approval"),
    "action": keyed("Action"),
    "recorded": keyed("Our copy of QuickBooks"),
}
_SHOWN = ("duplicate_reason", "reason", "why", "code", "words", "external_id", "hold")
_LABELS = {
    "duplicate_reason": keyed("Why it is no duplicate"),
    "reason": keyed("Reason"),
    "why": keyed("Why"),
    "code": keyed("Code"),
    "words": keyed("Told"),
    "external_id": keyed("QuickBooks' id"),
    "hold": keyed("Held by"),
}


@dataclass(frozen=True)
class SeenView:
    """The figures that somebody had before them when they decided, as they were frozen."""

    shown_at: str
    runway: str
    low: str
    low_on: str


@dataclass(frozen=True)
class StepView:
    at: datetime
    of: str
    event: str
    who: str
    change: str | None
    details: Sequence[tuple[str, str]]
    seen: SeenView | None
    request_id: str
    table: str
    row_id: int
    seal: str | None


@dataclass(frozen=True)
class AttemptView:
    at: datetime
    kind: str
    result: str
    words: str | None
    rail_request_id: str
    trace_id: str | None


def step_views(trail: Trail, names: Mapping[UUID, str]) -> Sequence[StepView]:
    return [_step(step, names) for step in trail.steps]


def attempt_views(attempts: Sequence[ActionAttempt]) -> Sequence[AttemptView]:
    return [
        AttemptView(
            at=one.started_at,
            kind=one.kind.replace("_", " "),
            result=_result(one),
            words=one.words,
            rail_request_id=one.rail_request_id,
            trace_id=one.trace_id,
        )
        for one in attempts
    ]


def who_is(actor: str, names: Mapping[UUID, str]) -> str:
    """A name for a person, words for a program."""
    kind, _sep, rest = actor.partition(":")
    match kind:
        case "user":
            return names.get(_id(rest) or UUID(int=0), _("somebody who has left"))
        case "token":
            return _("a program with a token")
        case _:
            return _("Oodaloo itself")


def _step(step: Step, names: Mapping[UUID, str]) -> StepView:
    row, details = step.row, details_of(step.row)
    return StepView(
        at=row.recorded_at,
        of=_(_OF[step.of]),
        event=row.transaction_type.replace("_", " "),
        who=who_is(row.actor, names),
        change=_change(details.get("state")),
        details=[(_(_LABELS[name]), str(details[name])) for name in _SHOWN if _is_told(details.get(name))],
        seen=_seen(details),
        request_id=row.request_id,
        table=step.table,
        row_id=row.id,
        seal=None if step.seal is None else f"{step.seal.batch_no} · {step.seal.hash.hex()[:16]}",
    )


def _change(state: Any) -> str | None:
    """From which state to which."""
    if not isinstance(state, list | tuple) or len(state) != 2:  # noqa: PLR2004  # from and to
        return None
    before, after = (str(one).replace("_", " ") if one else None for one in state)
    return f"{before} → {after}" if before else after


def _is_told(value: Any) -> bool:
    return isinstance(value, str | int) and bool(value)


def _seen(details: Mapping[str, Any]) -> SeenView | None:
    frozen = next(_frozen(details), None)
    answered = (frozen or {}).get("figures", {}).get("answered", {})
    after = answered.get("after") if isinstance(answered, Mapping) else None
    if frozen is None or not after:
        return None
    low = after.get("low", {})
    return SeenView(
        shown_at=str(frozen.get("shown_at", ""))[:16].replace("T", " "),
        runway=headline(str(after.get("display", ""))),
        low=money(low.get("value"), str(low.get("unit"))),
        low_on=day(date.fromisoformat(on)) if (on := after.get("low_on")) else NOTHING,
    )


def _frozen(details: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for place in (details, details.get("facts") or {}):
        if isinstance(place, Mapping) and isinstance(place.get(SEEN_FIGURES), Mapping):
            yield place[SEEN_FIGURES]


def _result(attempt: ActionAttempt) -> str:
    told = attempt.result.replace("_", " ")
    return f"{told} ({attempt.status})" if attempt.status else told


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
