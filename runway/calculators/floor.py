"""The floor: the least cash the owner wants to keep. Runway is measured to it."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias, assert_never

from domains.core.movements import CashMovement
from infra.money import ZERO, to_cents
from runway.calculators.burn import BurnWindow
from runway.calculators.figures import DAYS, Basis, Figure

DEFAULT_FLOOR_DAYS = 7


@dataclass(frozen=True)
class AbsoluteFloor:
    amount: Decimal

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("A floor is zero or more.")


@dataclass(frozen=True)
class BurnDaysFloor:
    """So many days of gross burn."""

    days: int

    def __post_init__(self) -> None:
        if self.days < 0:
            raise ValueError("A floor is zero days or more.")


@dataclass(frozen=True)
class DefaultFloor:
    """What holds until the owner says otherwise: one payroll (net pay and taxes), else 7 days of gross burn."""

    payroll: Decimal | None = None

    def __post_init__(self) -> None:
        if self.payroll is not None and self.payroll < 0:
            raise ValueError("A payroll is zero or more.")


FloorPolicy: TypeAlias = AbsoluteFloor | BurnDaysFloor | DefaultFloor


@dataclass(frozen=True)
class BelowFloorSince:
    """`is_exact` is False when the history does not reach back to a day above the floor."""

    on: date
    is_exact: bool


@dataclass(frozen=True)
class KnownSince:
    """Since when cash has been below the floor, found already: no decision about the future changes it."""

    since: BelowFloorSince

    def __call__(self) -> BelowFloorSince:
        return self.since


def floor_figure(policy: FloorPolicy, burn: BurnWindow, basis: Basis) -> Figure:
    """Without value when it depends on gross burn and there is too little history."""
    match policy:
        case AbsoluteFloor(amount):
            return basis.figure(amount, basis.currency, n=1, n_of="settings", note="set by the owner")
        case BurnDaysFloor(days):
            return _days_of_burn(days, burn, basis, why="")
        case DefaultFloor(None):
            return _days_of_burn(DEFAULT_FLOOR_DAYS, burn, basis, why=" (default: no payroll known)")
        case DefaultFloor(payroll):
            return basis.figure(payroll or ZERO, basis.currency, n=1, n_of="payrolls", note="one payroll (default)")
        case _:
            assert_never(policy)


def below_floor_since(
    cash: Decimal, floor: Decimal, *, movements: Iterable[CashMovement], account_ids: AbstractSet[str], as_of: date
) -> BelowFloorSince:
    """The first day of the present spell at or below the floor, walking back from today's `cash`.

    Args:
        cash: operating cash now, at or below `floor`; it holds every movement given, later-dated ones too.
        floor: today's floor, taken as the floor of the past as well.
        movements: all that moved the counted accounts, whatever its kind: loans and transfers moved the balance too.
        account_ids: the counted accounts.
        as_of: T; the answer is never later.
    """
    by_day: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for movement in movements:
        if movement.account_id in account_ids:
            by_day[movement.on] += movement.amount
    balance, since = cash, as_of
    for day in sorted(by_day, reverse=True):
        balance -= by_day[day]
        since = min(day, as_of)
        if balance > floor:
            return BelowFloorSince(since, is_exact=True)
    return BelowFloorSince(since, is_exact=False)


def _days_of_burn(days: int, burn: BurnWindow, basis: Basis, *, why: str) -> Figure:
    if not burn.is_enough:
        reason = burn.gross_daily.reason or "No gross burn"
        return basis.missing(reason, basis.currency, n=burn.days, n_of=DAYS)
    amount = to_cents(burn.outflow * days / burn.days)
    return basis.figure(amount, basis.currency, n=burn.days, n_of=DAYS, note=f"{days} days of gross burn{why}")
