"""The reminders' rules as a form shows them, and back: a row for each step, one more to add another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domains.ar.reminder_rules import MOST_LEVELS
from runway.routes.reminder_answers import PolicyOut

_FIELDS = ("days", "tone", "subject", "text")


@dataclass(frozen=True)
class LevelRow:
    """`number` counts from 0 and is in the names of its fields."""

    number: int
    days: str
    tone: str
    subject: str
    text: str


def mail_values(policy: PolicyOut) -> dict[str, str]:
    values = {
        "is_on": "yes" if policy.is_on else "",
        "on_weekends": "yes" if policy.on_weekends else "",
        "quiet_days": str(policy.quiet_days),
        "send_from": str(policy.send_from),
        "send_until": str(policy.send_until),
        "sender_name": policy.sender_name or "",
        "reply_to": policy.reply_to or "",
    }
    for number, level in enumerate(policy.levels):
        values |= {
            f"level.{number}.days": str(level.days),
            f"level.{number}.tone": level.tone.value,
            f"level.{number}.subject": level.subject or "",
            f"level.{number}.text": level.text or "",
        }
    return values


def rows_of(values: Mapping[str, str]) -> list[LevelRow]:
    """The steps that are filled in, and an empty row where one more is allowed."""
    rows = [_row(values, number) for number in range(MOST_LEVELS)]
    filled = [row for row in rows if row.days or row.subject or row.text]
    shown = [LevelRow(number, row.days, row.tone, row.subject, row.text) for number, row in enumerate(filled)]
    return shown + ([LevelRow(len(shown), "", "friendly", "", "")] if len(shown) < MOST_LEVELS else [])


def wanted_levels(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row without days is no step: emptying it takes the step away."""
    rows = [_row(values, number) for number in range(MOST_LEVELS)]
    levels = [
        {"days": row.days, "tone": row.tone, "subject": row.subject or None, "text": row.text or None}
        for row in rows
        if row.days
    ]
    return sorted(levels, key=lambda level: _days(str(level["days"])))


def _row(values: Mapping[str, str], number: int) -> LevelRow:
    found = {name: values.get(f"level.{number}.{name}", "") for name in _FIELDS}
    return LevelRow(number, found["days"], found["tone"] or "friendly", found["subject"], found["text"])


def _days(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0  # the model refuses it, with its own words
