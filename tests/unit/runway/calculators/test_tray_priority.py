from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.tray_priority import Priority, Reason, TrayGroup, TrayItem, in_order, priority, state_mark
from tests.unit.runway.calculators.making import T


def make_item(
    *reasons: Reason, key: str = "1", in_days: int | None = None, days: int | None = None, amount: int = 100
) -> TrayItem:
    due_on = None if in_days is None else T + timedelta(days=in_days)
    effect = None if days is None else Decimal(days)
    return TrayItem(key, TrayGroup.PAY, frozenset(reasons), Decimal(amount), due_on, effect)


@pytest.mark.parametrize(
    ("reason", "in_days", "expected"),
    [
        (Reason.UNCOVERED_MUST_PAY, 40, Priority.P0),
        (Reason.PAYEE_CHANGED, None, Priority.P0),
        (Reason.POLICY_BYPASS, None, Priority.P0),
        (Reason.BILL_DUE, -9, Priority.P1),
        (Reason.BILL_DUE, 3, Priority.P1),
        (Reason.BILL_DUE, 4, Priority.P3),
        (Reason.DISCOUNT_ENDS, 3, Priority.P1),
        (Reason.DISCOUNT_ENDS, 4, Priority.P3),
        (Reason.FLOOR_BREACH, 14, Priority.P1),
        (Reason.FLOOR_BREACH, 15, Priority.P3),
        (Reason.LATER_THAN_USUAL, None, Priority.P2),
        (Reason.BROKEN_PROMISE, None, Priority.P2),
        (Reason.NEEDS_REVIEW, None, Priority.P1),
        (Reason.WAITS_FOR_APPROVAL, None, Priority.P3),
        (Reason.POSSIBLE_DUPLICATE, 1, Priority.P3),
        (Reason.DATA_QUALITY, None, Priority.P3),
    ],
)
def test_priorities(reason: Reason, in_days: int | None, expected: Priority) -> None:
    assert priority(make_item(reason, in_days=in_days), T) is expected


def test_the_most_urgent_reason_counts() -> None:
    assert priority(make_item(Reason.DATA_QUALITY, Reason.BROKEN_PROMISE), T) is Priority.P2
    assert priority(make_item(), T) is Priority.P3


def test_equals_are_told_apart_by_days_then_day_then_amount() -> None:
    items = [
        make_item(Reason.DATA_QUALITY, key="f"),
        make_item(Reason.BILL_DUE, key="e", in_days=2, days=-1),
        make_item(Reason.BILL_DUE, key="d", in_days=1, days=-1),
        make_item(Reason.BILL_DUE, key="c", in_days=1, days=1, amount=200),
        make_item(Reason.BILL_DUE, key="b", in_days=3, days=-6),
        make_item(Reason.POLICY_BYPASS, key="a"),
    ]
    assert [item.key for item in in_order(items, T)] == list("abcdef")


def test_seen_holds_until_it_changes_materially() -> None:
    seen = state_mark(make_item(Reason.BILL_DUE, in_days=5, days=-8, amount=1210), T)
    assert state_mark(make_item(Reason.BILL_DUE, in_days=4, days=-9, amount=1220), T) == seen
    for changed in (
        make_item(Reason.BILL_DUE, in_days=3, days=-8, amount=1210),
        make_item(Reason.BILL_DUE, in_days=5, days=-15, amount=1210),
        make_item(Reason.BILL_DUE, in_days=5, days=-8, amount=1310),
        make_item(Reason.BILL_DUE, Reason.PAYEE_CHANGED, in_days=5, days=-8, amount=1210),
    ):
        assert state_mark(changed, T) != seen


@given(
    st.lists(
        st.tuples(st.sampled_from(Reason), st.integers(-5, 20), st.integers(-20, 20) | st.none()),
        max_size=12,
    )
)
def test_one_order_whatever_the_order_given(made: list[tuple[Reason, int, int | None]]) -> None:
    items = [make_item(r, key=str(i), in_days=due, days=days) for i, (r, due, days) in enumerate(made)]
    ordered = in_order(items, T)
    assert ordered == in_order(items[::-1], T)
    assert [priority(item, T) for item in ordered] == sorted(priority(item, T) for item in items)
