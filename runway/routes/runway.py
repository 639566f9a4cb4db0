from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from infra.errors import InvalidInput
from infra.sync.freshness import AS_IT_STANDS, Fetched
from runway.calculators.burn import MAIN_WINDOW_DAYS, MIN_HISTORY_DAYS, WINDOWS_DAYS
from runway.calculators.floor import AbsoluteFloor, BurnDaysFloor, FloorPolicy
from runway.calculators.forecast import Forecast
from runway.calculators.runway import RunwayReport
from runway.orchestrators.cash_runway import CashRunway, RunwayQuestion, oldest_of
from runway.routes.access import Caller, ReadsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness
from runway.routes.bridge_out import BRIDGE_EXAMPLE, BridgeOut
from runway.routes.documentation import read_of_books
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import RUNWAY_EXAMPLE, RunwayOut, runway_out

router = APIRouter(prefix="/api/v1", tags=["runway"], route_class=ReadRoute)


class TwoFloors(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Give floor (an amount) or floor_days (days of gross burn), not both.")


class AskedRunway(AskedFreshness):
    window: int = Field(
        default=MAIN_WINDOW_DAYS,
        ge=MIN_HISTORY_DAYS,
        le=max(WINDOWS_DAYS),
        description="Complete days, ending yesterday, over which burn is measured.",
    )
    floor: Decimal | None = Field(
        default=None,
        ge=0,
        max_digits=20,
        decimal_places=5,
        description="The least cash to keep, in home currency. Unless given: what the business decided, see `/runway/settings`.",
        examples=["5000"],
    )
    floor_days: int | None = Field(default=None, ge=0, le=365, description="The floor as days of gross burn.")

    @property
    def is_as_decided(self) -> bool:
        """Whether the caller leaves window and floor to what the business decided."""
        return self.window == MAIN_WINDOW_DAYS and self.floor is None and self.floor_days is None

    def floor_policy(self) -> FloorPolicy | None:
        """Which floor is asked for; None: what the business decided.

        Raises:
            TwoFloors: an amount and days.
        """
        if self.floor is not None and self.floor_days is not None:
            raise TwoFloors
        if self.floor is not None:
            return AbsoluteFloor(self.floor)
        return None if self.floor_days is None else BurnDaysFloor(self.floor_days)


class RunwayAndChangeOut(RunwayOut):
    change: BridgeOut | None = Field(description="What changed in `forecast` since last week; null in the first week.")


_EXAMPLE = RUNWAY_EXAMPLE | {"data": RUNWAY_EXAMPLE["data"] | {"change": BRIDGE_EXAMPLE}}


@router.get(
    "/runway",
    summary="How long the cash lasts",
    response_model=Answer[RunwayAndChangeOut],
    responses=read_of_books(_EXAMPLE),
)
async def get_runway(request: Request, caller: ReadsBooks, asked: Annotated[AskedRunway, Query()]) -> Response:
    """How long the cash lasts: by what is expected (`forecast`, the headline), and as a cross-check at the trailing net burn
    (`runway`), with operating cash and burn. Every figure carries the day it describes, its source and how much history fed it; one
    that cannot be given says why. `window` and `floor` change the cross-check alone: the headline is by what the business decided.
    """
    outlook = await caller.services.outlook.get(freshness=asked.need())
    report, freshness = outlook.value.report, outlook.freshness
    if not asked.is_as_decided:
        asked_again = await _measured_otherwise(caller, asked, outlook.value)
        report, freshness = asked_again.value, oldest_of([asked_again.freshness, freshness])
    told = runway_out(report, outlook.value, currency=caller.home_currency, time_zone=caller.business.time_zone)
    change = await caller.services.what_changed.since_last_week(outlook.value)
    shown = RunwayAndChangeOut(**dict(told), change=BridgeOut.of(change))
    return send(request, Answer[RunwayAndChangeOut](data=shown, freshness=FreshnessOut.of(freshness)))


async def _measured_otherwise(caller: Caller, asked: AskedRunway, forecast: Forecast) -> Fetched[RunwayReport]:
    """The burn and the cross-check by another window or floor than the business decided on."""
    services = caller.services
    runway = CashRunway(cash=services.cash, payments=services.payments, receipts=services.receipts, clock=caller.clock)
    floor, decided = asked.floor_policy(), await services.outlook.get_decided()
    question = RunwayQuestion.beside(forecast, decided, window_days=asked.window, floor=floor)
    return await runway.get(question, freshness=AS_IT_STANDS)
