from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from runway.calculators.outlook import HORIZON_DAYS
from runway.orchestrators.scenario_steps import StepKind
from runway.routes.asked import Strict

_MOST_KEPT = 200
_NEEDED = {
    StepKind.CUSTOMER_LATE: "days",
    StepKind.CUSTOMER_LOST: None,
    StepKind.HIRE: "cost",
    StepKind.DELAY_BILLS: "days",
}
_MAY_HAVE = {
    StepKind.CUSTOMER_LATE: {"days", "customer_id"},
    StepKind.CUSTOMER_LOST: {"customer_id"},
    StepKind.HIRE: {"cost", "starts_on", "every_days"},
    StepKind.DELAY_BILLS: {"days", "keep_bills"},
}


class ScenarioStep(Strict):
    kind: StepKind
    customer_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Ours or QuickBooks'; unless given, who is expected to bring most.",
    )
    days: int | None = Field(default=None, ge=1, le=HORIZON_DAYS, description="How many days later.")
    cost: Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)] | None = Field(
        default=None, description="Of each pay-run, taxes included, home currency.", examples=["5000.00"]
    )
    starts_on: date | None = Field(
        default=None, description="Unless given, today; the first pay-run is one period later."
    )
    every_days: int | None = Field(
        default=None, ge=1, le=HORIZON_DAYS, description="Between pay-runs; unless given, 30."
    )
    keep_bills: list[UUID] = Field(
        default_factory=list, max_length=_MOST_KEPT, description="Bills that are paid on their day all the same."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        given = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) not in (None, [])}
        needed = _NEEDED[self.kind]
        if needed is not None and needed not in given:
            raise ValueError(f"{self.kind.value} needs {needed}")
        if strange := given - _MAY_HAVE[self.kind]:
            raise ValueError(f"{self.kind.value} takes no {', '.join(sorted(strange))}")
        return self

    def written(self) -> dict[str, Any]:
        """As it is kept: plain JSON without what was not said."""
        said = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in said.items() if value != []}
