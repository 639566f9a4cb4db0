"""What an action's state means to a person, and what they may do about it. One table, for the API and for pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from infra.actions.accept import BY_ACCESS
from infra.actions.states import ActionState


class Outcome(StrEnum):
    """Where an action stands, as whoever asked for it sees it. The first six are not the end."""

    PROCESSING = "processing"
    SCHEDULED = "scheduled"
    HELD = "held"
    SECOND_PERSON = "waits_for_second_person"
    RECONNECT = "waits_for_reconnect"
    REVIEW = "needs_review"
    RECORDED = "recorded"
    NOT_RECORDED = "not_recorded"
    CANCELLED = "cancelled"


class May(StrEnum):
    EXECUTE = "execute"
    CANCEL = "cancel"
    VOID = "void"
    REVIEW = "review"
    RECONNECT = "reconnect"


ENDS = frozenset({Outcome.RECORDED, Outcome.NOT_RECORDED, Outcome.CANCELLED})


@dataclass(frozen=True)
class Standing:
    """`text` is for people; `may` is what the state allows, whoever asks."""

    outcome: Outcome
    text: str
    may: tuple[May, ...] = ()


@dataclass(frozen=True)
class Deed:
    """One operation in words: `done` with the object's `{id}`. `is_voidable`: what is done can be taken back."""

    done: str
    not_done: str = "Not recorded"
    is_voidable: bool = False
    keeps_bills: bool = False


PAYING = Deed("Recorded in QuickBooks as payment {id}", is_voidable=True, keeps_bills=True)


@dataclass(frozen=True)
class Told:
    """What the words are made from. `reason`: why it is held, or failed. `is_undoable`: `not_before` ends the time to take it back."""

    state: ActionState
    deed: Deed
    mark: str
    hold: str | None = None
    not_before: datetime | None = None
    due_at: datetime | None = None
    external_id: str | None = None
    settled_at: datetime | None = None
    is_reversed: bool = False
    reason: str = ""
    needs_second_person: bool = False
    is_undoable: bool = False


def standing_of(told: Told, *, now: datetime, zone: ZoneInfo) -> Standing:
    """The words of one action; times are the company's."""
    return _WORDS[told.state](told, now, zone)


def _at(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """`14:02` today, `2026-03-20` on another day."""
    there = instant.astimezone(zone)
    return f"{there:%H:%M}" if there.date() == now.astimezone(zone).date() else f"{there:%Y-%m-%d}"


def _requested(told: Told, now: datetime, zone: ZoneInfo) -> Standing:
    if told.not_before is not None and told.due_at is not None and told.due_at > now:
        if told.is_undoable:
            text = f"QuickBooks will be told at {told.due_at.astimezone(zone):%H:%M:%S}. Until then it can be undone."
            return Standing(Outcome.PROCESSING, text, (May.CANCEL,))
        text = f"Scheduled: QuickBooks will be told on {told.not_before.astimezone(zone):%Y-%m-%d}."
        return Standing(Outcome.SCHEDULED, text, (May.EXECUTE, May.CANCEL))
    return Standing(Outcome.PROCESSING, "Queued. QuickBooks will be told in a moment.", (May.CANCEL,))


def _claimed(_told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    return Standing(Outcome.PROCESSING, "Queued. QuickBooks will be told in a moment.")


def _waiting(told: Told, now: datetime, zone: ZoneInfo) -> Standing:
    upcoming = f", next try {_at(told.due_at, now, zone)}" if told.due_at is not None and told.due_at > now else ""
    text = f"Queued. QuickBooks is slow or cannot be reached; we keep trying{upcoming}."
    return Standing(Outcome.PROCESSING, text, (May.CANCEL,))


def _sending(_told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    return Standing(Outcome.PROCESSING, "Sending to QuickBooks…")


def _unknown(told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    text = "QuickBooks has not confirmed yet. We are checking."
    if told.deed.keeps_bills:
        text += " Please do not pay this bill elsewhere; it is locked here."
    return Standing(Outcome.PROCESSING, text)


def _blocked(told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    if told.hold == BY_ACCESS:
        text = "Needs reconnecting to QuickBooks; it will go out by itself afterwards."
        return Standing(Outcome.RECONNECT, text, (May.RECONNECT, May.CANCEL))
    if told.needs_second_person:
        text = "Waits for a second person: somebody other than who asked for it has to release it."
        return Standing(Outcome.SECOND_PERSON, text, (May.EXECUTE, May.CANCEL))
    return Standing(Outcome.HELD, f"On hold. {told.reason}".rstrip(), (May.EXECUTE, May.CANCEL))


def _review(told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    text = f"We could not prove it either way. Look for {told.mark} in QuickBooks and tell us whether it is there."
    return Standing(Outcome.REVIEW, text, (May.REVIEW,))


def _confirmed(told: Told, now: datetime, zone: ZoneInfo) -> Standing:
    when = f", {_at(told.settled_at, now, zone)}" if told.settled_at is not None else ""
    text = f"{told.deed.done.format(id=told.external_id)}{when}."
    if told.is_reversed:
        return Standing(Outcome.RECORDED, f"{text} It has been voided or deleted there since.")
    return Standing(Outcome.RECORDED, text, (May.VOID,) if told.deed.is_voidable else ())


def _failed(told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    return Standing(Outcome.NOT_RECORDED, f"{told.deed.not_done}: {told.reason or 'QuickBooks refused it.'}")


def _cancelled(_told: Told, _now: datetime, _zone: ZoneInfo) -> Standing:
    return Standing(Outcome.CANCELLED, "Cancelled before anything was sent to QuickBooks.")


_S = ActionState
_WORDS: dict[ActionState, Callable[[Told, datetime, ZoneInfo], Standing]] = {
    _S.REQUESTED: _requested,
    _S.CLAIMED: _claimed,
    _S.RETRY_WAIT: _waiting,
    _S.SENDING: _sending,
    _S.UNKNOWN: _unknown,
    _S.BLOCKED: _blocked,
    _S.NEEDS_REVIEW: _review,
    _S.CONFIRMED: _confirmed,
    _S.FAILED: _failed,
    _S.CANCELLED: _cancelled,
}
