from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from runway.calculators.outlook import PathRow
from runway.routes.access import ReadsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import read_of_books
from runway.routes.forecast_answer import FORECAST_EXAMPLE, ForecastOut, ForecastWeekOut, forecast_out, weeks_out
from runway.routes.read_route import ReadRoute

router = APIRouter(prefix="/api/v1", tags=["runway"], route_class=ReadRoute)

COLUMNS = ("starts_on", "ends_on", "opening", *(row.value for row in PathRow), "closing", "low", "p10", "p50", "p90")


class AskedForecast(AskedFreshness, AskedFormat):
    receipts: int = Field(default=100, ge=0, le=1000, description="How many of the largest open invoices to list.")


@router.get(
    "/forecast",
    summary="The 13 weeks ahead",
    response_model=Answer[ForecastOut],
    responses=in_csv_too(read_of_books(FORECAST_EXAMPLE), COLUMNS),
)
async def get_forecast(request: Request, caller: ReadsBooks, asked: Annotated[AskedForecast, Query()]) -> Response:
    """Cash week by week and day by day with its band, the headline, and what it rests on. The same books, decisions and day give the
    same answer, to the cent. As CSV: the weeks, a column for each row.

    It is kept until one of them changes. Where the books alone have changed and the new one takes more than two seconds, the one
    before is shown, marked stale.
    """
    fetched = await caller.services.outlook.get(freshness=asked.need())
    if wants_csv(request, asked.format):
        weeks = map(_csv_row, weeks_out(fetched.value))
        return send_csv(COLUMNS, weeks, name="forecast-weeks", freshness=fetched.freshness)
    shown = forecast_out(fetched.value, time_zone=caller.business.time_zone, most_receipts=asked.receipts)
    return send(request, Answer[ForecastOut](data=shown, freshness=FreshnessOut.of(fetched.freshness)))


def _csv_row(week: ForecastWeekOut) -> dict[str, Any]:
    told = week.model_dump(exclude={"rows"})
    return {
        **{row.value: "0.00" for row in PathRow},
        **{row.value: amount for row, amount in week.rows.items()},
        **told,
    }
