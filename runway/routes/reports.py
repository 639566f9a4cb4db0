"""QuickBooks' own figures, kept for four hours unless the books change; beside them, where we have it, what the mirror says."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from infra.qbo.wire.reports import AgingKind, AgingReport, KPIData, PaymentHistory
from infra.sync.freshness import Fetched
from runway.calculators.ageing import Ageing, Bucket
from runway.orchestrators.ageing import MirrorAgeing
from runway.orchestrators.kpis import KPIService
from runway.routes.access import Caller, ReadsBooks
from runway.routes.answers import Amount, Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness
from runway.routes.documentation import books_example, read_of_books
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import FigureOut, figure_example

router = APIRouter(prefix="/api/v1", tags=["reports"], route_class=ReadRoute)


class AgeingSource(StrEnum):
    MIRROR = "mirror"
    RAIL = "rail"


class AskedKPIs(AskedFreshness):
    as_of: date | None = Field(default=None, description="Unless given, the company's today.")
    days: int = Field(default=30, ge=1, le=366, description="Days of earning, `as_of` the last of them.")


class AskedAgeing(AskedFreshness):
    side: AgingKind = AgingKind.PAYABLES
    source: AgeingSource = Field(default=AgeingSource.MIRROR, description="`rail`: QuickBooks' own report.")


class KPIsOut(BaseModel):
    since: date
    as_of: date
    currency: str
    income: Amount | None = Field(description="From `since` to `as_of`, accrual, as are the next four.")
    cost_of_goods_sold: Amount | None
    gross_profit: Amount | None
    expenses: Amount | None
    net_income: Amount | None
    bank_accounts: Amount | None = Field(description="On `as_of`, as are those below.")
    receivables: Amount | None
    current_assets: Amount | None
    payables: Amount | None = Field(description="Positive is owed.")
    credit_cards: Amount | None
    current_liabilities: Amount | None


class WorkingCapitalOut(BaseModel):
    """Of the company's today, from the mirror; in days but for `cei`."""

    dso: FigureOut = Field(description="By countback over months of credit sales.")
    dso_simple: FigureOut = Field(description="By the last 90 days, for comparison.")
    best_possible: FigureOut = Field(description="DSO of what is not due yet.")
    delinquent: FigureOut = Field(description="`dso_simple` less `best_possible`.")
    dpo: FigureOut = Field(description="By what was billed in 90 days.")
    days_to_pay: FigureOut = Field(description="From invoice to money, weighted by money, over 365 days.")
    days_we_take: FigureOut = Field(description="The same of our bills.")
    cei: FigureOut = Field(description="Of what could have been collected in 90 days, the part that was, in percent.")


class KPIsAndRatiosOut(KPIsOut):
    working_capital: WorkingCapitalOut


class AgeingRowOut(BaseModel):
    external_id: str = Field(description="The vendor's or customer's id at the rail.")
    name: str
    amounts: list[Amount] = Field(description="In the order of `buckets`.")
    unapplied: Amount | None = Field(
        description="Credit matched to no document, negative; the rail has it in its buckets."
    )
    total: Amount


class AgeingOut(BaseModel):
    side: AgingKind
    as_of: date
    currency: str
    buckets: list[str] = Field(description="Days past due.")
    rows: list[AgeingRowOut]
    amounts: list[Amount] = Field(description="All rows together.")
    unapplied: Amount | None
    total: Amount


class AppliedOut(BaseModel):
    type: str
    external_id: str


class PaidOut(BaseModel):
    external_id: str
    paid_on: date
    total: Amount
    unapplied: Amount | None
    currency: str
    doc_number: str | None
    applied_to: list[AppliedOut]


_KPIS = {
    "since": "2026-02-14", "as_of": "2026-03-15", "currency": "USD", "income": "18250.00", "cost_of_goods_sold": "6100.00",
    "gross_profit": "12150.00", "expenses": "9020.00", "net_income": "3130.00", "bank_accounts": "20400.00", "receivables": "5100.00",
    "current_assets": "27900.00", "payables": "4210.00", "credit_cards": "310.00", "current_liabilities": "6120.00",
    "working_capital": {name: figure_example("32.52", "%" if name == "cei" else "days", n=160, n_of="documents") for name in (
        "dso", "dso_simple", "best_possible", "delinquent", "dpo", "days_to_pay", "days_we_take", "cei",
    )},
}  # fmt: skip
_AGEING = {
    "side": "payables",
    "as_of": "2026-03-15",
    "currency": "USD",
    "buckets": ["Current", "1\N{EN DASH}30", "31\N{EN DASH}60", "61\N{EN DASH}90", "90+"],
    "rows": [
        {
            "external_id": "31",
            "name": "Harbor Supply",
            "amounts": ["120.50", "0.00", "0.00", "0.00", "0.00"],
            "unapplied": "0.00",
            "total": "120.50",
        }
    ],
    "amounts": ["120.50", "0.00", "0.00", "0.00", "0.00"],
    "unapplied": "0.00",
    "total": "120.50",
}
_PAID = {
    "external_id": "160",
    "paid_on": "2026-03-12",
    "total": "120.50",
    "unapplied": None,
    "currency": "USD",
    "doc_number": "1042",
    "applied_to": [{"type": "Bill", "external_id": "145"}],
}


@router.get(
    "/kpis",
    summary="Key figures",
    response_model=Answer[KPIsAndRatiosOut],
    responses=read_of_books(books_example(_KPIS)),
)
async def get_kpis(request: Request, caller: ReadsBooks, asked: Annotated[AskedKPIs, Query()]) -> Response:
    """From its profit and loss and its balance sheet; beside them, from our own books of today, how long customers take and we do."""
    kpis = KPIService(caller.services.company, caller.services.outlook)
    fetched = await kpis.get_kpis(asked.as_of, days=asked.days, freshness=asked.need())
    ratios = WorkingCapitalOut(**vars(fetched.value.capital))
    shown = KPIsAndRatiosOut(**_in_currency(fetched.value.reported, caller), working_capital=ratios)
    return _answer(request, fetched, shown)


@router.get(
    "/ageing",
    summary="What is owed, or owing, by age",
    response_model=Answer[AgeingOut],
    responses=read_of_books(books_example(_AGEING)),
)
async def get_ageing(request: Request, caller: ReadsBooks, asked: Annotated[AskedAgeing, Query()]) -> Response:
    """Today's, by due date, in home currency: worked out from the mirror's documents, or QuickBooks' own report to hold against it."""
    side: BillService | InvoiceService = (
        caller.services.bills if asked.side is AgingKind.PAYABLES else caller.services.invoices
    )
    if asked.source is AgeingSource.RAIL:
        report = await side.get_aging_report(freshness=asked.need())
        return _answer(request, report, _report_out(report.value, caller))
    mirror = MirrorAgeing(side, today=caller.today, home_currency=caller.home_currency)
    aged = await mirror.get(freshness=asked.need())
    return _answer(request, aged, _aged_out(aged.value, asked.side, caller))


@router.get(
    "/vendors/{vendor_id}/payments",
    summary="What was paid to a vendor",
    response_model=Answer[list[PaidOut]],
    responses=read_of_books(books_example([_PAID])),
)
async def list_vendor_payments(
    request: Request, caller: ReadsBooks, vendor_id: UUID, asked: Annotated[AskedFreshness, Query()]
) -> Response:
    """All of it that QuickBooks has, the newest first."""
    fetched = await caller.services.vendors.get_payment_history(vendor_id, freshness=asked.need())
    return _answer_history(request, caller, fetched)


@router.get(
    "/customers/{customer_id}/payments",
    summary="What a customer paid",
    response_model=Answer[list[PaidOut]],
    responses=read_of_books(books_example([_PAID])),
)
async def list_customer_payments(
    request: Request, caller: ReadsBooks, customer_id: UUID, asked: Annotated[AskedFreshness, Query()]
) -> Response:
    """All of it that QuickBooks has, the newest first."""
    fetched = await caller.services.customers.get_payment_history(customer_id, freshness=asked.need())
    return _answer_history(request, caller, fetched)


def _answer(request: Request, fetched: Fetched[Any], data: BaseModel) -> Response:
    return send(request, Answer[Any](data=data, freshness=FreshnessOut.of(fetched.freshness)))


def _answer_history(request: Request, caller: Caller, fetched: Fetched[PaymentHistory]) -> Response:
    shown = [
        PaidOut(
            **line.model_dump(exclude={"applied_to", "currency"}),
            currency=line.currency or caller.home_currency,
            applied_to=[AppliedOut(type=kind, external_id=identifier) for kind, identifier in line.applied_to],
        )
        for line in fetched.value.payments
    ]
    return send(request, Answer[list[PaidOut]](data=shown, freshness=FreshnessOut.of(fetched.freshness)))


def _in_currency(figures: KPIData, caller: Caller) -> dict[str, object]:
    return figures.model_dump() | {"currency": figures.currency or caller.home_currency}


def _report_out(report: AgingReport, caller: Caller) -> AgeingOut:
    rows = [
        AgeingRowOut(
            external_id=line.external_id, name=line.name, amounts=list(line.amounts), unapplied=None, total=line.total
        )
        for line in report.lines
    ]
    return AgeingOut(
        side=report.kind,
        as_of=report.as_of,
        currency=report.currency or caller.home_currency,
        buckets=list(report.columns),
        rows=rows,
        amounts=list(report.amounts),
        unapplied=None,
        total=report.total,
    )


def _aged_out(aged: Ageing, side: AgingKind, caller: Caller) -> AgeingOut:
    rows = [
        AgeingRowOut(
            external_id=row.party_id,
            name=row.party_name,
            amounts=list(row.buckets),
            unapplied=row.unapplied,
            total=row.total,
        )
        for row in aged.rows
    ]
    return AgeingOut(
        side=side,
        as_of=aged.as_of,
        currency=caller.home_currency,
        buckets=[bucket.label for bucket in Bucket],
        rows=rows,
        amounts=[total.amount.value for total in aged.buckets],
        unapplied=aged.unapplied.value,
        total=aged.total.value,
    )
