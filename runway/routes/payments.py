from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.ap.models import BillPayment, PayType
from infra.errors import InvalidInput
from runway.routes.access import ReadsBooks
from runway.routes.answers import Amount, PageAnswer, Rate, fields_of, page_answer, send
from runway.routes.asked import AskedPage
from runway.routes.documentation import books_example, read_of_books
from runway.routes.read_route import ReadRoute

router = APIRouter(prefix="/api/v1", tags=["payments"], route_class=ReadRoute)

_USUAL_DAYS = 90


class DaysReversed(InvalidInput):
    def __init__(self) -> None:
        super().__init__("since should not be later than until.")


class AskedPayments(AskedPage):
    since: date | None = Field(default=None, description=f"First day; unless given, {_USUAL_DAYS} days before `until`.")
    until: date | None = Field(default=None, description="Last day; unless given, the company's today.")

    def days(self, today: date) -> tuple[date, date]:
        """First and last day, both inside.

        Raises:
            DaysReversed: the first is later than the last.
        """
        until = self.until or today
        since = self.since or until - timedelta(days=min(_USUAL_DAYS, (until - date.min).days))
        if since > until:
            raise DaysReversed
        return since, until


class PaymentOut(BaseModel):
    id: UUID = Field(description="Ours.")
    rail: str
    external_id: str = Field(description="The rail's id.")
    doc_number: str | None
    paid_on: date
    vendor_external_id: str
    vendor_name: str | None
    total: Amount = Field(description="Net of the credits it applies: the cash that left.")
    currency: str
    exchange_rate: Rate | None = Field(description="Home currency for one unit; null in home currency.")
    pay_type: PayType
    account_external_id: str | None = Field(description="The bank account or card that paid.")
    memo: str | None
    version: int


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "rail": "qbo",
    "external_id": "160",
    "doc_number": "1042",
    "paid_on": "2026-03-12",
    "vendor_external_id": "31",
    "vendor_name": "Harbor Supply",
    "total": "120.50",
    "currency": "USD",
    "exchange_rate": None,
    "pay_type": "check",
    "account_external_id": "35",
    "memo": None,
    "version": 1,
}


@router.get(
    "/payments",
    summary="List payments of bills",
    response_model=PageAnswer[PaymentOut],
    responses=read_of_books(books_example([_EXAMPLE], is_page=True)),
)
async def list_payments(request: Request, caller: ReadsBooks, asked: Annotated[AskedPayments, Query()]) -> Response:
    """What was paid on bills, as the ledger recorded it, newest first."""
    since, until = asked.days(caller.today)
    fetched = await caller.services.payments.list_payments_page(
        since, until, after=asked.cursor, limit=asked.limit, freshness=asked.need()
    )

    def show(payment: BillPayment) -> PaymentOut:
        return PaymentOut(**fields_of(PaymentOut, payment, currency=payment.currency or caller.home_currency))

    return send(request, page_answer(fetched, show))
