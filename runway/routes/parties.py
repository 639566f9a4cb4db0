"""Vendors and customers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.ap.models import Vendor
from domains.ar.models import Customer
from runway.routes.access import Caller, ReadsBooks
from runway.routes.answers import Amount, PageAnswer, fields_of, page_answer, send
from runway.routes.asked import AskedPage
from runway.routes.documentation import books_example, read_of_books
from runway.routes.read_route import ReadRoute

router = APIRouter(prefix="/api/v1", tags=["vendors and customers"], route_class=ReadRoute)


class AskedParties(AskedPage):
    search: str | None = Field(
        default=None, min_length=1, max_length=200, description="Any part of the name, ignoring case."
    )
    active: bool | None = Field(default=None, description="Unless given, both.")


class PartyOut(BaseModel):
    id: UUID = Field(description="Ours.")
    rail: str
    external_id: str = Field(description="The rail's id.")
    display_name: str
    company_name: str | None
    balance: Amount | None = Field(description="The ledger's own sum of what is open; null where it does not tell.")
    currency: str
    is_active: bool
    email: str | None
    phone: str | None
    terms_external_id: str | None
    version: int


class VendorOut(PartyOut):
    pass


class CustomerOut(PartyOut):
    parent_external_id: str | None = Field(description="Set for a sub-customer or job.")
    balance_with_jobs: Amount | None = Field(description="With the sub-customers'.")


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "rail": "qbo",
    "external_id": "31",
    "display_name": "Harbor Supply",
    "company_name": "Harbor Supply LLC",
    "balance": "120.50",
    "currency": "USD",
    "is_active": True,
    "email": "books@example.com",
    "phone": "(555) 010-0199",
    "terms_external_id": "3",
    "version": 1,
}
_CUSTOMER_EXAMPLE = {**_EXAMPLE, "parent_external_id": None, "balance_with_jobs": "120.50"}


@router.get(
    "/vendors",
    summary="List vendors",
    response_model=PageAnswer[VendorOut],
    responses=read_of_books(books_example([_EXAMPLE], is_page=True)),
)
async def list_vendors(request: Request, caller: ReadsBooks, asked: Annotated[AskedParties, Query()]) -> Response:
    """Whom we owe, by name."""
    fetched = await caller.services.vendors.list_page(
        search=asked.search, is_active=asked.active, after=asked.cursor, limit=asked.limit, freshness=asked.need()
    )
    return send(request, page_answer(fetched, lambda vendor: _show(VendorOut, vendor, caller)))


@router.get(
    "/customers",
    summary="List customers",
    response_model=PageAnswer[CustomerOut],
    responses=read_of_books(books_example([_CUSTOMER_EXAMPLE], is_page=True)),
)
async def list_customers(request: Request, caller: ReadsBooks, asked: Annotated[AskedParties, Query()]) -> Response:
    """Who owes us, by name."""
    fetched = await caller.services.customers.list_page(
        search=asked.search, is_active=asked.active, after=asked.cursor, limit=asked.limit, freshness=asked.need()
    )
    return send(request, page_answer(fetched, lambda customer: _show(CustomerOut, customer, caller)))


def _show(model: type[PartyOut], row: Vendor | Customer, caller: Caller) -> PartyOut:
    return model(**fields_of(model, row, currency=row.currency or caller.home_currency))
