"""The digest's page: who gets it and when, and what became of the last one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from babel.dates import get_day_names

from domains.core.digests import DigestChoices
from domains.core.member_queries import Reader
from runway.orchestrators.digest_progress import BusinessSend, BusinessState, Reached, RecipientSend
from runway.orchestrators.letters import role_in_words
from runway.web.strings import _, keyed, reader

_REACHED = {
    Reached.QUEUED: (keyed("On its way"), "plain"),
    Reached.SENT: (keyed("Sent"), "good"),
    Reached.ALREADY: (keyed("Had it already"), "plain"),
    Reached.REFUSED: (keyed("Gets none"), "warn"),
    Reached.FAILED: (keyed("Not taken"), "bad"),
}
_DAYS_A_WEEK, _HOURS_A_DAY = 7, 24


@dataclass(frozen=True)
class RecipientView:
    user_id: UUID
    name: str
    email: str
    role: str
    gets_it: bool


@dataclass(frozen=True)
class OutcomeView:
    name: str
    email: str
    text: str
    tone: str
    why: str | None
    sent_at: datetime | None


@dataclass(frozen=True)
class SendingView:
    """`is_live`: some of it is still under way."""

    ask_id: UUID
    week_on: date
    asked_at: datetime
    why: str | None
    outcomes: Sequence[OutcomeView]
    is_live: bool


def recipients_view(
    readers: Sequence[Reader], choices: DigestChoices, *, by_role: Collection[str]
) -> list[RecipientView]:
    """Everybody who could get it; `by_role` get it where nobody was chosen by name."""
    chosen = None if choices.recipients is None else set(choices.recipients)
    return [
        RecipientView(
            one.user_id,
            one.name,
            one.email,
            role_in_words(one.role),
            gets_it=one.role in by_role if chosen is None else one.user_id in chosen,
        )
        for one in readers
    ]


def sending_view(ask_id: UUID, send: BusinessSend) -> SendingView:
    outcomes = [_outcome(one) for one in send.recipients]
    is_under_way = any(one.state is Reached.QUEUED for one in send.recipients)
    return SendingView(
        ask_id,
        send.week_on,
        send.asked_at,
        send.why,
        outcomes,
        is_live=send.state is BusinessState.QUEUED or is_under_way,
    )


def weekday_choices() -> list[tuple[str, str]]:
    names = get_day_names("wide", locale=reader().locale)
    return [(str(number), names[number]) for number in range(_DAYS_A_WEEK)]


def hour_choices() -> list[tuple[str, str]]:
    return [(str(hour), f"{hour}:00") for hour in range(_HOURS_A_DAY)]


def _outcome(one: RecipientSend) -> OutcomeView:
    text, tone = _REACHED[one.state]
    return OutcomeView(one.name or _("Somebody who left"), one.email or "", _(text), tone, one.words, one.sent_at)
