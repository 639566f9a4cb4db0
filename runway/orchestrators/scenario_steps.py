"""Scenarios as they are written down, and as the calculators take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, assert_never

from infra.errors import InvalidInput
from runway.calculators.decisions import CustomerLate, CustomerLost, DelayBills, Hire, Hypothesis
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import HORIZON_DAYS


class StepKind(StrEnum):
    CUSTOMER_LATE = "customer_late"
    CUSTOMER_LOST = "customer_lost"
    HIRE = "hire"
    DELAY_BILLS = "delay_bills"


@dataclass(frozen=True)
class ReadyMade:
    """A scenario that every business has."""

    key: str
    name: str
    steps: Sequence[Mapping[str, Any]]


LATE_DAYS: Final = 30
DELAY_DAYS: Final = 14
MONTH_DAYS: Final = 30
HIRE_COST: Final = Decimal(5000)  # a month, home currency, taxes included: a round figure to begin with

READY_MADE: Final = (
    ReadyMade(
        "top_customer_late",
        f"Top customer {LATE_DAYS} days late",
        [{"kind": StepKind.CUSTOMER_LATE, "days": LATE_DAYS}],
    ),
    ReadyMade("customer_lost", "Lose the top customer", [{"kind": StepKind.CUSTOMER_LOST}]),
    ReadyMade(
        "hire",
        f"Hire somebody for {HIRE_COST:,} a month",
        [{"kind": StepKind.HIRE, "cost": str(HIRE_COST), "every_days": MONTH_DAYS}],
    ),
    ReadyMade(
        "delay_bills",
        f"Pay what is not critical {DELAY_DAYS} days later",
        [{"kind": StepKind.DELAY_BILLS, "days": DELAY_DAYS}],
    ),
)


class CustomerOwesNothing(InvalidInput):
    def __init__(self, customer_id: str) -> None:
        super().__init__(f"Nothing is expected of customer {customer_id}: name one with an open invoice, or none.")


class StepIncomplete(InvalidInput):
    def __init__(self, kind: str, field: str) -> None:
        super().__init__(f"A scenario of the kind {kind} needs {field}.")


def read_step(step: Mapping[str, Any], forecast: Forecast) -> Hypothesis:
    """As the calculators take it. Ids are the rail's.

    Raises:
        StepIncomplete: something that its kind needs is missing.
        CustomerOwesNothing: a customer is named, and would change nothing.
    """
    kind = StepKind(step["kind"])
    match kind:
        case StepKind.CUSTOMER_LATE:
            return CustomerLate(int(_needed(step, "days")), _customer(step, forecast))
        case StepKind.CUSTOMER_LOST:
            return CustomerLost(_customer(step, forecast))
        case StepKind.HIRE:
            starts_on = step.get("starts_on")
            return Hire(
                Decimal(str(_needed(step, "cost"))),
                starts_on=date.fromisoformat(str(starts_on)) if starts_on else forecast.basis.as_of,
                every_days=int(step.get("every_days") or MONTH_DAYS),
            )
        case StepKind.DELAY_BILLS:
            return DelayBills(min(int(_needed(step, "days")), HORIZON_DAYS), frozenset(step.get("keep_bills") or ()))
        case _:
            assert_never(kind)


def _needed(step: Mapping[str, Any], field: str) -> Any:
    if step.get(field) is None:
        raise StepIncomplete(str(step["kind"]), field)
    return step[field]


def _customer(step: Mapping[str, Any], forecast: Forecast) -> str | None:
    customer: str | None = step.get("customer_id")
    if customer is not None and not any(one.customer_id == customer for one in forecast.receipts):
        raise CustomerOwesNothing(customer)
    return customer
