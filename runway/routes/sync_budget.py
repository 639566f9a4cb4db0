from datetime import date
from decimal import Decimal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from infra.sync.call_budget import Yielding
from runway.routes.access import ReadsBooks
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1", tags=["sync"])

_NEXT = {
    Yielding.NOBODY: "At 80 % reconciliation rests.",
    Yielding.CHECKS: "Reconciliation rests; at 90 % the schedule of businesses that use more than their share slows down.",
    Yielding.GREEDY: "The schedule of businesses that use more than their share slows down; at 100 % everybody's.",
    Yielding.SCHEDULE: "Every schedule has slowed down. What people ask for goes on.",
}


class MonthOut(BaseModel):
    used: int = Field(description="Metered calls of this calendar month (UTC) so far.")
    forecast: int = Field(
        description="At the month's end, by the rate of the last seven days; first readings are not repeated."
    )


class DayOut(BaseModel):
    day: date
    feature: str = Field(examples=["scheduled"])
    is_metered: bool = Field(description="Intuit charges for what it gives out, not for what it takes in.")
    calls: int


class AllowanceOut(BaseModel):
    monthly_calls: int = Field(description="What the rail lets the application make, all businesses together.")
    percent_forecast: Decimal = Field(description="What part of it the month will have used, of a hundred.")
    share: int = Field(description="What one business may use before its schedule yields before others'.")
    yielding: str = Field(examples=["nobody", "checks", "greedy", "schedule"])
    next: str = Field(description="Who yields, and who does next.")


class BudgetOut(BaseModel):
    month: MonthOut
    days: list[DayOut] = Field(description="By day and feature, the latest day first.")
    allowance: AllowanceOut


class BudgetAnswer(BaseModel):
    data: BudgetOut


_EXAMPLE = {
    "data": {
        "month": {"used": 2112, "forecast": 4480},
        "days": [{"day": "2026-03-15", "feature": "scheduled", "is_metered": True, "calls": 96}],
        "allowance": {
            "monthly_calls": 500000,
            "percent_forecast": "41.5",
            "share": 2500,
            "yielding": "nobody",
            "next": _NEXT[Yielding.NOBODY],
        },
    }
}


@router.get("/sync/budget", summary="Calls to QuickBooks this month", responses=documented(_EXAMPLE))
async def get_sync_budget(caller: ReadsBooks) -> BudgetAnswer:
    """What this business has used by feature and day, where its month will end, and what that means for background work. Counts are
    some seconds old. It asks QuickBooks nothing.
    """
    rail = caller.process.qbo_rail
    await rail.calls.flush()
    month, days = await rail.budget.of_business(caller.business.id)
    app = await rail.budget.of_app()
    return BudgetAnswer(
        data=BudgetOut(
            month=MonthOut(used=month.used, forecast=month.forecast),
            days=[DayOut(day=one.day, feature=one.feature, is_metered=one.is_metered, calls=one.calls) for one in days],
            allowance=AllowanceOut(
                monthly_calls=app.allowance,
                percent_forecast=app.percent,
                share=app.share,
                yielding=app.yielding.name.lower(),
                next=_NEXT[app.yielding],
            ),
        )
    )
