"""The list of businesses over a sample company: what it shows from what is kept is what the plain computation says."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domains.core.models import Business
from infra import exact_json
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.cards import due_soon
from runway.orchestrators.kept_forecast import read, summary_of, written
from runway.orchestrators.portfolio import Portfolio, PortfolioFilter, PortfolioRow, RowState
from runway.orchestrators.tray import TrayBook
from runway.routes.portfolio import PortfolioAnswer
from tests.e2e.rest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def the_business(shop: Shop) -> Business:
    services = shop.web.services
    async with services.uow([UUID(shop.visitor.business_id)]) as uow:
        return await services.businesses.get_business(uow.session, UUID(shop.visitor.business_id))


async def the_row(shop: Shop) -> PortfolioRow:
    await shop.web.services.forecasts.settled()  # a forecast is kept after it is told
    found: Portfolio = await shop.web.services.portfolio.get([await the_business(shop)])
    (row,) = found.rows
    return row


async def put(shop: Shop, path: str, body: Mapping[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {shop.visitor.token}"}
    return (await shop.web.http.put(f"/api/v1{path}", json=body, headers=headers)).status_code


async def test_what_is_not_kept_is_asked_for_and_then_equals_the_plain_computation(electrician: Shop) -> None:
    first = await the_row(electrician)
    assert (first.state, first.summary, first.waiting) == (RowState.MISSING, None, None)
    assert first.cash.reason == "it is being worked out"
    assert await electrician.web.run_jobs(electrician.visitor.business_id) >= 1

    row, services = await the_row(electrician), electrician.web.services
    business = await the_business(electrician)
    services.forecasts.forget(business.id)
    worked = (await services.of(business).outlook.get_with_capital(freshness=AS_IT_STANDS)).value
    forecast = worked.forecast
    assert row.state is RowState.CURRENT
    assert row.summary == summary_of(worked) == read(exact_json.dumps(written(summary_of(worked))).decode())
    assert row.days == forecast.standing.runway.days
    assert (row.cash, row.floor) == (forecast.report.cash.cash, forecast.report.floor)
    assert (row.due, row.must_pays) == (due_soon(forecast).total, due_soon(forecast).must_pays)
    assert row.overdue_receivable == forecast.receivables.overdue
    assert row.spark == tuple((day.on, day.p50) for day in forecast.standing.band.days[::7])
    assert row.spark[-1][0] == row.today + timedelta(days=91)
    await what_waits_is_what_the_tray_says(electrician)


async def what_waits_is_what_the_tray_says(electrician: Shop) -> None:
    """Whatever people do with items meanwhile, without another count."""
    services, business = electrician.web.services, await the_business(electrician)
    forecast = (await services.of(business).outlook.get(freshness=AS_IT_STANDS)).value
    book = TrayBook(business, forecast.basis.as_of, forecast)
    headers = {"Authorization": f"Bearer {electrician.visitor.token}"}

    async def is_right() -> tuple[int, int]:
        entries = await services.tray_counter.tray.list_entries([book])
        left = [one for one in entries if not one.is_set_aside]
        on_client = sum(bool(one.mark and one.mark.question) for one in left)
        row = await the_row(electrician)
        assert row.waiting is not None
        assert not row.waiting_is_older
        assert (row.waiting.on_us, row.waiting.on_client) == (len(left) - on_client, on_client)
        return len(left) - on_client, on_client

    before, none = await is_right()
    assert before > 3
    assert none == 0
    first, second, third = [one.row.item.key for one in await services.tray_counter.tray.list_entries([book])][:3]
    asked = {"question": "Is this right?"}
    for path, body in ((f"{first}/ask", asked), (f"{second}/dismiss", {}), (f"{third}/ask", asked)):
        answer = await electrician.web.http.post(f"/api/v1/tray/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    assert await is_right() == (before - 3, 2)
    assert (await electrician.visitor.get("/portfolio", only="waiting_on_client"))["counts"]["waiting_on_client"] == 1


async def test_a_decision_makes_what_is_kept_older_until_it_is_kept_again(electrician: Shop) -> None:
    await electrician.visitor.get("/dashboard")
    kept = await the_row(electrician)
    assert await put(electrician, "/runway/settings", {"floor_amount": "12345.00"}) == 200
    older = await the_row(electrician)
    assert (older.state, older.floor) == (RowState.OLDER, kept.floor)
    assert older.why
    assert await electrician.web.run_jobs(electrician.visitor.business_id) >= 1
    again = await the_row(electrician)
    assert (again.state, again.floor.value) == (RowState.CURRENT, Decimal("12345.00"))
    assert not again.waiting_is_older
    bill = (await electrician.visitor.every("/bills", limit=200))[-1]
    assert await put(electrician, f"/bills/{bill['id']}/must-pay", {"reason": "Rent"}) == 200
    assert (await the_row(electrician)).state is RowState.OLDER
    assert await electrician.web.run_jobs(electrician.visitor.business_id) >= 1
    assert (await the_row(electrician)).state is RowState.CURRENT  # told alike, of one business and of many


async def test_rest_and_csv_have_the_same_rows(electrician: Shop) -> None:
    await electrician.visitor.get("/dashboard")
    row, body = await the_row(electrician), await electrician.visitor.get("/portfolio")
    (shown,) = body["data"]
    assert Decimal(shown["cash"]["value"]) == row.cash.value
    assert shown["ritual"] == "not_started"
    assert body["totals"]["cash"]["n"] == 1
    table = (await electrician.visitor.ask("/portfolio", format="csv")).text.splitlines()
    assert len(table) == 2
    assert table[0].startswith('"business_id","business"')
    for wanted in PortfolioFilter:
        only = await electrician.visitor.get("/portfolio", only=wanted.value)
        assert len(only["data"]) == only["counts"][wanted.value] == int(row.is_in(wanted))


async def test_nobody_but_a_member_can_be_given_a_business(electrician: Shop) -> None:
    assert await put(electrician, "/portfolio/assignee", {"user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"}) == 400
    assert await put(electrician, "/portfolio/assignee", {"user_id": None}) == 204
    assert (await the_row(electrician)).assignee is None


async def test_the_answer_is_what_its_model_says_though_it_is_not_made_by_it(electrician: Shop) -> None:
    await electrician.visitor.get("/dashboard")
    answer = await electrician.visitor.ask("/portfolio")
    assert PortfolioAnswer.model_validate_json(answer.content).model_dump(mode="json") == answer.json()
