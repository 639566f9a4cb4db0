from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from domains.ap.paying import WantedBill, WantedCredit
from infra import exact_json
from runway.orchestrators.paying_batches import BatchWish, Item
from runway.orchestrators.paying_bills import Wish
from runway.routes.access import Caller, ExecutesPayments
from runway.routes.action_answers import accepted, answer_soon, asking_on, moves_money, payer_of, show
from runway.routes.action_out import ACTION_EXAMPLE, ActionAnswer, ActionOut
from runway.routes.asked import Strict, Undoable
from runway.routes.documentation import documented
from runway.routes.errors import kind_of
from runway.routes.idempotency import IdempotencyKey
from runway.routes.problems import TYPE_PREFIX
from runway.routes.seen import SeenFiguresId

router = APIRouter(prefix="/api/v1", tags=["payments"])

MOST_ITEMS = 300
_MOST_CREDITS = 50
Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]
AccountId = Annotated[
    str,
    Field(min_length=1, max_length=100, description="The bank account or card that pays: its id, ours or QuickBooks'."),
]
Day = date  # a field is called date
PaidOn = Annotated[date | None, Field(description="The payment's date; unless given, the company's today.")]


class AppliedCredit(Strict):
    vendor_credit_id: UUID
    amount: Money = Field(examples=["25.00"])


class WantedPayment(Undoable):
    amount: Money | None = Field(
        default=None, description="What comes off the bill, credits included; unless given, all that is open."
    )
    account_id: AccountId
    date: PaidOn = None
    credits: list[AppliedCredit] = Field(
        default_factory=list, max_length=_MOST_CREDITS, description="Credits of the same vendor that pay a part."
    )
    check_number: str | None = Field(
        default=None, min_length=1, max_length=21, pattern=r"^[^\s].*$", description="A real cheque's; else our mark."
    )
    execute: bool = Field(default=True, description="False: it is held until somebody executes it.")
    on: Day | None = Field(default=None, description="A day to come: QuickBooks is told then, and it is dated so.")
    confirm_similar: bool = Field(
        default=False, description="Yes, it is another payment of the same amount to the same vendor. It is logged."
    )
    seen_figures_id: SeenFiguresId = None

    def wish(self, bill_id: UUID) -> Wish:
        return Wish(
            bills=[WantedBill(bill_id, self.amount)],
            account_id=self.account_id,
            paid_on=self.date,
            credits=[WantedCredit(one.vendor_credit_id, one.amount) for one in self.credits],
            check_number=self.check_number,
            is_similar_confirmed=self.confirm_similar,
            is_held=not self.execute,
            on=self.on,
        )


class BatchedBill(Strict):
    bill_id: UUID
    amount: Money | None = Field(default=None, description="Unless given, all that is open.")


class WantedBatch(Undoable):
    """Either payments that wait, or bills to pay."""

    payment_ids: list[UUID] = Field(
        default_factory=list, max_length=MOST_ITEMS, description="Payments that are held or scheduled: execute them."
    )
    bills: list[BatchedBill] = Field(
        default_factory=list, max_length=MOST_ITEMS, description="Pay these, each with a payment of its own."
    )
    account_id: AccountId | None = None
    date: PaidOn = None
    combine_by_vendor: bool = Field(default=False, description="One payment for all bills of a vendor.")
    confirm_similar: bool = False
    seen_figures_id: SeenFiguresId = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.payment_ids) == bool(self.bills):
            raise ValueError("give either payment_ids or bills")
        if self.bills and self.account_id is None:
            raise ValueError("account_id: say which account pays the bills")
        if self.payment_ids and self.seen_figures_id is not None:
            raise ValueError("seen_figures_id: it goes with bills; payments that wait have theirs")
        return self


class RefusalOut(BaseModel):
    """As a problem would tell it."""

    type: str = Field(examples=[f"{TYPE_PREFIX}conflict"])
    status: int
    code: str | None = Field(examples=["already_paid"])
    detail: str


class BatchItemOut(BaseModel):
    bill_ids: list[UUID] = Field(description="The bills of this payment; empty where `payment_ids` were given.")
    payment_id: UUID | None = Field(description="Null where it was refused before there was one.")
    payment: ActionOut | None
    refusal: RefusalOut | None = Field(description="Why it was not taken; null where it was.")


class BatchOut(BaseModel):
    accepted: int
    refused: int
    items: list[BatchItemOut] = Field(description="One a payment, in no order to rely on.")


class BatchAnswer(BaseModel):
    data: BatchOut


_ITEM_EXAMPLE: dict[str, Any] = {
    "bill_ids": ["0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"],
    "payment_id": ACTION_EXAMPLE["id"],
    "payment": ACTION_EXAMPLE,
    "refusal": None,
}
_REFUSED_EXAMPLE: dict[str, Any] = {
    "bill_ids": ["0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c13"],
    "payment_id": None,
    "payment": None,
    "refusal": {
        "type": f"{TYPE_PREFIX}conflict",
        "status": 409,
        "code": "already_paid",
        "detail": "Bill 2231 of Harbor Supply is paid already: nothing is open on it.",
    },
}


@router.post(
    "/bills/{bill_id}/pay",
    summary="Pay a bill",
    response_model=ActionAnswer,
    responses=documented({"data": ACTION_EXAMPLE}) | accepted(),
)
async def pay_bill(
    request: Request, caller: ExecutesPayments, bill_id: UUID, key: IdempotencyKey, wanted: WantedPayment
) -> Response:
    """Records a payment in QuickBooks; no money moves by itself. The bill must be approved, where the policy asks for that.

    200 with the outcome if it is known within a tenth of a second, else 202: look at `Location`, or listen to its `events`.
    """
    await moves_money(request, caller)
    asking = await asking_on(request, caller, key, body=wanted, seen_figures_id=wanted.seen_figures_id)
    intent = await caller.services.paying_bills.pay(wanted.wish(bill_id), payer=payer_of(caller), asking=asking)
    return await answer_soon(request, caller, intent)


@router.post(
    "/payments/batch-execute",
    status_code=HTTPStatus.ACCEPTED,
    summary="Pay many bills, or execute many payments",
    response_model=BatchAnswer,
    responses=documented(
        {"data": {"accepted": 1, "refused": 1, "items": [_ITEM_EXAMPLE, _REFUSED_EXAMPLE]}},
        status=HTTPStatus.ACCEPTED,
    ),
)
async def batch_execute(
    request: Request, caller: ExecutesPayments, key: IdempotencyKey, wanted: WantedBatch
) -> Response:
    """Each payment is taken or refused for itself, and told of. The same key again tells of the same payments."""
    await moves_money(request, caller)
    batches, payer = caller.services.paying_batches, payer_of(caller)
    if wanted.account_id is None:
        items = await batches.execute(wanted.payment_ids, payer=payer, request_id=caller.origin.request_id)
    else:
        wish = BatchWish(
            bills=[WantedBill(bill.bill_id, bill.amount) for bill in wanted.bills],
            account_id=wanted.account_id,
            paid_on=wanted.date,
            combine_by_vendor=wanted.combine_by_vendor,
            is_similar_confirmed=wanted.confirm_similar,
        )
        items = await batches.pay(
            wish,
            payer=payer,
            asking=await asking_on(request, caller, key, body=wanted, seen_figures_id=wanted.seen_figures_id),
        )
    body = BatchAnswer(data=_told(caller, items))
    return Response(exact_json.dumps(body.model_dump()), HTTPStatus.ACCEPTED, media_type="application/json")


def _told(caller: Caller, items: list[Item]) -> BatchOut:
    told = [
        BatchItemOut(
            bill_ids=list(item.bills),
            payment_id=item.intent.id if item.intent is not None else item.payment_id,
            payment=show(caller, item.intent) if item.intent is not None else None,
            refusal=None if item.refusal is None else _refusal(item.refusal),
        )
        for item in items
    ]
    accepted = sum(item.payment is not None for item in told)
    return BatchOut(accepted=accepted, refused=len(told) - accepted, items=told)


def _refusal(error: Exception) -> RefusalOut:
    kind = kind_of(error)
    return RefusalOut(
        type=TYPE_PREFIX + kind.name, status=kind.status.value, code=getattr(error, "code", None), detail=str(error)
    )
