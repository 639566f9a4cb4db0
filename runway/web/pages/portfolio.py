"""All clients of a person, the worst first."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.permissions import Permission
from runway.orchestrators.portfolio import PortfolioFilter
from runway.routes.access import AllServices
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render, wants_part
from runway.web.views.portfolio import Sort, portfolio_view
from runway.web.visits import SignedInPerson

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class AskedPortfolio(BaseModel):
    only: list[PortfolioFilter] = Field(default_factory=list)
    sort: Sort = Sort.RUNWAY
    down: bool = False
    all: bool = False
    looks: int = Field(default=0, ge=0)


@router.get("/")
async def show_portfolio(
    request: Request, services: AllServices, visit: SignedInPerson, asked: Annotated[AskedPortfolio, Query()]
) -> Response:
    """Who has one client is taken to it."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, visit.person)
        must_set_up = await services.access.must_set_up_second_factor(uow.session, visit.person)
    businesses = [entry.business for entry in entries if Permission.BOOKS_READ in entry.permissions]
    if len(businesses) == 1 and not asked.all:
        return go_to(f"/c/{businesses[0].id}")
    found = await services.portfolio.get(businesses, filters=asked.only)
    shown = portfolio_view(
        found,
        only=asked.only,
        sort=asked.sort,
        is_descending=asked.down,
        now=services.clock.now(),
        may={entry.business.id: entry.permissions for entry in entries},
        looks=asked.looks,
    )
    return render(
        request,
        "portfolio/_list.html" if wants_part(request) else "portfolio/page.html",
        person=visit.person,
        csrf=visit.csrf,
        shown=shown,
        must_set_up=must_set_up,
    )
