from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from infra.errors import InvalidInput
from runway.calculators.burn import MAIN_WINDOW_DAYS, MIN_HISTORY_DAYS, WINDOWS_DAYS
from runway.calculators.floor import AbsoluteFloor, BurnDaysFloor, DefaultFloor, FloorPolicy
from runway.orchestrators.cash_runway import CashRunway, RunwayQuestion
from runway.routes.access import ReadsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness
from runway.routes.documentation import read_of_books
from runway.routes.runway_answer import RUNWAY_EXAMPLE, RunwayOut, runway_out

router = APIRouter(prefix="/api/v1", tags=["runway"])


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
        description="The least cash to keep, in home currency. Unless given: seven days of gross burn.",
        examples=["5000"],
    )
    floor_days: int | None = Field(default=None, ge=0, le=365, description="The floor as days of gross burn.")

    def floor_policy(self) -> FloorPolicy:
        """Which floor is asked for.

        Raises:
            TwoFloors: an amount and days.
        """
        if self.floor is not None and self.floor_days is not None:
            raise TwoFloors
        if self.floor is not None:
            return AbsoluteFloor(self.floor)
        return DefaultFloor() if self.floor_days is None else BurnDaysFloor(self.floor_days)


@router.get(
    "/runway",
    summary="How long the cash lasts",
    response_model=Answer[RunwayOut],
    responses=read_of_books(RUNWAY_EXAMPLE),
)
async def get_runway(request: Request, caller: ReadsBooks, asked: Annotated[AskedRunway, Query()]) -> Response:
    """Operating cash, gross and net burn, and the days until cash reaches the floor at the present net burn. Every figure
    carries the day it describes, its source and how much history fed it; one that cannot be given says why.
    """
    services = caller.services
    runway = CashRunway(cash=services.cash, payments=services.payments, receipts=services.receipts, clock=caller.clock)
    question = RunwayQuestion(
        today=caller.today,
        home_currency=caller.home_currency,
        window_days=asked.window,
        floor=asked.floor_policy(),
    )
    fetched = await runway.get(question, freshness=asked.need())
    report = runway_out(fetched.value, currency=caller.home_currency, time_zone=caller.business.time_zone)
    return send(request, Answer[RunwayOut](data=report, freshness=FreshnessOut.of(fetched.freshness)))
