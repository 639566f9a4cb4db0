"""Reads over the demo company, against what the simulator itself holds."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from infra.qbo.simulator.books.store import Body
from tests.e2e.rest import Shop, assert_problem, total

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENTS = [("bills", "Bill", "vendor", "VendorRef"), ("invoices", "Invoice", "customer", "CustomerRef")]


def money(rows: list[Any], name: str) -> Decimal:
    assert all(isinstance(row[name], str) for row in rows)
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def ids(rows: list[Any]) -> set[str]:
    return {row["external_id"] for row in rows}


def true_ids(bodies: list[Body]) -> set[str]:
    return {body["Id"] for body in bodies}


def amount(body: Body, name: str) -> Decimal:
    return Decimal(str(body[name]))


def due(body: Body) -> date:
    return date.fromisoformat(str(body.get("DueDate", body["TxnDate"])))


def today(bakery: Shop) -> date:
    return bakery.company.today()


@pytest.mark.parametrize(("noun", "entity", "_party", "_ref"), DOCUMENTS)
async def test_documents_are_those_of_the_ledger_by_status(
    bakery: Shop, noun: str, entity: str, _party: str, _ref: str
) -> None:
    bodies, day = bakery.bodies(entity), today(bakery)
    expected = {
        "open": [body for body in bodies if amount(body, "Balance")],
        "overdue": [body for body in bodies if amount(body, "Balance") and due(body) < day],
        "paid": [body for body in bodies if not amount(body, "Balance")],
        "all": bodies,
    }
    assert all(expected.values())
    for status, wanted in expected.items():
        rows = await bakery.visitor.every(f"/{noun}", status=status, limit=200)
        assert ids(rows) == true_ids(wanted), status
        assert len(rows) == len(wanted), status
        assert money(rows, "balance") == total(wanted, "Balance")
        assert money(rows, "total") == total(wanted, "TotalAmt")
        assert [row["due_on"] for row in rows] == sorted(row["due_on"] for row in rows)
    assert {row["status"] for row in await bakery.visitor.every(f"/{noun}", status="all", limit=200)} == {
        "open",
        "overdue",
        "paid",
    }


@pytest.mark.parametrize(("noun", "entity", "party", "ref"), DOCUMENTS)
async def test_filters_by_due_date_and_party(bakery: Shop, noun: str, entity: str, party: str, ref: str) -> None:
    visitor, unpaid = bakery.visitor, [body for body in bakery.bodies(entity) if amount(body, "Balance")]
    latest = today(bakery) + timedelta(days=7)
    rows = await visitor.every(f"/{noun}", due_within=7, limit=200)
    assert ids(rows) == {body["Id"] for body in unpaid if due(body) <= latest}
    assert len(rows) < len(unpaid)

    chosen = unpaid[0][ref]["value"]
    theirs = {body["Id"] for body in unpaid if body[ref]["value"] == chosen}
    by_rails_id = await visitor.every(f"/{noun}", **{party: chosen})
    assert ids(by_rails_id) == theirs
    name = by_rails_id[0][f"{party}_name"]
    (ours,) = [row["id"] for row in await visitor.every(f"/{party}s", search=name) if row["external_id"] == chosen]
    assert ids(await visitor.every(f"/{noun}", **{party: ours})) == theirs
    assert await visitor.every(f"/{noun}", **{party: str(uuid4())}) == []


@pytest.mark.parametrize("path", ["/bills", "/invoices", "/vendors", "/customers", "/accounts", "/payments"])
async def test_pages_hold_each_row_once_and_a_strange_cursor_is_400(bakery: Shop, path: str) -> None:
    whole = (await bakery.visitor.get(path, limit=200))["data"]
    paged = await bakery.visitor.every(path, limit=7)
    assert len(paged) > 14
    assert [row["id"] for row in paged][: len(whole)] == [row["id"] for row in whole]
    assert len({row["id"] for row in paged}) == len(paged)
    for strange in ("x", "WzFd", "e30", "%00", "ś"):
        assert_problem(await bakery.visitor.ask(path, cursor=strange), 400, "invalid-input")


async def test_amounts_are_exact_text_with_a_currency(bakery: Shop) -> None:
    row = (await bakery.visitor.get("/bills", limit=1))["data"][0]
    (body,) = [body for body in bakery.bodies("Bill") if body["Id"] == row["external_id"]]
    assert row["total"] == f"{amount(body, 'TotalAmt'):.2f}"
    assert row["currency"] == "USD"
    detail = (await bakery.visitor.get(f"/bills/{row['id']}"))["data"]
    assert detail["payload"]["TotalAmt"] == amount(body, "TotalAmt")
    assert {name: detail[name] for name in row} == row
    assert (detail["is_deleted"], detail["recorded_at"]) == (False, None)


async def test_vendors_and_customers_are_found_by_name(bakery: Shop) -> None:
    for path, entity in (("/vendors", "Vendor"), ("/customers", "Customer")):
        bodies = bakery.bodies(entity)
        rows = await bakery.visitor.every(path, limit=200)
        assert ids(rows) == true_ids(bodies)
        assert [row["display_name"] for row in rows] == sorted(row["display_name"] for row in rows)
        part = bodies[3]["DisplayName"][1:6].upper()
        found = await bakery.visitor.every(path, search=part)
        assert ids(found) == {body["Id"] for body in bodies if part.lower() in body["DisplayName"].lower()}
        assert ids(await bakery.visitor.every(path, active="false", limit=200)) == {
            body["Id"] for body in bodies if not body["Active"]
        }


async def test_accounts_have_the_ledgers_balances(bakery: Shop) -> None:
    bodies = {body["Id"]: body for body in bakery.bodies("Account")}
    rows = await bakery.visitor.every("/accounts", limit=200)
    assert ids(rows) == set(bodies)
    for row in rows:
        assert Decimal(row["current_balance"]) == amount(bodies[row["external_id"]], "CurrentBalance"), row["name"]
    banks = await bakery.visitor.every("/accounts", type="Bank")
    assert money(banks, "current_balance") == total(banks_of(bakery), "CurrentBalance")
    payable = (await bakery.visitor.every("/accounts", type="Accounts Payable"))[0]
    owed = money(await bakery.visitor.every("/bills", limit=200), "balance")
    credits_left = total(bakery.bodies("VendorCredit"), "Balance")
    assert Decimal(payable["current_balance"]).copy_abs() == owed - credits_left


def banks_of(bakery: Shop) -> list[Body]:
    return [body for body in bakery.bodies("Account") if body["AccountType"] == "Bank"]


async def test_payments_are_those_of_the_days_asked_for(bakery: Shop) -> None:
    until = today(bakery)
    since = until - timedelta(days=30)
    inside = [body for body in bakery.bodies("BillPayment") if since <= date.fromisoformat(body["TxnDate"]) <= until]
    rows = await bakery.visitor.every("/payments", since=since, until=until, limit=20)
    assert ids(rows) == true_ids(inside)
    assert money(rows, "total") == total(inside, "TotalAmt")
    days = [row["paid_on"] for row in rows]
    assert days == sorted(days, reverse=True)
    usual = await bakery.visitor.every("/payments", limit=200)
    assert ids(usual) > ids(rows)


async def test_the_runway_stands_on_the_ledgers_cash(bakery: Shop) -> None:
    body = await bakery.visitor.get("/runway", floor=0)
    data = body["data"]
    cash = total(banks_of(bakery), "CurrentBalance")
    assert data["as_of"] == today(bakery).isoformat()
    assert Decimal(data["cash"]["operating"]["value"]) == cash
    assert money(data["cash"]["accounts"], "balance") == cash
    (card,) = data["liquidity"]["accounts"]
    assert Decimal(card["owed"]) == -Decimal(card["balance"])

    burn = data["burn"]
    net, gross = Decimal(burn["net_daily"]["value"]), Decimal(burn["gross_daily"]["value"])
    assert gross > net > 0
    flows = sum((Decimal(flow["amount"]) for flow in burn["included"]), Decimal(0))
    assert net == (-flows / 90).quantize(Decimal("0.01"))
    assert (burn["net_daily"]["n"], burn["net_daily"]["n_of"], burn["days"]) == (90, "days", 90)
    runway = data["runway"]
    assert runway["state"] == "finite"
    days = int(runway["days"]["value"])
    assert days == int(cash * 90 / -flows)
    assert runway["display"] == f"{days} days"
    assert runway["zero_on"] == runway["floor_on"] == (today(bakery) + timedelta(days=days)).isoformat()
    assert not body["freshness"]["stale"]


async def test_the_runway_by_another_window_and_floor(bakery: Shop) -> None:
    usual = (await bakery.visitor.get("/runway"))["data"]
    assert [window["asked_days"] for window in usual["windows"]] == [30, 90, 365]
    assert usual["burn"] == usual["windows"][1]
    month = (await bakery.visitor.get("/runway", window=30))["data"]
    assert month["burn"] == usual["windows"][0]
    higher = (await bakery.visitor.get("/runway", floor="20000.50"))["data"]
    assert higher["floor"]["value"] == "20000.50"
    free = (await bakery.visitor.get("/runway", floor=0))["data"]
    assert int(higher["runway"]["days"]["value"]) < int(free["runway"]["days"]["value"])
    assert higher["runway"]["zero_on"] == free["runway"]["zero_on"]
    weeks = (await bakery.visitor.get("/runway", floor_days=14))["data"]
    assert Decimal(weeks["floor"]["value"]) == pytest.approx(14 * Decimal(usual["burn"]["gross_daily"]["value"]), abs=1)
    below = (await bakery.visitor.get("/runway", floor=10**9))["data"]["runway"]
    assert (below["state"], below["days"]["value"]) == ("below_floor", "0")
    assert below["below_since"]["on"] <= today(bakery).isoformat()


async def test_every_figure_says_where_it_is_from(bakery: Shop) -> None:
    figures = list(figures_in((await bakery.visitor.get("/runway"))["data"]))
    assert len(figures) > 12
    for figure in figures:
        assert figure["as_of"] == today(bakery).isoformat()
        assert figure["source"] == "qbo"
        assert figure["n"] >= 0
        assert (figure["value"] is None) is (figure["reason"] is not None)


def figures_in(part: Any) -> list[Any]:
    if isinstance(part, list):
        return [figure for inner in part for figure in figures_in(inner)]
    if not isinstance(part, dict):
        return []
    found = [figure for inner in part.values() for figure in figures_in(inner)]
    return [*found, part] if "n_of" in part else found


async def test_a_fresh_mirror_costs_no_call_and_an_older_one_one(bakery: Shop) -> None:
    served = bakery.simulator.requests[bakery.company.realm_id]
    before = served.total()
    fresh = (await bakery.visitor.get("/bills"))["freshness"]
    assert (fresh["source"], fresh["calls_spent"], fresh["stale"], fresh["reason"]) == ("mirror", 0, False, None)
    assert fresh["age_seconds"] >= 0
    assert served.total() == before
    for wanted in ("0", "live"):
        brought = (await bakery.visitor.get("/runway", max_age=wanted))["freshness"]
        assert (brought["source"], brought["calls_spent"], brought["stale"]) == ("rail", 1, False)
        assert datetime.fromisoformat(brought["as_of"]) > datetime.fromisoformat(fresh["as_of"])
    assert served.total() == before + 2


async def test_what_the_caller_has_is_not_sent_again(bakery: Shop) -> None:
    for path in ("/bills", "/runway", "/accounts"):
        first = await bakery.visitor.ask(path)
        again = await bakery.visitor.ask(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = await bakery.visitor.ask(path, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.headers["etag"]) == (200, first.headers["etag"])


@pytest.mark.parametrize(("noun", "entity", "_party", "_ref"), DOCUMENTS)
async def test_an_edit_makes_a_version_and_the_past_stays(
    bakery: Shop, noun: str, entity: str, _party: str, _ref: str
) -> None:
    visitor = bakery.visitor
    row = (await visitor.get(f"/{noun}", limit=1))["data"][0]
    tag = (await visitor.ask(f"/{noun}")).headers["etag"]
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    record = bakery.company.get(entity, row["external_id"])
    bakery.company.update(entity, {**record.body, "PrivateNote": "agreed by phone"})

    body = await visitor.get(f"/{noun}/{row['id']}", max_age=0)
    assert (body["freshness"]["source"], body["freshness"]["stale"]) == ("rail", False)
    assert (body["data"]["version"], body["data"]["memo"]) == (2, "agreed by phone")
    assert (await visitor.ask(f"/{noun}", headers={"If-None-Match": tag})).status_code == 200

    history = await visitor.get(f"/{noun}/{row['id']}/history", snapshots="true")
    assert [(one["version"], one["transaction_type"]) for one in history["data"]] == [(1, "created"), (2, "updated")]
    last = history["data"][1]
    assert last["changes"]["PrivateNote"][1] == "agreed by phone"
    assert last["snapshot"]["PrivateNote"] == "agreed by phone"
    assert (last["source"], last["actor"]) == ("qbo", "sync:on_demand")
    first_page = await visitor.get(f"/{noun}/{row['id']}/history", limit=1)
    assert first_page["data"][0]["snapshot"] is None
    second_page = await visitor.get(f"/{noun}/{row['id']}/history", limit=1, cursor=first_page["next_cursor"])
    assert [one["version"] for one in second_page["data"]] == [2]
    assert second_page["next_cursor"] is None

    then = (await visitor.get(f"/{noun}/{row['id']}", as_of=before))["data"]
    assert (then["version"], then["memo"]) == (1, row["memo"])
    assert then["recorded_at"] < before
    assert {name: then[name] for name in row} == row
    assert_problem(await visitor.ask(f"/{noun}/{row['id']}", as_of="2020-01-01T00:00:00Z"), 404, "not-found")


async def test_a_deleted_bill_is_gone_from_lists_and_kept_in_the_log(bakery: Shop) -> None:
    visitor = bakery.visitor
    unpaid = [body for body in bakery.bodies("Bill") if body["Balance"] == body["TotalAmt"]]
    chosen = unpaid[-1]
    rows = await visitor.every("/bills", limit=200)
    (row,) = [row for row in rows if row["external_id"] == chosen["Id"]]
    bakery.company.delete("Bill", {"Id": chosen["Id"], "SyncToken": chosen["SyncToken"]})

    remaining = (await visitor.get("/bills", limit=200, max_age=0))["data"]
    assert row["id"] not in {one["id"] for one in remaining}
    assert_problem(await visitor.ask(f"/bills/{row['id']}"), 404, "not-found")
    log = (await visitor.get(f"/bills/{row['id']}/history"))["data"]
    assert log[-1]["transaction_type"] == "deleted"
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    past = (await visitor.get(f"/bills/{row['id']}", as_of=now))["data"]
    assert (past["is_deleted"], past["total"]) == (True, row["total"])


@pytest.mark.parametrize("noun", ["bills", "invoices"])
async def test_anothers_document_is_as_absent_as_none(bakery: Shop, noun: str) -> None:
    theirs = (await bakery.visitor.get(f"/{noun}", limit=1))["data"][0]["id"]
    stranger = await bakery.web.sign_in(f"Stranger {bakery.company.realm_id}")
    for end in ("", "/history", "?as_of=2100-01-01T00:00:00Z"):
        refusals = []
        for document_id in (theirs, str(uuid4())):
            body = assert_problem(await stranger.ask(f"/{noun}/{document_id}{end}"), 404, "not-found")
            del body["request_id"], body["instance"]
            refusals.append({name: str(value).replace(document_id, "ID") for name, value in body.items()})
        assert refusals[0] == refusals[1]
