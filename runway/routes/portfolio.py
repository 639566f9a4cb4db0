"""Every business that the caller may see, one row each, worst first."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.permissions import Permission
from domains.core.ritual import RitualState
from infra import exact_json
from infra.sync.freshness import Freshness
from runway.calculators.burn_runway import RunwayState
from runway.calculators.figures import DAYS, Figure
from runway.orchestrators.assigning import Assigning
from runway.orchestrators.portfolio import Portfolio, PortfolioFilter, PortfolioRow, RowState
from runway.orchestrators.portfolio_sources import Link
from runway.orchestrators.portfolio_totals import PortfolioTotals
from runway.routes.access import AllServices, SyncsBooks
from runway.routes.answers import Amount, FreshnessOut, plain_amount, plain_number
from runway.routes.asked import Strict
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import FRESHNESS_EXAMPLE, documented, documented_without_answer
from runway.routes.doors import Recognised
from runway.routes.runway_answer import FigureOut, figure_example

router = APIRouter(prefix="/api/v1", tags=["portfolio"])

COLUMNS = (
    "business_id", "business", "currency", "as_of", "state", "link", "runway", "runway_days", "early_days", "late_days", "days_change", "low",
    "low_on", "cash", "floor", "due_7_days", "must_pays_7_days", "overdue_receivable", "at_risk", "waiting_on_us", "waiting_on_client",
    "assignee", "books_as_of", "books_stale", "open_drift", "ritual", "last_ritual_at",
)  # fmt: skip


class AskedPortfolio(AskedFormat):
    only: list[PortfolioFilter] = Field(default_factory=list, description="All of them together.")


class SparkOut(BaseModel):
    on: date
    p50: Amount


class WaitingOut(BaseModel):
    on_us: int
    on_client: int = Field(description="The client was asked, and it stays until it is restored or done.")
    is_older: bool = Field(description="Something has changed since it was counted; it is being counted again.")


class AssigneeOut(BaseModel):
    user_id: UUID
    name: str | None


class PortfolioRowOut(BaseModel):
    business_id: UUID
    business: str
    currency: str
    today: date
    state: RowState = Field(
        description="`current`: the figures are those of the books as they are; `older`: of before a change; `missing` and `not_read`: there are none."
    )
    why: str | None = Field(description="Unless they are current.")
    link: Link = Field(
        description="How it stands to QuickBooks; `reading` is the first time, and `reading_failing` goes on by itself."
    )
    runway_state: RunwayState | None
    runway: str = Field(description="In words.", examples=["47 days (33-61)"])
    days: FigureOut
    early_days: int | None = Field(description="When payments come late: the cautious path (P10).")
    late_days: int | None
    days_change: FigureOut = Field(description="Against the last forecast of the week before.")
    floor_on: date | None
    low: FigureOut = Field(description="The lowest expected close of 13 weeks.")
    low_on: date | None
    cash: FigureOut
    floor: FigureOut
    due: FigureOut = Field(description="To be paid within seven days, what is overdue included.")
    must_pays: FigureOut = Field(description="Of it: pay, taxes and bills that are marked.")
    overdue_receivable: FigureOut
    spark: list[SparkOut] = Field(description="Expected closing cash, today and at the end of each of 13 weeks.")
    at_risk: bool = Field(description="Below the floor, below it within four weeks, or a must-pay that may bounce.")
    waiting: WaitingOut | None = Field(description="Items of the tray; null while they were never counted.")
    assignee: AssigneeOut | None = Field(description="Who looks after it.")
    ritual: RitualState = Field(description="This week's.")
    last_ritual_at: datetime | None
    freshness: FreshnessOut


class TotalsOut(BaseModel):
    cash: FigureOut
    due: FigureOut
    overdue_receivable: FigureOut
    without: int = Field(description="Businesses whose figures are not known yet.")

    @classmethod
    def of(cls, totals: PortfolioTotals) -> "TotalsOut":
        figures = ("cash", "due", "overdue_receivable")
        return cls(
            **{name: FigureOut.model_validate(getattr(totals, name)) for name in figures}, without=totals.without
        )


class PortfolioAnswer(BaseModel):
    data: list[PortfolioRowOut]
    in_all: int = Field(description="Businesses you may see, whatever `only` leaves of them.")
    counts: dict[PortfolioFilter, int] = Field(description="How many each filter alone would leave.")
    totals: TotalsOut | None = Field(description="Over the rows; null where they are in several currencies.")
    no_totals: str | None
    freshness: FreshnessOut = Field(description="Of the oldest books.")


class AssigningBusiness(Strict):
    user_id: UUID | None = Field(description="Somebody who belongs to the business; null: nobody.")


_USD, _DAYS = figure_example("4210.10", "USD", n=12, n_of="documents"), figure_example("47", "days")
_ROW = {
    "business_id": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11",
    "business": "Corner Bakery",
    "currency": "USD",
    "today": "2026-03-15",
    "state": "current",
    "why": None,
    "link": "connected",
    "runway_state": "finite",
    "runway": "47 days (33-61)",
    "days": _DAYS,
    "early_days": 33,
    "late_days": 61,
    "days_change": figure_example("-3", "days"),
    "floor_on": "2026-05-01",
    "low": _USD,
    "low_on": "2026-05-28",
    "cash": _USD,
    "floor": _USD,
    "due": _USD,
    "must_pays": _USD,
    "overdue_receivable": _USD,
    "spark": [{"on": "2026-03-15", "p50": "42100.00"}, {"on": "2026-03-22", "p50": "39000.00"}],
    "at_risk": False,
    "waiting": {"on_us": 7, "on_client": 2, "is_older": False},
    "assignee": {"user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11", "name": "Ada Park"},
    "ritual": "not_started",
    "last_ritual_at": "2026-03-09T17:20:00Z",
    "freshness": FRESHNESS_EXAMPLE,
}
_PORTFOLIO = {
    "data": [_ROW],
    "in_all": 1,
    "counts": {"at_risk": 0, "waiting_on_client": 1, "waiting_on_us": 1, "stale": 0, "no_ritual": 1},
    "totals": {"cash": _USD, "due": _USD, "overdue_receivable": _USD, "without": 0},
    "no_totals": None,
    "freshness": FRESHNESS_EXAMPLE,
}


@router.get(
    "/portfolio",
    summary="All your businesses, worst first",
    response_model=PortfolioAnswer,
    responses=in_csv_too(documented(_PORTFOLIO), COLUMNS),
)
async def get_portfolio(
    request: Request, guest: Recognised, services: AllServices, asked: Annotated[AskedPortfolio, Query()]
) -> Response:
    """One row for each business whose books you may read, from what is kept of its forecast; what is not kept as the books are now is
    asked for, and its row says so. Nobody waits for QuickBooks. It takes no `X-Business-ID`.
    """
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    businesses = [entry.business for entry in entries if Permission.BOOKS_READ in entry.permissions]
    found = await services.portfolio.get(businesses, filters=asked.only)
    if wants_csv(request, asked.format):
        return send_csv(COLUMNS, map(_csv_row, found.rows), name="portfolio", freshness=found.freshness)
    return Response(exact_json.dumps(_answer(found)), media_type="application/json")


@router.put(
    "/portfolio/assignee",
    status_code=204,
    summary="Whose a business is",
    responses=documented_without_answer("It is theirs."),
)
async def assign_business(caller: SyncsBooks, wanted: AssigningBusiness) -> None:
    """Who looks after it, until it is another's. It gives them no right that they have not."""
    services = caller.process
    assigning = Assigning(uow=services.uow, access_uow=services.access_uow, access=services.access)
    await assigning.assign(
        caller.business, wanted.user_id, actor=caller.origin.actor, request_id=caller.origin.request_id
    )


def _answer(found: Portfolio) -> dict[str, Any]:
    """What PortfolioAnswer says, not checked again: two hundred rows of it take longer to check than to make."""
    return {
        "data": [_shown(row) for row in found.rows],
        "in_all": found.in_all,
        "counts": found.counts,
        "totals": TotalsOut.of(found.totals).model_dump() if found.totals else None,
        "no_totals": found.no_totals,
        "freshness": _freshness(found.freshness),
    }


def _shown(row: PortfolioRow) -> dict[str, Any]:
    summary, waiting, assignee = row.summary, row.waiting, row.assignee
    counted = None if waiting is None else {**vars(waiting), "is_older": row.waiting_is_older}
    return {
        "business_id": row.business.id,
        "business": row.business.name,
        "currency": row.business.home_currency,
        "today": row.today,
        "state": row.state,
        "why": row.why,
        "link": row.link,
        "runway_state": summary.state if summary else None,
        "runway": row.display,
        "early_days": row.early_days,
        "late_days": row.late_days,
        "floor_on": summary.floor_on if summary else None,
        "low_on": summary.low_on if summary else None,
        **{name: _figure(getattr(row, name)) for name in _FIGURES},
        "spark": [{"on": on, "p50": plain_amount(p50)} for on, p50 in row.spark],
        "at_risk": row.is_at_risk,
        "waiting": counted,
        "assignee": None if assignee is None else vars(assignee),
        "ritual": row.ritual,
        "last_ritual_at": row.last_ritual.finished_at if row.last_ritual else None,
        "freshness": _freshness(row.books),
    }


_FIGURES = ("days", "days_change", "low", "cash", "floor", "due", "must_pays", "overdue_receivable")


def _figure(figure: Figure) -> dict[str, Any]:
    show = plain_number if figure.unit == DAYS else plain_amount
    return {**vars(figure), "value": show(figure.value)}


def _freshness(books: Freshness) -> dict[str, Any]:
    return {name: getattr(books, name) for name in FreshnessOut.model_fields}


def _csv_row(row: PortfolioRow) -> dict[str, Any]:
    summary, waiting, assignee = row.summary, row.waiting, row.assignee
    return {
        "business_id": row.business.id,
        "business": row.business.name,
        "currency": row.business.home_currency,
        "as_of": row.days.as_of,
        "state": row.state.value,
        "link": row.link.value,
        "runway": row.display,
        "runway_days": row.days.value,
        "early_days": row.early_days,
        "late_days": row.late_days,
        "days_change": row.days_change.value,
        "low": row.low.value,
        "low_on": summary.low_on if summary else None,
        "cash": row.cash.value,
        "floor": row.floor.value,
        "due_7_days": row.due.value,
        "must_pays_7_days": row.must_pays.value,
        "overdue_receivable": row.overdue_receivable.value,
        "at_risk": row.is_at_risk,
        "waiting_on_us": waiting.on_us if waiting else None,
        "waiting_on_client": waiting.on_client if waiting else None,
        "assignee": assignee.name or assignee.user_id if assignee else None,
        "books_as_of": row.books.as_of.isoformat() if row.books.as_of else None,
        "books_stale": row.books.stale,
        "open_drift": row.books.open_drift,
        "ritual": row.ritual.value,
        "last_ritual_at": row.last_ritual.finished_at.isoformat() if row.last_ritual else None,
    }
