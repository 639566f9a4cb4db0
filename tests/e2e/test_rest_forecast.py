"""The forecast over HTTP: one of a sample company that every page reads, and what people decide about it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest

from infra.clock import SystemClock
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.forecast import forecast
from runway.calculators.payers import payer_book
from runway.calculators.vendor_habit import usual_days_late
from runway.jobs import begin_days, keep_forecast
from runway.orchestrators.forecast_books import ForecastReader
from runway.orchestrators.kept_forecast import content_of, worked_out_of
from runway.orchestrators.outlook import Outlook
from tests.e2e.rest import Shop, Web, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def outlook_of(shop: Shop) -> Outlook:
    services, business_id = shop.web.services, UUID(shop.visitor.business_id)
    async with services.uow([business_id]) as uow:
        business = await services.businesses.get_business(uow.session, business_id)
    return services.of(business).outlook


async def data_of(shop: Shop, path: str, **params: Any) -> dict[str, Any]:
    data: dict[str, Any] = (await shop.visitor.get(path, **params))["data"]
    return data


async def tell(shop: Shop, method: str, path: str, json: Any = None, *, key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {shop.visitor.token}", **({"Idempotency-Key": key} if key else {})}
    return await shop.web.http.request(method, f"/api/v1{path}", json=json, headers=headers)


async def test_the_path_is_opening_plus_flows(electrician: Shop) -> None:
    forecast = await data_of(electrician, "/forecast")
    closing = Decimal(forecast["cash"]["value"])
    for week in forecast["weeks"]:
        assert Decimal(week["opening"]) == closing
        closing += sum(map(Decimal, week["rows"].values()))
        assert Decimal(week["closing"]) == closing
        assert Decimal(week["p10"]) <= Decimal(week["p50"]) <= Decimal(week["p90"])
    assert len(forecast["weeks"]) == 13
    assert len(forecast["days"]) == 92
    assert Decimal(forecast["days"][-1]["closing"]) == closing
    assert forecast["receipts_in_all"] >= len(forecast["receipts"]) > 0
    assert forecast["assumptions"]


async def test_every_page_shows_the_same_number(electrician: Shop) -> None:
    forecast, runway = await data_of(electrician, "/forecast"), await data_of(electrician, "/runway")
    dashboard = await data_of(electrician, "/dashboard")
    assert forecast["headline"] == runway["forecast"] == dashboard["runway"]
    assert forecast["cross_check"] == runway["runway"]
    assert runway["cash"]["operating"] == dashboard["cash"]["operating"] == forecast["cash"]
    assert runway["floor"]["n_of"] == "payrolls"
    otherwise = await data_of(electrician, "/runway", floor="1", window=30)
    assert (otherwise["floor"]["value"], otherwise["burn"]["days"]) == ("1.00", 30)
    assert otherwise["forecast"] == forecast["headline"]


async def test_what_is_due_and_overdue_is_what_the_ageing_says(electrician: Shop) -> None:
    operational, dashboard = (
        await data_of(electrician, "/operational", limit=1000),
        await data_of(electrician, "/dashboard"),
    )
    for side in ("payables", "receivables"):
        ageing = await data_of(electrician, "/ageing", side=side)
        shown = operational[side]
        assert shown["total"]["value"] == ageing["total"]
        assert shown["unapplied"]["value"] == ageing["unapplied"]
        assert Decimal(shown["overdue"]["value"]) == sum(map(Decimal, ageing["amounts"][1:]))
        overdue = [item for item in shown["items"] if item["days_overdue"] > 0]
        assert sum(Decimal(item["amount"]) for item in overdue) == Decimal(shown["overdue"]["value"])
        assert [Decimal(one["due"]["value"]) for one in shown["due"]] == sorted(
            Decimal(one["due"]["value"]) for one in shown["due"]
        )
    assert dashboard["overdue"]["overdue"] == operational["receivables"]["overdue"]
    assert Decimal(dashboard["due"]["total"]["value"]) >= Decimal(dashboard["due"]["must_pays"]["value"]) > 0
    assert dashboard["matters"]


async def test_key_figures_have_the_ratios(electrician: Shop) -> None:
    ratios = (await data_of(electrician, "/kpis"))["working_capital"]
    assert all(one["value"] is not None for one in ratios.values())
    simple, best = Decimal(ratios["dso_simple"]["value"]), Decimal(ratios["best_possible"]["value"])
    assert Decimal(ratios["delinquent"]["value"]) == simple - best
    assert 0 < Decimal(ratios["cei"]["value"]) <= 100


async def test_what_settled_adds_up_to_what_was_paid(electrician: Shop) -> None:
    """The ledger's own payments, less what they left unapplied, are what the forecast reads as money that settled documents."""
    reader = (await outlook_of(electrician)).reader
    day = electrician.company.today()
    collected = await reader.invoices.list_settlements(day.min, day, freshness=AS_IT_STANDS)
    receipts = electrician.bodies("Payment")
    paid = sum(
        (Decimal(str(one["TotalAmt"])) - Decimal(str(one.get("UnappliedAmt", 0))) for one in receipts), Decimal(0)
    )
    assert sum(one.money for one in collected.value) == paid > 0
    applied = sum(one.applied for one in collected.value)
    left = {
        body["Id"]: Decimal(str(body["TotalAmt"])) - Decimal(str(body["Balance"]))
        for body in electrician.bodies("Invoice")
    }
    assert applied == sum(left.values())
    spent = await reader.payments.list_settlements(day.min, day, freshness=AS_IT_STANDS)
    for side, whole in ((reader.invoices, collected.value), (reader.payments, spent.value)):
        party = whole[0].party_id
        theirs = await side.list_settlements(day.min, day, party=party, freshness=AS_IT_STANDS)
        assert theirs.value == [one for one in whole if one.party_id == party] != whole
    by_check = [body for body in electrician.bodies("BillPayment") if body["PayType"] == "Check"]
    assert sum(one.money for one in spent.value) == sum(Decimal(str(body["TotalAmt"])) for body in by_check)


async def test_the_weeks_leave_as_csv(electrician: Shop) -> None:
    answer = await electrician.visitor.ask("/forecast", format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    header, *lines = answer.text.splitlines()
    assert header.startswith('"starts_on","ends_on","opening","invoices"')
    assert len(lines) == 13
    documents = (await electrician.visitor.ask("/operational", format="csv")).text.splitlines()
    assert len(documents) > 10


async def test_kept_is_what_is_worked_out_plainly(electrician: Shop) -> None:
    outlook, shelf = await outlook_of(electrician), electrician.web.services.forecasts
    first = (await outlook.get(freshness=AS_IT_STANDS)).value
    held = shelf.find(outlook.business.id)
    assert held is not None
    assert worked_out_of(content_of(held.worked)) == held.worked
    await shelf.settled()
    shelf.forget(outlook.business.id)  # as in another process, which has the table alone
    other = replace(outlook, reader=cast(ForecastReader, None))
    again = (await other.get(freshness=AS_IT_STANDS)).value
    assert (again.path, again.standing, again.receivables) == (first.path, first.standing, first.receivables)


async def test_what_people_decide_counts_at_once(electrician: Shop) -> None:
    before = await data_of(electrician, "/forecast")
    assert (await data_of(electrician, "/runway/settings"))["version"] == 0
    wanted = {"floor_amount": "1234.00", "counts_to_come": False}
    put = await tell(electrician, "PUT", "/runway/settings", json=wanted)
    assert (put.status_code, put.json()["data"]["version"]) == (200, 1)
    after = await data_of(electrician, "/forecast")
    assert after["floor"]["value"] == "1234.00"
    measured = await data_of(electrician, "/runway", window=30)
    assert (measured["floor"]["value"], measured["cash"]["operating"]["value"]) == ("1234.00", before["cash"]["value"])
    assert "not_yet_invoiced" in before["weeks"][-1]["rows"]
    assert "not_yet_invoiced" not in after["weeks"][-1]["rows"]
    assert (await tell(electrician, "PUT", "/runway/settings", json={})).json()["data"]["version"] == 2
    assert (await data_of(electrician, "/forecast"))["weeks"] == before["weeks"]


async def test_another_window_leaves_out_what_was_switched_off(electrician: Shop) -> None:
    """Every number of an answer is by the same decisions, whatever window the burn is asked over."""
    accounts = (await data_of(electrician, "/runway"))["cash"]["accounts"]
    off = max(accounts, key=lambda one: Decimal(one["balance"]))["external_id"]
    assert len(accounts) > 1
    await tell(electrician, "PUT", "/runway/settings", json={"uncounted_accounts": [off]})
    asked, decided = await data_of(electrician, "/runway", window=30), await data_of(electrician, "/runway")
    assert asked["cash"] == decided["cash"]
    assert [one["external_id"] for one in asked["cash"]["excluded"] if one["why"] == "switched_off"] == [off]
    assert asked["floor"] == decided["floor"]
    await tell(electrician, "PUT", "/runway/settings", json={})


async def test_a_decision_on_books_that_were_read_before_gives_the_plain_forecast(electrician: Shop) -> None:
    outlook, shelf = await outlook_of(electrician), electrician.web.services.forecasts
    await outlook.get(freshness=AS_IT_STANDS)
    for wanted in ({"floor_amount": "777.00", "counts_to_come": False}, {}):
        await tell(electrician, "PUT", "/runway/settings", json=wanted)
        quick = (await outlook.get_with_capital(freshness=AS_IT_STANDS)).value
        decided = await outlook.get_decided()
        books = await outlook.reader.read(
            quick.forecast.basis.as_of, uncounted=decided.uncounted, synced_at=None, now=SystemClock().now()
        )
        plain = forecast(books.books, company_id=str(outlook.business.id), rules=decided.rules)
        assert replace(quick.forecast, report=plain.report).standing == plain.standing
        assert (quick.forecast.path, quick.forecast.receivables) == (plain.path, plain.receivables)
    held = shelf.find(outlook.business.id)
    assert held is not None
    assert held.worked.forecast.parts.flows == plain.parts.flows


async def test_vendors_habits_are_the_same_of_the_mirror_and_of_a_replayed_day(electrician: Shop) -> None:
    """What is frozen and judged goes by the habits that are shown."""
    outlook = await outlook_of(electrician)
    day = (await outlook.get(freshness=AS_IT_STANDS)).value.basis.as_of
    books = await outlook.reader.read(day, uncounted=(), synced_at=None, now=SystemClock().now())
    past = await electrician.web.services.of(outlook.business).backtest.past.books_as_of(day)
    now, then = (payer_book(one.paid_bills, day) for one in (books.books, past))
    assert {vendor: usual_days_late(now.of(vendor)) for vendor in now.payers} == {
        vendor: usual_days_late(then.of(vendor)) for vendor in then.payers
    }
    assert now.n == then.n > 100


@pytest.mark.parametrize(
    "wanted",
    [
        {"floor_amount": "1.00", "floor_days": 3},
        {"counted_accounts": ["no-such"]},
        {"uncounted_accounts": ["1", "1"], "counted_accounts": ["1"]},
        {"uncounted_accounts": ["a\0b"]},
    ],
)
async def test_settings_that_mean_nothing_are_refused(electrician: Shop, wanted: dict[str, Any]) -> None:
    assert_problem(await tell(electrician, "PUT", "/runway/settings", json=wanted), 400, "invalid-input")


async def test_an_expected_date_takes_the_place_of_the_habit(electrician: Shop) -> None:
    receipt = max((await data_of(electrician, "/forecast"))["receipts"], key=lambda one: Decimal(one["amount"]))
    listed = (await electrician.visitor.get("/invoices", limit=200, status="open"))["data"]
    (invoice,) = [one["id"] for one in listed if one["external_id"] == receipt["external_id"]]
    path, day = f"/invoices/{invoice}/expected-date", electrician.company.today().isoformat()
    put = await tell(electrician, "PUT", path, json={"expected_on": None, "reason": "gone"})
    assert put.json()["data"]["kind"] == "excluded"
    assert [one["by"] for one in await receipts_of(electrician, receipt["external_id"])] == ["excluded"]
    await tell(electrician, "PUT", path, json={"expected_on": day})
    (told,) = await receipts_of(electrician, receipt["external_id"])
    assert (told["by"], told["expected_on"] >= day) == ("manual", True)
    promised = await tell(electrician, "POST", f"/invoices/{invoice}/promise", json={"promised_on": day})
    assert promised.status_code == 200
    assert [one["by"] for one in await receipts_of(electrician, receipt["external_id"])] == ["promise"]
    await tell(electrician, "POST", f"/invoices/{invoice}/promise/close", json={})
    assert (await tell(electrician, "DELETE", path)).status_code == 204
    assert await receipts_of(electrician, receipt["external_id"]) == [receipt]
    assert_problem(await tell(electrician, "PUT", path, json={"expected_on": "2020-01-01"}), 400, "invalid-input")


async def receipts_of(shop: Shop, external_id: str) -> list[dict[str, Any]]:
    return [one for one in (await data_of(shop, "/forecast"))["receipts"] if one["external_id"] == external_id]


async def test_a_marked_bill_is_a_must_pay(electrician: Shop) -> None:
    (bill,) = (await electrician.visitor.get("/bills", limit=1))["data"]
    path = f"/bills/{bill['id']}/must-pay"
    for _ in range(2):
        assert (await tell(electrician, "PUT", path, json={"reason": "or they stop"})).status_code == 200
    keys = [one["key"] for one in (await data_of(electrician, "/operational"))["must_pays"]]
    assert bill["external_id"] in keys
    assert (await tell(electrician, "DELETE", path)).status_code == 204
    keys = [one["key"] for one in (await data_of(electrician, "/operational"))["must_pays"]]
    assert bill["external_id"] not in keys
    assert_problem(await tell(electrician, "PUT", f"/bills/{uuid4()}/must-pay", json={}), 404, "not-found")


async def test_a_scheduled_payment_moves_its_bill(electrician: Shop) -> None:
    bills = (await electrician.visitor.get("/bills", limit=50))["data"]
    bill, later = bills[-1], (electrician.company.today() + timedelta(days=40)).isoformat()
    (account,) = (await electrician.visitor.get("/accounts", search="Checking", limit=1))["data"]
    await tell(electrician, "POST", f"/bills/{bill['id']}/approve", {"duplicate_reason": "test"})
    asked = {"account_id": account["id"], "on": later, "confirm_similar": True}
    paid = await tell(electrician, "POST", f"/bills/{bill['id']}/pay", asked, key="a-payment-of-another-day")
    assert paid.status_code in {200, 202}, paid.text
    await tell(electrician, "PUT", f"/bills/{bill['id']}/must-pay")
    told = (await data_of(electrician, "/forecast"))["days"]
    moved = next(day for day in told if day["on"] == later)
    assert -Decimal(moved["outflow"]) >= Decimal(bill["balance"])
    outlook = await outlook_of(electrician)
    flows = (await outlook.get(freshness=AS_IT_STANDS)).value.flows
    assert [flow.on.isoformat() for flow in flows if flow.key == bill["external_id"]] == [later]
    await tell(electrician, "DELETE", f"/bills/{bill['id']}/must-pay")


async def test_books_that_change_are_forecast_anew_and_by_a_job(electrician: Shop) -> None:
    before = await data_of(electrician, "/forecast")
    business_id = electrician.visitor.business_id
    assert electrician.simulator.edit(electrician.company.realm_id, "Bill") == 1
    assert (await electrician.visitor.get("/bills", max_age="live"))["freshness"]["source"] == "rail"
    assert await electrician.web.run_jobs(business_id) >= 1
    outlook = await outlook_of(electrician)
    held = electrician.web.services.forecasts.find(outlook.business.id)
    assert held is not None
    shown = await data_of(electrician, "/forecast")
    assert electrician.web.services.forecasts.find(outlook.business.id) is held, "the job had worked it out"
    assert shown["as_of"] == before["as_of"]
    await keep_forecast(electrician.web.services, business_id)  # nothing is left to do, and twice is once
    await begin_days(electrician.web.services)


async def test_what_cannot_wait_is_of_older_books_and_never_of_an_older_decision(electrician: Shop) -> None:
    outlook, forecasts = await outlook_of(electrician), electrician.web.services.forecasts
    await outlook.get(freshness=AS_IT_STANDS)
    assert electrician.simulator.edit(electrician.company.realm_id, "Bill") == 1
    await electrician.visitor.get("/bills", max_age="live")
    older = await outlook.get_within(timedelta(0), freshness=AS_IT_STANDS)
    assert older.value is not None
    assert older.freshness.stale
    await forecasts.settled()
    assert (await tell(electrician, "PUT", "/runway/settings", json={"floor_amount": "4321.00"})).status_code == 200
    assert (await outlook.get_within(timedelta(0), freshness=AS_IT_STANDS)).value is None
    await outlook.get(freshness=AS_IT_STANDS)
    decided = await outlook.get_within(timedelta(0), freshness=AS_IT_STANDS)
    assert decided.value is not None
    assert (decided.value.report.floor.value, decided.freshness.stale) == (Decimal(4321), False)


async def test_a_company_that_was_never_read_says_so(web: Web) -> None:
    visitor = await web.sign_in("Never read")
    for path in ("/forecast", "/dashboard", "/operational", "/runway"):
        answer = await visitor.get(path)
        assert answer["freshness"]["as_of"] is None
    forecast = (await visitor.get("/forecast"))["data"]
    assert (forecast["headline"]["state"], forecast["headline"]["floor_on"]) == ("cash_unknown", None)
    assert (forecast["weeks"][0]["closing"], forecast["days"][0]["p50"]) == (None, None)
    plan = (await visitor.get("/plans/pay"))["data"]
    assert (plan["payments"], plan["lowest"]["value"]) == ([], None)
