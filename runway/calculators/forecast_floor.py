"""The floor that a forecast goes by, and since when cash has been below it."""

from collections.abc import Sequence

from infra.money import ZERO
from runway.calculators.floor import BelowFloorSince, DefaultFloor, FloorPolicy, below_floor_since
from runway.calculators.outflow_kinds import OutflowKind
from runway.calculators.recurring import Recurring
from runway.calculators.runway import RunwayInputs, RunwayReport


def floor_policy(policy: FloorPolicy, series: Sequence[Recurring]) -> FloorPolicy:
    """One payroll, its taxes with it, where nobody said otherwise and one is seen."""
    pay = [item for item in series if item.kind is OutflowKind.PAYROLL]
    if policy != DefaultFloor() or not pay:
        return policy
    taxes = [item for item in series if item.kind is OutflowKind.PAYROLL_TAX]
    return DefaultFloor(sum((item.amount.value or ZERO for item in (*pay, *taxes)), ZERO))


def below_since(report: RunwayReport, inputs: RunwayInputs) -> BelowFloorSince:
    """Looked for only where it can be shown: it walks every movement of the year."""
    cash, floor = report.cash.cash.value or ZERO, report.floor.value or ZERO
    if cash > floor:
        return BelowFloorSince(inputs.basis.as_of, is_exact=False)
    counted = {account.account_id for account in report.cash.counted}
    return below_floor_since(cash, floor, movements=inputs.movements, account_ids=counted, as_of=inputs.basis.as_of)
