"""How long customers' money waits in Undeposited Funds before it is banked: until then it pays no bill.

A receipt that is booked to Undeposited Funds reaches the bank with a deposit, often one a week. A path that had it in the bank on the
day the customer paid would be ahead of the bank by as much as usually waits, all of its weeks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from domains.core.movements import CashAccount, CashMovement
from infra.money import ZERO
from runway.calculators.cash import is_undeposited

WINDOW_DAYS = 91
MIN_RECEIPTS = 8
_DAYS_A_WEEK = 7
_DEPOSIT = "Deposit"
_RECEIPTS = frozenset({"Receipt", "SalesReceipt"})


@dataclass(frozen=True)
class BankingHabit:
    """Attributes:
    waits: days from receipt to bank, by the weekday of the receipt, Monday first.
    ways: customer's name → whether most of its money waits first; others do as most of the money does.
    is_usual: that.
    n: receipts that fed it; too few of them, and nothing waits.
    """

    waits: tuple[int, ...] = (0,) * _DAYS_A_WEEK
    ways: Mapping[str, bool] = field(default_factory=dict)
    is_usual: bool = False
    n: int = 0

    @property
    def is_any_late(self) -> bool:
        return any(self.waits) and (self.is_usual or any(self.ways.values()))

    def is_late(self, customer: str | None) -> bool:
        """Whether this customer's money waits at all."""
        return any(self.waits) and self.ways.get(customer or "", self.is_usual)

    def banked_on(self, received_on: date, customer: str | None) -> date:
        if not self.is_late(customer):
            return received_on
        return received_on + timedelta(days=self.waits[received_on.weekday()])


def banking_habit(
    movements: Iterable[CashMovement], accounts: Sequence[CashAccount], *, currency: str, as_of: date
) -> BankingHabit:
    """From the last 13 weeks.

    Args:
        movements: each account's postings, receipts and deposits among them.
        accounts: the chart.
        currency: the home currency; money that waits in another one is left aside.
        as_of: T.
    """
    clearing = {one.account_id for one in accounts if is_undeposited(one) and one.currency == currency}
    recent = [item for item in movements if as_of - timedelta(days=WINDOW_DAYS) < item.on <= as_of]
    received = [item for item in recent if item.source in _RECEIPTS and item.amount > 0]
    waiting = [item for item in received if item.account_id in clearing]
    if len(waiting) < MIN_RECEIPTS:
        return BankingHabit(n=len(waiting))
    ways: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for item in received:
        ways[item.counterparty or ""] += item.amount if item.account_id in clearing else -item.amount
    waits = _waits(recent, clearing)
    is_usual = sum(ways.values(), ZERO) > 0
    return BankingHabit(waits, {name: most > 0 for name, most in sorted(ways.items()) if name}, is_usual, len(waiting))


def _waits(recent: Sequence[CashMovement], clearing: AbstractSet[str]) -> tuple[int, ...]:
    """The middle of each weekday's money; a weekday without any waits as the whole does.

    A deposit has a line for each receipt that it banks, of its amount. What is never banked, as old books often hold, so tells nothing.
    """
    changes = [(item.on, change) for item in recent if (change := _change(item, clearing))]
    changes.sort(key=lambda one: (one[0], one[1] < 0, one[1]))  # what comes on a day may be banked on it
    waiting: dict[Decimal, list[date]] = defaultdict(list)
    by_weekday: dict[int, Counter[int]] = defaultdict(Counter)
    for on, amount in changes:
        if amount > 0:
            waiting[amount].append(on)
        elif since := waiting[-amount]:
            received_on = since.pop()
            by_weekday[received_on.weekday()][(on - received_on).days] += int(-amount * 100)
    whole: Counter[int] = sum(by_weekday.values(), Counter())
    return tuple(_middle(by_weekday.get(day, whole)) for day in range(_DAYS_A_WEEK))


def _change(item: CashMovement, clearing: AbstractSet[str]) -> Decimal:
    """Of what waits. A line that banks a receipt names no account of its own."""
    if item.account_id in clearing:
        return item.amount
    is_banking = item.source == _DEPOSIT and item.is_trade and item.counter_account_id is None
    return -item.amount if is_banking else ZERO


def _middle(weights: Counter[int]) -> int:
    half, so_far = weights.total() / 2, 0
    for days in sorted(weights):
        so_far += weights[days]
        if so_far >= half:
            return days
    return 0
