"""What a cockpit shows first, and what the week's work is: both read off the one forecast."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.rituals import LastRitual, list_last_finished
from runway.calculators.ageing import AgedDocument, Ageing
from runway.calculators.bridge import Bridge
from runway.calculators.cards import Weight, by_due_date, due_soon, matters, open_soon
from runway.calculators.forecast import Forecast
from runway.orchestrators.kept_forecast import WorkedOut
from runway.routes.access import ReadsBooks
from runway.routes.answers import Amount, Answer, FreshnessOut, fields_of, send
from runway.routes.asked import AskedFreshness
from runway.routes.bridge_out import BRIDGE_EXAMPLE, BridgeOut
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, read_of_books
from runway.routes.forecast_answer import DatedFlowOut
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import HEADLINE_EXAMPLE, BooksOut, FigureOut, HeadlineOut, figure_example

router = APIRouter(prefix="/api/v1", tags=["runway"], route_class=ReadRoute)

_HORIZONS = (7, 14, 30)
COLUMNS = (
    "side",
    "external_id",
    "party_id",
    "party_name",
    "due_on",
    "days_overdue",
    "amount",
    "is_due_date_assumed",
    "late_by_habit",
)


class CashCard(BaseModel):
    operating: FigureOut
    undeposited: FigureOut
    floor: FigureOut


class BurnCard(BaseModel):
    net_daily: FigureOut
    gross_daily: FigureOut


class DueCard(BaseModel):
    days: int
    total: FigureOut = Field(
        description="Bills, pay, taxes and what comes again, overdue ones included; after credits."
    )
    must_pays: FigureOut = Field(description="Of it: pay, taxes and bills that are marked.")


class OverdueCard(BaseModel):
    overdue: FigureOut = Field(description="Of open invoices, before credits.")
    dso: FigureOut = Field(description="By countback.")


class MatterOut(BaseModel):
    weight: Weight
    text: str
    on: date | None
    amount: Amount | None


class DashboardOut(BaseModel):
    as_of: date
    currency: str
    time_zone: str
    last_ritual_at: datetime | None = Field(description="When a weekly ritual was last finished.")
    runway: HeadlineOut
    change: BridgeOut | None = Field(description="What changed since last week; null in the first week.")
    cash: CashCard
    burn: BurnCard
    due: DueCard
    overdue: OverdueCard
    matters: list[MatterOut] = Field(description="The five that matter most.")
    books: BooksOut


class HorizonOut(BaseModel):
    days: int
    due: FigureOut = Field(description="From today on, overdue ones not included; before credits.")


class OpenItemOut(BaseModel):
    external_id: str
    party_id: str
    party_name: str
    due_on: date = Field(description="Without one: by its terms, else its own date.")
    days_overdue: int = Field(description="Negative: so many days to go.")
    amount: Amount = Field(description="Open, in home currency.")
    is_due_date_assumed: bool
    late_by_habit: int | None = Field(
        description="Of a bill whose vendor is usually paid late, where `bills_by_habit` is on: as many days after its due date it is "
        "expected to be paid. Null: on its due date, or when it is scheduled."
    )


class SideOut(BaseModel):
    due: list[HorizonOut]
    overdue: FigureOut
    unapplied: FigureOut = Field(description="Credits matched to no document, negative.")
    total: FigureOut
    items: list[OpenItemOut] = Field(description="Overdue or due within 30 days, the longest due first.")
    items_in_all: int


class OperationalOut(BaseModel):
    as_of: date
    currency: str
    payables: SideOut
    receivables: SideOut
    must_pays: list[DatedFlowOut] = Field(description="Pay, taxes and marked bills of the next 30 days.")


class AskedOperational(AskedFreshness, AskedFormat):
    limit: int = Field(default=100, ge=1, le=1000, description="Documents of each side; a CSV has all.")


_USD = figure_example("4210.10", "USD", n=12, n_of="documents")
_DASHBOARD = books_example({
    "as_of": "2026-03-15",
    "currency": "USD",
    "time_zone": "America/Los_Angeles",
    "last_ritual_at": "2026-03-09T17:20:00Z",
    "runway": HEADLINE_EXAMPLE,
    "change": BRIDGE_EXAMPLE,
    "cash": {"operating": _USD, "undeposited": _USD, "floor": _USD},
    "burn": {"net_daily": figure_example("273.12", "USD/day"), "gross_daily": figure_example("1893.40", "USD/day")},
    "due": {"days": 7, "total": _USD, "must_pays": _USD},
    "overdue": {"overdue": _USD, "dso": figure_example("32.52", "days", n=160, n_of="documents")},
    "matters": [{"weight": "warning", "text": "Invoices are overdue: 12", "on": None, "amount": "4210.10"}],
    "books": {"is_stale": False, "display": None},
})  # fmt: skip
_SIDE = {
    "due": [{"days": days, "due": _USD} for days in _HORIZONS],
    "overdue": _USD,
    "unapplied": _USD,
    "total": _USD,
    "items": [{
        "external_id": "145", "party_id": "31", "party_name": "Harbor Supply", "due_on": "2026-03-12", "days_overdue": 3,
        "amount": "120.50", "is_due_date_assumed": False, "late_by_habit": None,
    }],
    "items_in_all": 12,
}  # fmt: skip
_OPERATIONAL = books_example({
    "as_of": "2026-03-15",
    "currency": "USD",
    "payables": _SIDE,
    "receivables": _SIDE,
    "must_pays": [{
        "on": "2026-03-20", "amount": "-13253.80", "row": "payroll", "key": "pay-run", "party_id": "pay-run", "is_must_pay": True,
    }],
})  # fmt: skip


@router.get(
    "/dashboard",
    summary="What a cockpit shows first",
    response_model=Answer[DashboardOut],
    responses=read_of_books(_DASHBOARD),
)
async def get_dashboard(request: Request, caller: ReadsBooks, asked: Annotated[AskedFreshness, Query()]) -> Response:
    """Five cards: the runway, cash, burn, what is due within seven days, what is overdue; and what matters most."""
    fetched = await caller.services.outlook.get_with_capital(freshness=asked.need())
    async with caller.process.uow([caller.business.id]) as uow:
        last = (await list_last_finished(uow.session, [caller.business.id])).get(caller.business.id)
    change = await caller.services.what_changed.since_last_week(fetched.value.forecast)
    shown = _dashboard(fetched.value, last, change, time_zone=caller.business.time_zone)
    return send(request, Answer[DashboardOut](data=shown, freshness=FreshnessOut.of(fetched.freshness)))


@router.get(
    "/operational",
    summary="What is due and overdue",
    response_model=Answer[OperationalOut],
    responses=in_csv_too(read_of_books(_OPERATIONAL), COLUMNS),
)
async def get_operational(
    request: Request, caller: ReadsBooks, asked: Annotated[AskedOperational, Query()]
) -> Response:
    """Both sides within 7, 14 and 30 days, what is overdue, credits that are matched to nothing, and what must be paid. As CSV: the documents."""
    fetched = await caller.services.outlook.get(freshness=asked.need())
    forecast = fetched.value
    last = forecast.basis.as_of + timedelta(days=max(_HORIZONS))
    late = {"payable": forecast.parts.late_by_habit, "receivable": {}}
    sides = {"payable": forecast.payables, "receivable": forecast.receivables}
    if wants_csv(request, asked.format):
        rows = (
            {"side": name, **_item(item, late[name]).model_dump()}
            for name, side in sides.items()
            for item in by_due_date(side, until=last)
        )
        return send_csv(COLUMNS, rows, name="operational", freshness=fetched.freshness)
    shown = OperationalOut(
        as_of=forecast.basis.as_of,
        currency=forecast.basis.currency,
        payables=_side(forecast.payables, forecast, until=last, limit=asked.limit, late=late["payable"]),
        receivables=_side(forecast.receivables, forecast, until=last, limit=asked.limit, late=late["receivable"]),
        must_pays=[DatedFlowOut.of(flow) for flow in forecast.path.owed_until(last) if flow.is_must_pay],
    )
    return send(request, Answer[OperationalOut](data=shown, freshness=FreshnessOut.of(fetched.freshness)))


def _dashboard(worked: WorkedOut, last: LastRitual | None, change: Bridge | None, *, time_zone: str) -> DashboardOut:
    forecast, report = worked.forecast, worked.forecast.report
    return DashboardOut(
        as_of=forecast.basis.as_of,
        currency=forecast.basis.currency,
        time_zone=time_zone,
        last_ritual_at=last.finished_at if last else None,
        runway=HeadlineOut.of(forecast.standing.runway),
        change=BridgeOut.of(change),
        cash=CashCard(operating=report.cash.cash, undeposited=report.cash.undeposited, floor=report.floor),
        burn=BurnCard(**fields_of(BurnCard, report.burn)),
        due=DueCard(**vars(due_soon(forecast))),
        overdue=OverdueCard(overdue=forecast.receivables.overdue, dso=worked.capital.dso),
        matters=[MatterOut(**vars(matter)) for matter in matters(forecast)],
        books=report.books,
    )


def _side(side: Ageing, forecast: Forecast, *, until: date, limit: int, late: Mapping[str, int]) -> SideOut:
    items = by_due_date(side, until=until)
    return SideOut(
        due=[HorizonOut(**vars(open_soon(side, forecast, days=days))) for days in _HORIZONS],
        overdue=side.overdue,
        unapplied=side.unapplied,
        total=side.total,
        items=[_item(item, late) for item in items[:limit]],
        items_in_all=len(items),
    )


def _item(item: AgedDocument, late: Mapping[str, int]) -> OpenItemOut:
    document: Any = item.document
    return OpenItemOut(
        external_id=document.external_id,
        party_id=document.party_id,
        party_name=document.party_name,
        due_on=item.due_on,
        days_overdue=item.days_overdue,
        amount=document.open_amount,
        is_due_date_assumed=item.is_due_date_assumed,
        late_by_habit=late.get(document.external_id),
    )
