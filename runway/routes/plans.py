from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.ap.discount_terms import DiscountTerms, list_terms
from domains.core.decision_errors import TermsNotConfirmed
from infra.errors import InvalidInput
from runway.calculators.discounts import parse_terms
from runway.orchestrators.pay_plans import PayPlans, PlannedPayment, SafePlan
from runway.routes.access import ManagesSettings, ReadsBooks
from runway.routes.answers import Amount, Answer, FreshnessOut, Rate, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, documented, documented_without_answer, read_of_books
from runway.routes.preview_out import figure_example
from runway.routes.read_route import ReadRoute
from runway.routes.runway_answer import FigureOut

router = APIRouter(prefix="/api/v1/plans", tags=["decide"], route_class=ReadRoute)


TermsId = Annotated[
    str, Path(min_length=1, max_length=100, pattern=r"^[\w.:-]+$", description="QuickBooks' id of the terms.")
]


class AskedPlan(AskedFreshness, AskedFormat):
    pass


class PlannedPaymentOut(BaseModel):
    bill_id: UUID | None = Field(description="Null: it was paid or deleted since.")
    external_id: str
    vendor: str
    doc_number: str | None
    due_on: date = Field(description="Its due date; without one, the day it ages from.")
    pay_on: date | None = Field(description="The proposed day; null: no day of the 13 weeks has room for it.")
    amount: Amount = Field(description="What is paid, in home currency: after vendor credits, less the discount.")
    days_late: int
    is_must_pay: bool
    is_fixed: bool = Field(description="Scheduled already: the plan leaves it where it is.")
    takes_discount: bool
    saving: Amount
    breaks_floor: bool = Field(description="Must be paid or is scheduled, and takes the cautious path below the floor.")

    @classmethod
    def of(cls, one: PlannedPayment) -> "PlannedPaymentOut":
        return cls(
            bill_id=one.bill.id if one.bill else None,
            external_id=one.row.external_id,
            vendor=one.document.party_name,
            doc_number=one.bill.doc_number if one.bill else None,
            due_on=one.document.ages_from,
            pay_on=one.row.pay_on,
            amount=one.row.amount,
            days_late=one.row.days_late,
            is_must_pay=one.is_must_pay,
            is_fixed=one.is_fixed,
            takes_discount=one.row.takes_discount,
            saving=one.saving,
            breaks_floor=one.row.breaks_floor,
        )


class PayPlanOut(BaseModel):
    payments: list[PlannedPaymentOut] = Field(
        description="In the order in which they were given room: must-pays and scheduled ones, discounts, then by due date."
    )
    floor: FigureOut
    kept: FigureOut = Field(
        description="What the plan keeps the cautious path above: the floor; zero, where it is below the floor even if no bill is paid."
    )
    lowest: FigureOut = Field(description="The lowest close of the cautious path (P10) with the whole plan in it.")
    total: FigureOut = Field(description="What has a day.")
    unmet: FigureOut = Field(description="What has none: no promise should be made for it.")


class DiscountOut(BaseModel):
    terms_external_id: str = Field(description="QuickBooks' id of the terms.")
    name: str = Field(examples=["2/10 net 30"])
    percent: Rate
    discount_days: int
    net_days: int
    yearly_percent: Rate = Field(description="What waiting costs, as simple interest a year.")


class DiscountsAnswer(BaseModel):
    data: list[DiscountOut]


class DiscountAnswer(BaseModel):
    data: DiscountOut


class WantedDiscount(Strict):
    name: str = Field(
        min_length=1, max_length=100, description="The terms as they are called.", examples=["2/10 net 30"]
    )


class TermsUnreadable(InvalidInput):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} names no discount that makes sense. Write it as 2/10 net 30 or 2% 10, net 30.")


_ROW: dict[str, Any] = {
    "bill_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "external_id": "145",
    "vendor": "Harbor Supply",
    "doc_number": "2231",
    "due_on": "2026-03-22",
    "pay_on": "2026-03-30",
    "amount": "120.50",
    "days_late": 8,
    "is_must_pay": False,
    "is_fixed": False,
    "takes_discount": False,
    "saving": "0.00",
    "breaks_floor": False,
}
_PLAN = {
    "payments": [_ROW],
    "floor": figure_example("8200.00"),
    "kept": figure_example("8200.00"),
    "lowest": figure_example("8310.20"),
    "total": figure_example("120.50"),
    "unmet": figure_example("0.00"),
}
_DISCOUNT = {
    "terms_external_id": "5",
    "name": "2/10 net 30",
    "percent": "2",
    "discount_days": 10,
    "net_days": 30,
    "yearly_percent": "37.24",
}
_COLUMNS = list(PlannedPaymentOut.model_fields)


@router.get(
    "/pay",
    summary="A safe plan for the open bills",
    response_model=Answer[PayPlanOut],
    responses=in_csv_too(read_of_books(books_example(_PLAN)), _COLUMNS),
)
async def get_pay_plan(request: Request, caller: ReadsBooks, asked: Annotated[AskedPlan, Query()]) -> Response:
    """Days for what is open that keep the cautious path at or above the floor: must-pays on their day, discounts where they fit, the
    rest as near to its due date as there is room. It proposes; nothing is scheduled.
    """
    plans = PayPlans(caller.services.bills, caller.services.outlook, caller.process.uow)
    fetched = await plans.get(freshness=asked.need())
    plan = _plan_out(fetched.value)
    if wants_csv(request, asked.format):
        rows = [one.model_dump() for one in plan.payments]
        return send_csv(_COLUMNS, rows, name="pay-plan", freshness=fetched.freshness)
    return send(request, Answer[PayPlanOut](data=plan, freshness=FreshnessOut.of(fetched.freshness)))


@router.get("/discounts", summary="Confirmed discounts", responses=documented({"data": [_DISCOUNT]}))
async def list_discounts(caller: ReadsBooks) -> DiscountsAnswer:
    """What the terms of bills mean, where somebody has confirmed it. QuickBooks itself does not tell of discounts."""
    async with caller.process.uow([caller.business.id]) as uow:
        known = (await list_terms(uow.session, [caller.business.id])).get(caller.business.id, {})
    return DiscountsAnswer(data=[_discount_out(known[key].name, key) for key in sorted(known)])


@router.put("/discounts/{terms_external_id}", summary="Confirm a discount", responses=documented({"data": _DISCOUNT}))
async def confirm_discount(
    caller: ManagesSettings, terms_external_id: TermsId, wanted: WantedDiscount
) -> DiscountAnswer:
    """Bills with these terms may be paid less, when they are paid early: it is read from the name, and counts once it is confirmed."""
    terms = parse_terms(wanted.name)
    if terms is None:
        raise TermsUnreadable(wanted.name)
    async with caller.process.uow([caller.business.id]) as uow:
        await DiscountTerms(caller.business.id).confirm(
            uow.session,
            terms_external_id,
            name=wanted.name,
            percent=terms.percent,
            discount_days=terms.discount_days,
            net_days=terms.net_days,
            actor=caller.origin.actor,
            now=caller.clock.now(),
        )
    return DiscountAnswer(data=_discount_out(wanted.name, terms_external_id))


@router.delete(
    "/discounts/{terms_external_id}",
    status_code=204,
    summary="Forget a discount",
    responses=documented_without_answer("It counts no more."),
)
async def forget_discount(caller: ManagesSettings, terms_external_id: TermsId) -> Response:
    """Bills with these terms are paid in full."""
    async with caller.process.uow([caller.business.id]) as uow:
        if not await DiscountTerms(caller.business.id).forget(uow.session, terms_external_id):
            raise TermsNotConfirmed
    return Response(status_code=204)


def _plan_out(plan: SafePlan) -> PayPlanOut:
    return PayPlanOut(
        payments=[PlannedPaymentOut.of(one) for one in plan.rows],
        floor=FigureOut.model_validate(plan.floor),
        kept=FigureOut.model_validate(plan.kept),
        lowest=FigureOut.model_validate(plan.lowest_p10),
        total=FigureOut.model_validate(plan.total),
        unmet=FigureOut.model_validate(plan.unmet),
    )


def _discount_out(name: str, terms_external_id: str) -> DiscountOut:
    terms = parse_terms(name)
    assert terms is not None, name  # noqa: S101  # nothing else is kept
    return DiscountOut(
        terms_external_id=terms_external_id,
        name=name,
        percent=terms.percent,
        discount_days=terms.discount_days,
        net_days=terms.net_days,
        yearly_percent=terms.yearly_percent,
    )
