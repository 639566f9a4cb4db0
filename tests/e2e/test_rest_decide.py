"""Deciding over a sample company: what a preview tells is what the forecast itself would say, and the tray keeps what is said of it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domains.core import notices
from domains.core.notices import Matter, NoticeKind, Severity
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.expected_dates import ExpectedBy
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow, PathRow
from runway.calculators.tray_priority import Priority
from runway.orchestrators.tray import TrayBook, TrayService
from tests.e2e.rest import Shop, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def post(shop: Shop, path: str, body: Any = None, **headers: str) -> httpx.Response:
    visitor = shop.visitor
    sent = {"Authorization": f"Bearer {visitor.token}", **headers}
    return await shop.web.http.post(f"/api/v1{path}", json=body, headers=sent)


async def preview(shop: Shop, *actions: dict[str, Any]) -> dict[str, Any]:
    answer = await post(shop, "/preview", {"actions": list(actions)})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def the_forecast(shop: Shop) -> Forecast:
    services = shop.web.services
    async with services.uow([UUID(shop.visitor.business_id)]) as uow:
        business = await services.businesses.get_business(uow.session, UUID(shop.visitor.business_id))
    return (await services.of(business).outlook.get(freshness=AS_IT_STANDS)).value


async def a_bill(shop: Shop, *, later_than: int = 5) -> dict[str, Any]:
    """An open one that is due in more than some days."""
    day = (shop.company.today() + timedelta(days=later_than)).isoformat()
    rows = await shop.visitor.every("/bills", limit=200)
    found: dict[str, Any] = max(
        (row for row in rows if (row["due_on"] or "") > day), key=lambda row: Decimal(row["balance"])
    )
    return found


def value(figure: dict[str, Any]) -> Decimal:
    return Decimal(figure["value"])


async def test_paying_a_bill_now_is_the_forecast_with_that_flow_today(electrician: Shop) -> None:
    bill, forecast = await a_bill(electrician), await the_forecast(electrician)
    own = [flow for flow in forecast.flows if flow.row is PathRow.BILLS and flow.key == bill["external_id"]]
    today = [DatedFlow(forecast.basis.as_of, flow.amount, flow.row, flow.key) for flow in own]
    back = [DatedFlow(flow.on, -flow.amount, flow.row, flow.key) for flow in own]
    plain = forecast.baseline.draws.shifted([*back, *today]).band()

    told = await preview(electrician, {"kind": "pay", "bill_id": bill["id"]})
    assert own
    assert value(told["before"]["low"]) == forecast.standing.band.low_p50.p50
    assert value(told["after"]["low"]) == plain.low_p50.p50
    assert told["after"]["low_on"] == plain.low_p50.on.isoformat()
    assert value(told["low_change"]) == plain.low_p50.p50 - forecast.standing.band.low_p50.p50
    assert value(told["low_change"]) <= 0  # paying earlier never raises the low point
    again = await preview(electrician, {"kind": "pay", "bill_id": bill["id"]})
    assert again.pop("seen_figures_id") != told.pop("seen_figures_id")
    assert again == told


async def test_actions_are_taken_together(electrician: Shop) -> None:
    bill, forecast = await a_bill(electrician), await the_forecast(electrician)
    none = await preview(electrician)
    assert none["before"] == none["after"]
    later = (forecast.basis.as_of + timedelta(days=80)).isoformat()
    delayed = await preview(electrician, {"kind": "delay", "bill_id": bill["id"], "on": later})
    assert value(delayed["low_change"]) >= 0
    hire = {"kind": "scenario", "scenario": {"kind": "hire", "cost": "9000.00", "every_days": 14}}
    hired = await preview(electrician, hire)
    assert value(hired["low_change"]) < 0
    both = await preview(electrician, hire, {"kind": "delay", "bill_id": bill["id"], "on": later})
    assert value(both["after"]["low"]) >= value(hired["after"]["low"])
    part = await preview(electrician, {"kind": "pay", "bill_id": bill["id"], "amount": "1.00"})
    whole = await preview(electrician, {"kind": "pay", "bill_id": bill["id"]})
    assert value(whole["low_change"]) <= value(part["low_change"])
    largest = max((one for one in forecast.receipts if one.by is ExpectedBy.MODEL), key=lambda one: one.amount)
    invoices = {row["external_id"]: row["id"] for row in await electrician.visitor.every("/invoices", limit=200)}
    promise = {"kind": "promise", "invoice_id": invoices[largest.external_id]}
    soon = await preview(electrician, promise | {"on": (forecast.basis.as_of + timedelta(days=1)).isoformat()})
    beyond = await preview(electrician, promise | {"on": (forecast.basis.as_of + timedelta(days=200)).isoformat()})
    assert value(soon["after"]["low"]) > value(beyond["after"]["low"])


async def test_what_cannot_be_previewed_says_why(electrician: Shop) -> None:
    bill = await a_bill(electrician)
    paid = (await electrician.visitor.get("/bills", status="paid", limit=1))["data"][0]
    yesterday = (electrician.company.today() - timedelta(days=1)).isoformat()
    for action, status, kind in (
        ({"kind": "pay", "bill_id": str(uuid4())}, 404, "not-found"),
        ({"kind": "pay", "bill_id": paid["id"]}, 409, "conflict"),
        ({"kind": "schedule", "bill_id": bill["id"], "on": yesterday}, 400, "invalid-input"),
        ({"kind": "schedule", "bill_id": bill["id"]}, 400, "invalid-input"),
        ({"kind": "delay", "bill_id": bill["id"], "on": bill["due_on"]}, 400, "invalid-input"),
        ({"kind": "pay", "bill_id": bill["id"], "amount": "99999999.00"}, 400, "invalid-input"),
        ({"kind": "promise", "invoice_id": str(uuid4()), "on": bill["due_on"]}, 404, "not-found"),
        ({"kind": "scenario", "scenario_id": "nothing"}, 404, "not-found"),
        ({"kind": "scenario", "scenario": {"kind": "customer_lost", "customer_id": "nobody"}}, 400, "invalid-input"),
        ({"kind": "scenario", "scenario": {"kind": "hire"}}, 422, "malformed-request"),
    ):
        assert_problem(await post(electrician, "/preview", {"actions": [action]}), status, kind)


async def test_the_figures_seen_are_frozen_in_the_decisions_log(electrician: Shop) -> None:
    bill = await a_bill(electrician)
    told = await preview(electrician, {"kind": "schedule", "bill_id": bill["id"], "on": bill["due_on"]})
    seen_id = told["seen_figures_id"]
    approved = await post(
        electrician, f"/bills/{bill['id']}/approve", {"seen_figures_id": seen_id, "duplicate_reason": "no"}
    )
    assert approved.status_code == 200, approved.text
    account = next(
        row
        for row in (await electrician.visitor.get("/accounts", type="Bank"))["data"]
        if row["currency"] in {None, "USD"}
    )
    wish = {"account_id": account["id"], "execute": False, "seen_figures_id": seen_id}
    paid = await post(electrician, f"/bills/{bill['id']}/pay", wish, **{"Idempotency-Key": str(uuid4())})
    assert paid.status_code == 202, paid.text
    trail = await electrician.visitor.get(f"/payments/{paid.json()['data']['id']}/trail")
    frozen = [
        seen
        for step in trail["data"]["steps"]
        for seen in (step["details"].get("seen_figures"), (step["details"].get("facts") or {}).get("seen_figures"))
        if seen
    ]
    assert {step["event"] for step in trail["data"]["steps"]} >= {"approved", "requested"}
    assert [one["id"] for one in frozen] == [seen_id, seen_id]
    assert {str(one["figures"]["answered"]["low_change"]["value"]) for one in frozen} == {told["low_change"]["value"]}
    unknown = {**wish, "seen_figures_id": str(uuid4())}
    refused = await post(electrician, f"/bills/{bill['id']}/pay", unknown, **{"Idempotency-Key": str(uuid4())})
    assert_problem(refused, 404, "not-found")


async def test_the_plan_keeps_the_floor_and_pays_every_bill_once(electrician: Shop) -> None:
    plan = (await electrician.visitor.get("/plans/pay"))["data"]
    open_bills = await electrician.visitor.every("/bills", limit=200)
    rows = plan["payments"]
    assert {row["external_id"] for row in rows} <= {bill["external_id"] for bill in open_bills}
    assert len({row["external_id"] for row in rows}) == len(rows) > 5
    forced = any(row["breaks_floor"] for row in rows)
    assert forced or value(plan["lowest"]) >= value(plan["kept"])
    csv = await electrician.visitor.ask("/plans/pay", headers={"Accept": "text/csv"})
    assert csv.headers["content-type"].startswith("text/csv")
    assert len(csv.text.splitlines()) == len(rows) + 1


async def test_a_discount_counts_once_somebody_has_confirmed_it(electrician: Shop) -> None:
    services, token = electrician.web.services, electrician.visitor.token
    assert services is not None
    http, headers = electrician.web.http, {"Authorization": f"Bearer {token}"}
    strange = await http.put("/api/v1/plans/discounts/4", json={"name": "net 30"}, headers=headers)
    assert_problem(strange, 400, "invalid-input")
    said = await http.put("/api/v1/plans/discounts/4", json={"name": "2/10 net 30"}, headers=headers)
    assert said.json()["data"]["yearly_percent"] == "37.24"
    assert [one["terms_external_id"] for one in (await electrician.visitor.get("/plans/discounts"))["data"]] == ["4"]
    plan = (await electrician.visitor.get("/plans/pay"))["data"]["payments"]
    taken = [row for row in plan if row["takes_discount"]]
    assert all(Decimal(row["saving"]) > 0 for row in taken)
    gone = await http.delete("/api/v1/plans/discounts/4", headers=headers)
    assert gone.status_code == 204
    assert_problem(await http.delete("/api/v1/plans/discounts/4", headers=headers), 404, "not-found")


async def test_scenarios_are_kept_compared_and_forgotten(electrician: Shop) -> None:
    steps = [{"kind": "hire", "cost": "2000.00", "every_days": 14}, {"kind": "delay_bills", "days": 7}]
    saved = await post(electrician, "/scenarios", {"name": "Grow", "steps": steps})
    assert saved.status_code == 201, saved.text
    key = saved.json()["data"]["key"]
    assert (await post(electrician, "/scenarios", {"name": "grow", "steps": steps})).json()["data"]["key"] == key
    assert_problem(await post(electrician, "/scenarios", {"name": "Grow", "steps": steps[:1]}), 409, "conflict")
    listed = (await electrician.visitor.get("/scenarios"))["data"]
    assert [one["key"] for one in listed] == ["top_customer_late", "customer_lost", "hire", "delay_bills", key]
    compared = (await electrician.visitor.get("/scenarios/compare"))["data"]
    told = await preview(electrician, {"kind": "scenario", "scenario_id": key})
    mine = compared["scenarios"][-1]["consequence"]
    assert (mine["after"], mine["low_change"]) == (told["after"], told["low_change"])
    assert compared["baseline"] == told["before"]
    lost, delayed = compared["scenarios"][1]["consequence"], compared["scenarios"][3]["consequence"]
    assert value(lost["low_change"]) <= 0 <= value(delayed["low_change"])
    headers = {"Authorization": f"Bearer {electrician.visitor.token}"}
    assert (await electrician.web.http.delete(f"/api/v1/scenarios/{key}", headers=headers)).status_code == 204
    assert_problem(await electrician.web.http.delete(f"/api/v1/scenarios/{key}", headers=headers), 404, "not-found")


async def test_one_list_over_several_businesses_keeps_each_to_itself(electrician: Shop) -> None:
    services, mine = electrician.web.services, UUID(electrician.visitor.business_id)
    other = await electrician.web.sign_in("Next door")
    now = services.clock.now()
    async with services.uow([UUID(other.business_id)]) as uow:
        next_door = await services.businesses.get_business(uow.session, UUID(other.business_id))
        matter = Matter(NoticeKind.BYPASS, str(uuid4()), Severity.ALARM, "Paid without approval", "Who knows by whom")
        await notices.raise_notice(uow.session, next_door.id, matter, now=now)
    async with services.uow([mine]) as uow:
        business = await services.businesses.get_business(uow.session, mine)
    books = [
        TrayBook(business, electrician.company.today(), await the_forecast(electrician)),
        TrayBook(next_door, now.date()),
    ]
    tray = TrayService(uow=services.uow, clock=services.clock)
    both = await tray.list_entries(books)
    assert {one.priority for one in both if one.business.id == next_door.id} == {Priority.P0}
    assert [one.row.what.words for one in both if one.business.id == next_door.id] == ["Paid without approval"]
    alone = await tray.list_entries(books[:1])
    assert [one.row.item for one in both if one.business.id == mine] == [one.row.item for one in alone]
    assert [one.row.item for one in await tray.list_entries(books[::-1])] == [one.row.item for one in both]
    assert {one["business_id"] for one in (await electrician.visitor.get("/firm/tray"))["data"]} == {str(mine)}


async def test_the_tray_has_one_order_and_keeps_what_is_said_of_an_item(electrician: Shop) -> None:
    items = (await electrician.visitor.get("/tray"))["data"]
    assert [one["item"] for one in (await electrician.visitor.get("/tray"))["data"]] == [one["item"] for one in items]
    assert {one["group"] for one in items} >= {"pay", "collect"}
    assert [one["priority"] for one in items] == sorted(one["priority"] for one in items)
    assert len({one["item"] for one in items}) == len(items)
    bill = next(one for one in items if one["group"] == "pay" and one["impact"])
    assert value(bill["impact"]["low_change"]) <= 0
    key = bill["item"]
    dismissed = await post(electrician, f"/tray/{key}/dismiss")
    assert dismissed.json()["data"]["set_aside"] == "dismissed"
    assert key not in {one["item"] for one in (await electrician.visitor.get("/tray"))["data"]}
    assert key in {one["item"] for one in (await electrician.visitor.get("/tray", hidden="true"))["data"]}
    asked = (await post(electrician, f"/tray/{key}/ask", {"question": "Is this right?"})).json()["data"]
    assert asked["question"] == "Is this right?"
    assert [
        one["item"]
        for one in (await electrician.visitor.get("/tray", hidden="true", waiting_for_client="true"))["data"]
    ] == [key]
    back = (await post(electrician, f"/tray/{key}/restore")).json()["data"]
    assert (back["set_aside"], back["question"]) == (None, None)
    past = {"until": electrician.company.today().isoformat()}
    assert_problem(await post(electrician, f"/tray/{key}/snooze", past), 400, "invalid-input")
    until = (electrician.company.today() + timedelta(days=2)).isoformat()
    assert (await post(electrician, f"/tray/{key}/snooze", {"until": until})).json()["data"]["snoozed_until"] == until
    assert_problem(await post(electrician, f"/tray/{key}/assign", {"owner_id": str(uuid4())}), 400, "invalid-input")
    assert_problem(await post(electrician, "/tray/bill:gone/dismiss"), 404, "not-found")
    firm = await electrician.visitor.get("/firm/tray", hidden="true")
    everything = (await electrician.visitor.get("/tray", hidden="true"))["data"]
    assert [one["item"] for one in firm["data"]] == [one["item"] for one in everything]
    csv = await electrician.visitor.ask("/tray", format="csv", hidden="true")
    assert len(csv.text.splitlines()) == len(everything) + 1
    assert date.fromisoformat(bill["due_on"])
