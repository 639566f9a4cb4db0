"""The access log over HTTP: a business's own rows, its people's at the door, nobody else's; and as a file."""

import asyncio
import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_trail import EXPORT_COLUMNS, csv_line
from domains.core.permissions import Role
from infra.embedded.roles import connect
from tests.e2e.people import Browser, everyone, join, join_firm, member, open_business, open_firm, sign_up
from tests.e2e.rest import Web, assert_problem
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sign_in(browser: Browser, *, request_id: str = "r") -> None:
    """What signing in writes: a row of no business."""
    origin = Origin(f"user:{browser.user_id}", "203.0.113.7", request_id)
    async with browser.web.services.access_uow([]) as uow:
        await access_log.note(uow.session, AccessEvent.SIGNED_IN, origin=origin, user_id=browser.user_id)


async def every(browser: Browser, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    body = await browser.get("/audit", **query)
    rows += body["data"]
    while body["next_cursor"]:
        body = await browser.get("/audit", **query, cursor=body["next_cursor"])
        rows += body["data"]
    return rows


async def test_a_business_sees_its_rows_and_its_peoples_at_the_door(web: Web) -> None:
    people = await everyone(web)
    stranger = await member(web, await open_business(web), Role.OWNER)
    for one in (*people.values(), stranger):
        await sign_in(one)
    rows = await every(people[Role.OWNER])
    own = {str(people[Role.OWNER].business_id)}
    assert {row["business_id"] for row in rows} == own | {None}
    signed_in = {row["user_id"] for row in rows if row["event"] == "session.signed_in"}
    assert signed_in == {str(one.user_id) for one in people.values()}
    joined = [row["user_id"] for row in rows if row["event"] == "member.joined"]
    assert len(joined) == 5
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)


async def test_what_somebody_did_before_they_belonged_is_not_the_businesss(web: Web) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    new, admin = await sign_up(web), await sign_up(web)
    for one in (new, admin):
        await sign_in(one)
    new = await join(new, owner.at_business, Role.VIEWER)
    await sign_in(new, request_id="after")
    rows = await every(owner, event="session.signed_in")
    assert [row["request_id"] for row in rows] == ["after"]
    assert (await owner.ask("DELETE", f"/members/{new.user_id}")).status_code == 204
    assert await every(owner, event="session.signed_in") == []
    firm = await open_firm(web)
    await join_firm(admin, firm)
    of_firm = await member(web, await open_business(web, firm_id=firm), Role.OWNER)
    assert await every(of_firm, event="session.signed_in") == []


async def test_filters_narrow_and_pages_join_up(web: Web) -> None:
    people = await everyone(web)
    owner, viewer = people[Role.OWNER], people[Role.VIEWER]
    for number in range(7):
        await sign_in(viewer, request_id=f"n{number}")
    begun = datetime.now(UTC)
    await asyncio.sleep(0.01)
    await sign_in(owner)
    rows = await every(owner)
    assert await every(owner, limit=2) == rows
    assert await every(owner, user=viewer.user_id) == [
        row for row in rows if str(viewer.user_id) in {row["user_id"], row["actor"].removeprefix("user:")}
    ]
    assert {row["event"] for row in await every(owner, actor="cli")} >= {"business.created", "member.joined"}
    assert [row["user_id"] for row in await every(owner, since=begun.isoformat())] == [str(owner.user_id)]
    earlier = await every(owner, until=begun.isoformat(), event="session.signed_in", limit=3)
    assert [row["request_id"] for row in earlier] == [f"n{number}" for number in reversed(range(7))]
    assert await every(owner, since=begun.isoformat(), until=begun.isoformat()) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("event=nothing.known", 422),
        ("user=me", 422),
        ("since=yesterday", 422),
        ("since=2026-03-01T00:00:00", 422),
        ("actor=%00", 422),
        ("limit=201", 422),
        ("whose=mine", 422),
        ("cursor=x", 400),
        ("cursor=-1", 400),
        ("cursor=99999999999999999999", 200),
    ],
)
async def test_what_cannot_be_asked_is_said(web: Web, query: str, status: int) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    assert (await owner.ask("GET", f"/audit?{query}")).status_code == status


async def test_an_export_is_the_log_and_is_in_it(web: Web) -> None:
    owner = (await everyone(web))[Role.OWNER]
    for request_id in ("-2+3", "@SUM", "=1", "+1", "\t1", "1-2"):
        await sign_in(owner, request_id=request_id)
    rows = await every(owner)
    answer = await owner.ask("GET", "/audit/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="access-log-{owner.business_id}.csv"'
    read = list(csv.DictReader(StringIO(answer.text)))
    assert [int(row["id"]) for row in read] == [row["id"] for row in rows]
    signed_in = [row["request_id"] for row in read if row["event"] == "session.signed_in"]
    assert signed_in == ["1-2", "'\t1", "'+1", "'=1", "'@SUM", "'-2+3"]
    as_json = await owner.ask("GET", "/audit/export", params={"format": "json", "event": "audit.exported"})
    (told,) = as_json.json()
    assert (told["actor"], told["details"]) == (f"user:{owner.user_id}", {"format": "csv"})
    assert set(told) == set(EXPORT_COLUMNS)
    (newest, *_) = await every(owner)
    assert newest["details"] == {"format": "json", "event": "audit.exported"}
    nothing = await owner.ask("GET", "/audit/export", params={"format": "json", "actor": "nobody"})
    assert nothing.json() == []


async def test_a_cell_that_a_spreadsheet_would_compute_is_escaped() -> None:
    cells = ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1", 'a"b', "a=b", None, {"=": "=1"}]  # noqa: RUF001  # as meant
    expected = ["'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'＝1", 'a"b', "a=b", "", '{"=":"=1"}']  # noqa: RUF001
    assert next(csv.reader(StringIO(csv_line(cells), newline=""))) == expected


async def test_a_long_log_is_exported_whole_while_it_grows(web: Web, database: Database) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    with connect(database.superuser_url) as root:
        root.execute(
            "INSERT INTO access_log (business_id, event, actor, address, request_id, details) "
            "SELECT %s, 'token.first_used', 'nobody', 'local', n::text, '{}' FROM generate_series(1, 2500) n",
            [owner.business_id],
        )
    first, second = await asyncio.gather(
        owner.ask("GET", "/audit/export", params={"format": "json", "actor": "nobody"}),
        owner.ask("GET", "/audit/export", params={"actor": "nobody"}),
    )
    numbers = [str(number) for number in range(2500, 0, -1)]
    assert [row["request_id"] for row in first.json()] == numbers
    assert [row["request_id"] for row in csv.DictReader(StringIO(second.text))] == numbers


async def test_businesses_of_a_firm_are_made_by_its_admins(web: Web) -> None:
    firm, other_firm = await open_firm(web), await open_firm(web)
    admin, colleague = [await join_firm(await sign_up(web), firm) for _ in range(2)]
    wanted = {"name": " New Bakery ", "home_currency": "CAD", "time_zone": "America/Toronto"}
    made = await admin.ask("POST", "/businesses", json=wanted)
    assert made.status_code == 201, made.text
    business = made.json()["data"]
    assert (business["name"], business["firm_id"], business["role"]) == ("New Bakery", str(firm), "firm_admin")
    assert (await colleague.get("/businesses"))["data"] == [business]
    assert (await colleague.get("/audit", event="business.created"))["data"][0]["actor"] == f"user:{admin.user_id}"
    refused = await admin.ask("POST", "/businesses", json={"name": "X", "firm_id": str(other_firm)})
    assert_problem(refused, 404, "not-found")
    await join_firm(admin, other_firm)
    assert (await admin.ask("POST", "/businesses", json={"name": "X"})).status_code == 400
    assert (await admin.ask("POST", "/businesses", json={"name": "X", "firm_id": str(other_firm)})).status_code == 201
    for wrong in ({"name": ""}, {"name": "X", "time_zone": "Mars/Olympus"}, {"name": "X", "home_currency": "usd"}):
        assert_problem(await admin.ask("POST", "/businesses", json=wrong), 422, "malformed-request")
    names = [row["name"] for row in (await admin.get("/businesses"))["data"]]
    assert sorted(names) == ["New Bakery", "X"]


async def test_a_token_opens_nothing_of_a_firm(web: Web) -> None:
    admin = (await everyone(web))[Role.FIRM_ADMIN]
    body = {"name": "t", "permissions": ["books.read"], "expires_in_days": 1}
    token = (await admin.ask("POST", "/tokens", json=body)).json()["data"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = await web.http.post("/api/v1/businesses", json={"name": "X"}, headers=headers)
    assert_problem(answer, 403, "forbidden")
