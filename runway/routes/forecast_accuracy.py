from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domains.core.forecast_models import ForecastSource
from runway.calculators.accuracy import HorizonAccuracy
from runway.orchestrators.forecast_accuracy import AccuracyReport
from runway.routes.access import ReadsBooks
from runway.routes.answers import Amount, Answer, FreshnessOut, plain_amount, send
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, documented
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import FigureOut

router = APIRouter(prefix="/api/v1", tags=["runway"], route_class=ReadRoute)


class HorizonOut(BaseModel):
    """At so many weeks, of the forecasts that are so old. All in percent."""

    model_config = ConfigDict(from_attributes=True)

    weeks: int = Field(examples=[4])
    receipts_wape: FigureOut = Field(description="Sum of |forecast - actual| by week, by the sum of what came.")
    receipts_bias: FigureOut = Field(description="The same with signs; positive forecast too much.")
    disbursements_wape: FigureOut
    disbursements_bias: FigureOut
    balance_error: FigureOut = Field(
        description="Mean |forecast - actual| close of the last week, by the gross outflow of a month."
    )
    coverage: FigureOut = Field(description="Closes of the last week that lay within the band, P10 to P90.")


class FrozenOut(BaseModel):
    """Forecasts looked at, by how they came to be."""

    live: int = Field(description="Frozen on their Monday.")
    replayed: int = Field(description="Made afterwards from the log: of what we knew on that Monday.")
    reconstructed: int = Field(
        description="Made afterwards by bookkeeping dates, of the time before the company was connected."
    )


class AccuracyOut(BaseModel):
    grade: str = Field(
        pattern="^[A-D]$",
        description="Of four weeks: A up to 5 % of balance error with 70 to 90 % coverage, B up to 10 %, C up to 20 %.",
    )
    reason: str = Field(description="What the grade comes from most.")
    balance_error: FigureOut = Field(description="At four weeks; one of the grade's two numbers.")
    coverage: FigureOut = Field(description="At four weeks; the other.")
    gross_outflow_monthly: Amount = Field(description="What balance errors are measured by.")
    currency: str
    forecasts: FrozenOut
    horizons: list[HorizonOut]


def _example_figure(value: str) -> dict[str, Any]:
    figure = {"value": value, "unit": "%", "as_of": "2026-03-16", "source": "qbo", "n": 31, "n_of": "forecasts"}
    return {**figure, "note": "reconstructed", "reason": None}


_NAMES = tuple(name for name in HorizonOut.model_fields if name != "weeks")
_HORIZON = {
    "weeks": 4,
    **dict(zip(_NAMES, map(_example_figure, ("31.20", "1.40", "22.75", "-2.10", "7.85", "77.42")), strict=True)),
}
_EXAMPLE = books_example({
    "grade": "B", "reason": "receipts missed by 41,250.10 over 4 weeks, net 3,210.00 under forecast",
    "balance_error": _HORIZON["balance_error"], "coverage": _HORIZON["coverage"], "gross_outflow_monthly": "48200.00",
    "currency": "USD", "forecasts": {"live": 4, "replayed": 0, "reconstructed": 27}, "horizons": [_HORIZON],
})  # fmt: skip
_COLUMNS = ("weeks", "forecasts", *_NAMES)


@router.get(
    "/forecast/accuracy",
    summary="How good the forecasts were",
    response_model=Answer[AccuracyOut],
    responses=in_csv_too(
        documented(_EXAMPLE) | {HTTPStatus.NOT_MODIFIED.value: {"description": "As `If-None-Match` names."}}, _COLUMNS
    ),
)
async def get_forecast_accuracy(
    request: Request, caller: ReadsBooks, asked: Annotated[AskedFormat, Query()]
) -> Response:
    """Each Monday's forecast is frozen and never rewritten; week by week it is held beside what came: the grade with its two
    numbers and its top reason, the errors at 1, 4 and 13 weeks. Judged once a week, by the books of then; as CSV the horizons.
    """
    fetched = await caller.services.forecast_accuracy.report()
    if wants_csv(request, asked.format):
        rows = (_row(horizon) for horizon in fetched.value.horizons)
        return send_csv(_COLUMNS, rows, name="forecast-accuracy", freshness=fetched.freshness)
    return send(request, Answer[AccuracyOut](data=_shown(fetched.value), freshness=FreshnessOut.of(fetched.freshness)))


def _shown(report: AccuracyReport) -> AccuracyOut:
    counts = {source.value: report.frozen.get(source, 0) for source in ForecastSource}
    return AccuracyOut.model_validate(
        {
            "grade": report.grade.letter,
            "reason": report.grade.reason,
            "balance_error": report.grade.balance_error,
            "coverage": report.grade.coverage,
            "gross_outflow_monthly": report.outflow_monthly,
            "currency": report.currency,
            "forecasts": FrozenOut(**counts),
            "horizons": [HorizonOut.model_validate(horizon) for horizon in report.horizons],
        }
    )


def _row(horizon: HorizonAccuracy) -> dict[str, Any]:
    figures = {name: plain_amount(getattr(horizon, name).value) for name in _NAMES}
    return {"weeks": horizon.weeks, "forecasts": horizon.receipts_wape.n, **figures}
