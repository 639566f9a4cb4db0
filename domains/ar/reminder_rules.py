"""What a business decided about reminding: its steps, when it may write, and what counts for one customer instead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from domains.ar.reminder_errors import LevelsSenseless

MOST_LEVELS = 10
EARLIEST, LATEST = -30, 365
_SATURDAY = 5
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_MOST_ADDRESSES, _LONGEST_ADDRESS = 5, 200


class Tone(StrEnum):
    FRIENDLY = "friendly"
    FIRM = "firm"
    FINAL = "final"


@dataclass(frozen=True)
class ReminderLevel:
    """One step: `days` after the due day, negative before it. Without `subject` or `text` those of the tone are taken."""

    days: int
    tone: Tone = Tone.FRIENDLY
    subject: str | None = None
    text: str | None = None

    @property
    def is_notice(self) -> bool:
        """It tells of a day to come. Once that is over it is sent no more: it would be wrong."""
        return self.days < 0


Levels = tuple[ReminderLevel, ...]
DEFAULT_LEVELS: Levels = (
    ReminderLevel(-3),
    ReminderLevel(3),
    ReminderLevel(14, Tone.FIRM),
    ReminderLevel(30, Tone.FINAL),
)


@dataclass(frozen=True)
class ReminderRules:
    """What counts for a business; version 0 while nobody has set anything: nobody is reminded.

    Attributes:
        quiet_days: days between two mails to one customer, at the least.
        send_from, send_until: hours of the company's day; the second is not one of them.
        sender_name, reply_to: how the mail calls itself and where answers go; None: the business's name, and the installation's address.
    """

    is_on: bool = False
    levels: Levels = DEFAULT_LEVELS
    quiet_days: int = 7
    send_from: int = 9
    send_until: int = 17
    on_weekends: bool = False
    sender_name: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True)
class Made:
    """Which version it is, and who made it. Version 0: nobody."""

    version: int = 0
    actor: str | None = None
    set_at: datetime | None = None


@dataclass(frozen=True)
class CustomerRules:
    """What counts for one customer. `paused_until` is the last day without a mail; `levels` None: the business's; `send_to`: instead of
    the invoices' own address.
    """

    is_excluded: bool = False
    paused_until: date | None = None
    levels: Levels | None = None
    send_to: str | None = None


@dataclass(frozen=True)
class KeptRules:
    """A business's rules as they are kept."""

    rules: ReminderRules = field(default_factory=ReminderRules)
    made: Made = field(default_factory=Made)


class Closed(StrEnum):
    """Why a business writes to nobody at this moment."""

    OFF = "off"
    WEEKEND = "weekend"
    QUIET_HOURS = "quiet_hours"


def closed_at(rules: ReminderRules, now: datetime, *, zone: ZoneInfo) -> Closed | None:
    """None: mails may go out at `now`."""
    there = now.astimezone(zone)
    if not rules.is_on:
        return Closed.OFF
    if is_closed_on(rules, there.date()):
        return Closed.WEEKEND
    return None if rules.send_from <= there.hour < rules.send_until else Closed.QUIET_HOURS


def is_closed_on(rules: ReminderRules, day: date) -> bool:
    return day.weekday() >= _SATURDAY and not rules.on_weekends


def first_open_day(rules: ReminderRules, day: date) -> date:
    """`day`, or the Monday after it."""
    while is_closed_on(rules, day):
        day += timedelta(days=1)
    return day


def check_levels(levels: Sequence[ReminderLevel]) -> None:
    """Raises:
    LevelsSenseless: none, too many, or not in the order of their days.
    """
    days = [level.days for level in levels]
    if not 1 <= len(days) <= MOST_LEVELS:
        raise LevelsSenseless(f"there are {len(days)}, and there may be 1 to {MOST_LEVELS}")
    if any(not EARLIEST <= day <= LATEST for day in days):
        raise LevelsSenseless(
            f"each is {-EARLIEST} days before the due day at the earliest and {LATEST} after it at the latest"
        )
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise LevelsSenseless("each has to be later than the one before it")


def addresses_in(text: str | None) -> tuple[str, ...]:
    """The e-mail addresses of a field that may hold several, as QuickBooks' does; none where it holds something else."""
    parts = [part for part in re.split(r"[,;\s]+", text or "") if part]
    is_good = all(_ADDRESS.fullmatch(part) and len(part) <= _LONGEST_ADDRESS for part in parts)
    return tuple(parts[:_MOST_ADDRESSES]) if is_good else ()
