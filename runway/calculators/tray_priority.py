"""The order of the tray: how urgent an item is, and among equals what it does to the runway. The same in any order."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum

from infra.money import ZERO

BILL_DUE_DAYS = 3
DISCOUNT_ENDS_DAYS = 3
FLOOR_BREACH_DAYS = 14


class TrayGroup(StrEnum):
    PAY = "pay"
    COLLECT = "collect"
    FIX_DATA = "fix_data"
    RISK = "risk"


class Priority(IntEnum):
    P0 = 0
    P1 = 1
    P2 = 2
    P3 = 3


class Reason(StrEnum):
    """Why an item is in the tray. One with `day` in its rule counts as urgent only near that day."""

    UNCOVERED_MUST_PAY = "uncovered_must_pay"
    PAYEE_CHANGED = "payee_changed"
    POLICY_BYPASS = "policy_bypass"
    BILL_DUE = "bill_due"
    DISCOUNT_ENDS = "discount_ends"
    FLOOR_BREACH = "floor_breach"
    LATER_THAN_USUAL = "later_than_usual"
    BROKEN_PROMISE = "broken_promise"
    NEEDS_REVIEW = "needs_review"
    WAITS_FOR_APPROVAL = "waits_for_approval"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    DATA_QUALITY = "data_quality"


# Urgent so many days before their day, and last in line until then.
_NEAR = {
    Reason.BILL_DUE: BILL_DUE_DAYS,
    Reason.DISCOUNT_ENDS: DISCOUNT_ENDS_DAYS,
    Reason.FLOOR_BREACH: FLOOR_BREACH_DAYS,
}
_ALWAYS = {
    Reason.UNCOVERED_MUST_PAY: Priority.P0,
    Reason.PAYEE_CHANGED: Priority.P0,
    Reason.POLICY_BYPASS: Priority.P0,
    Reason.NEEDS_REVIEW: Priority.P1,
    Reason.LATER_THAN_USUAL: Priority.P2,
    Reason.BROKEN_PROMISE: Priority.P2,
    Reason.WAITS_FOR_APPROVAL: Priority.P3,
    Reason.POSSIBLE_DUPLICATE: Priority.P3,
    Reason.DATA_QUALITY: Priority.P3,
}


@dataclass(frozen=True)
class TrayItem:
    """Attributes:
    key: stable, unique in the tray.
    days: runway days gained or lost by it; None when unknown.
    amount: home currency, positive.
    due_on: the day its reason speaks of: due, end of discount, breach.
    """

    key: str
    group: TrayGroup
    reasons: AbstractSet[Reason]
    amount: Decimal = ZERO
    due_on: date | None = None
    days: Decimal | None = None


def priority(item: TrayItem, as_of: date) -> Priority:
    """Of its most urgent reason; something due, but not soon, waits in the last class."""
    return min((_of_reason(reason, item.due_on, as_of) for reason in item.reasons), default=Priority.P3)


def in_order(items: Iterable[TrayItem], as_of: date) -> list[TrayItem]:
    """As `rank` has them."""
    return sorted(items, key=lambda item: rank(item, as_of))


def rank(item: TrayItem, as_of: date) -> tuple[Priority, Decimal, date, Decimal, str]:
    """By priority, then the larger effect on runway days, then the earlier day, the larger amount, the key."""
    return (priority(item, as_of), -abs(item.days or ZERO), item.due_on or date.max, -item.amount, item.key)


def state_mark(item: TrayItem, as_of: date) -> str:
    """What "seen" was said of: an item set aside stays away until this changes. Small changes leave it as it is.

    Amounts in steps of a tenth of their size, days in weeks; priority and reasons as they are.
    """
    weeks = "-" if item.days is None else str(int(item.days // 7))
    reasons = ",".join(sorted(item.reasons))
    return f"{priority(item, as_of).name}/{reasons}/{_tenth(item.amount)}/{weeks}"


def _tenth(amount: Decimal) -> str:
    """Two leading digits: 1.2e3."""
    return f"{amount:.1e}" if amount else "0"


def _of_reason(reason: Reason, due_on: date | None, as_of: date) -> Priority:
    return _if_near(due_on, as_of, _NEAR[reason]) if reason in _NEAR else _ALWAYS[reason]


def _if_near(due_on: date | None, as_of: date, days: int) -> Priority:
    return Priority.P1 if due_on is not None and (due_on - as_of).days <= days else Priority.P3
