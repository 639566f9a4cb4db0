"""The order of the tray: how urgent an item is, and among equals what it does to the runway. The same in any order."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import assert_never

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
    DATA_QUALITY = "data_quality"


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
    """By priority, then the larger effect on runway days, then the earlier day, the larger amount, the key."""

    def rank(item: TrayItem) -> tuple[Priority, Decimal, date, Decimal, str]:
        return (priority(item, as_of), -abs(item.days or ZERO), item.due_on or date.max, -item.amount, item.key)

    return sorted(items, key=rank)


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
    match reason:
        case Reason.UNCOVERED_MUST_PAY | Reason.PAYEE_CHANGED | Reason.POLICY_BYPASS:
            return Priority.P0
        case Reason.BILL_DUE:
            return _if_near(due_on, as_of, BILL_DUE_DAYS)
        case Reason.DISCOUNT_ENDS:
            return _if_near(due_on, as_of, DISCOUNT_ENDS_DAYS)
        case Reason.FLOOR_BREACH:
            return _if_near(due_on, as_of, FLOOR_BREACH_DAYS)
        case Reason.LATER_THAN_USUAL | Reason.BROKEN_PROMISE:
            return Priority.P2
        case Reason.DATA_QUALITY:
            return Priority.P3
        case _:
            assert_never(reason)


def _if_near(due_on: date | None, as_of: date, days: int) -> Priority:
    return Priority.P1 if due_on is not None and (due_on - as_of).days <= days else Priority.P3
