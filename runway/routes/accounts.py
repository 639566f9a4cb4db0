from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.cash.models import Account, AccountClass, AccountType
from runway.routes.access import ReadsBooks
from runway.routes.answers import Amount, PageAnswer, fields_of, page_answer, send
from runway.routes.asked import AskedPage
from runway.routes.documentation import books_example, read_of_books
from runway.routes.read_route import ReadRoute

router = APIRouter(prefix="/api/v1", tags=["accounts"], route_class=ReadRoute)


class AskedAccounts(AskedPage):
    type: AccountType | None = Field(default=None, description="One place in the chart, such as `Bank`.")
    search: str | None = Field(
        default=None, min_length=1, max_length=200, description="Any part of the name, ignoring case."
    )


class AccountOut(BaseModel):
    id: UUID = Field(description="Ours.")
    rail: str
    external_id: str = Field(description="The rail's id.")
    name: str
    fully_qualified_name: str | None = Field(description="With the accounts above it.")
    account_type: AccountType
    account_subtype: str | None = Field(description="The ledger's own word.", examples=["Checking"])
    classification: AccountClass | None
    parent_external_id: str | None
    current_balance: Amount | None = Field(
        description="The books', without sub-accounts; a debt is negative. Null for income and expense."
    )
    currency: str
    is_active: bool
    version: int


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "rail": "qbo",
    "external_id": "35",
    "name": "Checking",
    "fully_qualified_name": "Checking",
    "account_type": "Bank",
    "account_subtype": "Checking",
    "classification": "asset",
    "parent_external_id": None,
    "current_balance": "1201.00",
    "currency": "USD",
    "is_active": True,
    "version": 4,
}


@router.get(
    "/accounts",
    summary="List accounts",
    response_model=PageAnswer[AccountOut],
    responses=read_of_books(books_example([_EXAMPLE], is_page=True)),
)
async def list_accounts(request: Request, caller: ReadsBooks, asked: Annotated[AskedAccounts, Query()]) -> Response:
    """The chart of accounts, by name."""
    fetched = await caller.services.cash.list_accounts(
        account_type=asked.type,
        search=asked.search,
        after=asked.cursor,
        limit=asked.limit,
        freshness=asked.need(),
    )

    def show(account: Account) -> AccountOut:
        return AccountOut(**fields_of(AccountOut, account, currency=account.currency or caller.home_currency))

    return send(request, page_answer(fetched, show))
