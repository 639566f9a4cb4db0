"""What a decision would do, as it leaves: the runway before and after, the low point, what can and cannot be paid."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from runway.calculators.burn_runway import RunwayState
from runway.calculators.consequence import Consequence, Standing
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow, PathRow
from runway.routes.answers import Amount
from runway.routes.documentation import books_example
from runway.routes.runway_answer import FigureOut


class MustPayOut(BaseModel):
    """Something that has to be paid on its day."""

    row: PathRow
    key: str = Field(description="What it is in its row: a bill's id at QuickBooks, a payee.")
    on: date
    amount: Amount = Field(description="Home currency, positive.")

    @classmethod
    def of(cls, flow: DatedFlow) -> "MustPayOut":
        return cls(row=flow.row, key=flow.key, on=flow.on, amount=-flow.amount)


class OutlookOut(BaseModel):
    """How long the cash lasts by what is expected, not by the burn of the past."""

    state: RunwayState
    display: str = Field(description="What to show.", examples=["61 days (48\N{EN DASH}77)"])
    days: FigureOut
    floor_on: date | None = Field(description="The day on which the middle path is first below the floor.")
    low: FigureOut = Field(description="The lowest close of 13 weeks on the middle path (P50).")
    low_on: date
    low_cautious: FigureOut = Field(description="The same on the cautious path (P10).")
    uncovered: list[MustPayOut] = Field(description="Must-pays on days whose cautious path closes below zero.")

    @classmethod
    def of(cls, standing: Standing) -> "OutlookOut":
        runway = standing.runway
        return cls(
            state=runway.state,
            display=runway.display,
            days=FigureOut.model_validate(runway.days),
            floor_on=runway.floor_on,
            low=FigureOut.model_validate(runway.low_point.amount),
            low_on=runway.low_point.on,
            low_cautious=FigureOut.model_validate(runway.low_point_p10.amount),
            uncovered=[MustPayOut.of(flow) for flow in standing.uncovered],
        )


class ConsequenceOut(BaseModel):
    before: OutlookOut
    after: OutlookOut
    runway_days: FigureOut = Field(description="After less before; null with a reason where one of both has no end.")
    low_change: FigureOut = Field(description="The new low point less the old one.")
    low_week_on: date = Field(description="The first day of the new low point's week, counted from today.")
    newly_uncovered: list[MustPayOut] = Field(description="What it puts at risk.")
    now_covered: list[MustPayOut] = Field(description="What it rescues.")

    @classmethod
    def of(cls, consequence: Consequence) -> "ConsequenceOut":
        return cls(
            before=OutlookOut.of(consequence.before),
            after=OutlookOut.of(consequence.after),
            runway_days=FigureOut.model_validate(consequence.runway_days),
            low_change=FigureOut.model_validate(consequence.low_change),
            low_week_on=consequence.low_week_on,
            newly_uncovered=[MustPayOut.of(flow) for flow in consequence.newly_uncovered],
            now_covered=[MustPayOut.of(flow) for flow in consequence.now_covered],
        )


class PreviewOut(ConsequenceOut):
    seen_figures_id: UUID = Field(
        description="Send it with approve, pay, send-reminder or promise within a week: these figures are then frozen in its log row."
    )
    as_of: date
    currency: str
    floor: FigureOut
    assumptions: list[str] = Field(description="What the forecast takes for granted, in words.")


def floor_and_basis(forecast: Forecast) -> dict[str, Any]:
    return {
        "as_of": forecast.basis.as_of,
        "currency": forecast.basis.currency,
        "floor": FigureOut.model_validate(forecast.report.floor),
        "assumptions": list(forecast.assumptions),
    }


def figure_example(value: str | None, unit: str = "USD", *, reason: str | None = None) -> dict[str, Any]:
    return {
        "value": value,
        "unit": unit,
        "as_of": "2026-03-15",
        "source": "qbo",
        "n": 64,
        "n_of": "documents",
        "note": None,
        "reason": reason,
    }


def _outlook(days: str, low: Decimal, low_on: str) -> dict[str, Any]:
    return {
        "state": "finite",
        "display": f"{days} days",
        "days": figure_example(days, "days"),
        "floor_on": "2026-05-15",
        "low": figure_example(str(low)),
        "low_on": low_on,
        "low_cautious": figure_example(str(low - 3000)),
        "uncovered": [],
    }


CONSEQUENCE_EXAMPLE: dict[str, Any] = {
    "before": _outlook("61", Decimal("9800.00"), "2026-05-11"),
    "after": _outlook("55", Decimal("4100.00"), "2026-04-27"),
    "runway_days": figure_example("-6", "days"),
    "low_change": figure_example("-5700.00"),
    "low_week_on": "2026-04-26",
    "newly_uncovered": [{"row": "payroll", "key": "pay-run", "on": "2026-04-30", "amount": "8200.00"}],
    "now_covered": [],
}
PREVIEW_EXAMPLE = books_example(
    {
        **CONSEQUENCE_EXAMPLE,
        "seen_figures_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c15",
        "as_of": "2026-03-15",
        "currency": "USD",
        "floor": figure_example("8200.00"),
        "assumptions": ["Open invoices come as their customers have paid before, given that they have not paid yet."],
    }
)
