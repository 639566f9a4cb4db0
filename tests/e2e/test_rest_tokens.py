"""Tokens over HTTP: never more than their maker has, nowhere else, and nothing once their person has lost it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from domains.core.permissions import MAY, Role
from infra.embedded.roles import connect
from tests.e2e.people import ORIGIN, PEOPLE, Browser, everyone, join, member, open_business
from tests.e2e.rest import Web, assert_problem
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Holder:
    """A program with one token."""

    def __init__(self, web: Web, made: dict[str, Any]) -> None:
        self.web, self.id, self.token = web, made["id"], made["token"]

    async def ask(self, method: str, path: str, *, at: UUID | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | ({} if at is None else {"X-Business-ID": str(at)})
        return await self.web.http.request(method, f"/api/v1{path}", headers=headers, **more)


async def make(by: Browser | Holder, status: int = 201, **wanted: Any) -> dict[str, Any]:
    body = {"name": "a token", "permissions": ["books.read"], **wanted}
    answer = await by.ask("POST", "/tokens", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json().get("data", {}))


async def test_a_token_is_shown_once_and_works(web: Web, database: Database) -> None:
    owner = (await everyone(web))[Role.OWNER]
    answer = await owner.ask("POST", "/tokens", json={"name": " report ", "permissions": ["books.read", "books.sync"]})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    made = answer.json()["data"]
    assert (made["name"], made["permissions"]) == ("report", ["books.read", "books.sync"])
    assert made["user"] == {"id": str(owner.user_id), "name": "The owner", "email": owner.email}
    assert made["businesses"] == [str(owner.business_id)]
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(days=90)
    holder = Holder(web, made)
    assert (await holder.ask("GET", "/sync")).status_code == 200
    assert_problem(await holder.ask("GET", "/members"), 403, "forbidden")
    listing = await owner.ask("GET", "/tokens")
    (row,) = listing.json()["data"]
    assert row["last_used_at"] is not None
    assert {**row, "last_used_at": None} == {name: value for name, value in made.items() if name != "token"}
    with connect(database.superuser_url) as root:
        (kept,) = root.execute("SELECT encode(token_hash, 'hex') FROM api_token WHERE id = %s", [made["id"]]).fetchall()
    assert made["token"] not in listing.text
    assert kept[0] not in listing.text
    events = [row["event"] for row in (await owner.get("/audit", actor=f"token:{made['id']}"))["data"]]
    assert events == ["permission.refused", "token.first_used"]


async def test_a_revoked_token_opens_nothing_anywhere(web: Web) -> None:
    one = (await everyone(web))[Role.OWNER]
    other = await open_business(web)
    await join(one, other, Role.OWNER)
    made = await make(one, businesses=[str(one.business_id), str(other)])
    holder = Holder(web, made)
    assert (await holder.ask("GET", "/sync")).status_code == 400  # which of the two?
    for business_id in (one.at_business, other):
        assert (await holder.ask("GET", "/sync", at=business_id)).status_code == 200
    assert (await one.at(other).ask("DELETE", f"/tokens/{made['id']}")).status_code == 204
    assert (await one.ask("DELETE", f"/tokens/{made['id']}")).status_code == 204  # as it is already
    for business_id in (one.at_business, other):
        assert_problem(await holder.ask("GET", "/sync", at=business_id), 401, "unauthenticated")
        told = (await one.at(business_id).get("/audit", event="token.revoked"))["data"]
        assert [row["details"]["token_id"] for row in told] == [made["id"]]
    (row,) = (await one.get("/tokens"))["data"]
    assert row["revoked_at"] is not None


async def test_a_token_opens_its_businesses_alone(web: Web) -> None:
    owner = (await everyone(web))[Role.OWNER]
    other = await open_business(web)
    await join(owner, other, Role.OWNER)
    holder = Holder(web, await make(owner))
    assert_problem(await holder.ask("GET", "/sync", at=other), 404, "not-found")
    assert [row["id"] for row in (await holder.ask("GET", "/businesses")).json()["data"]] == [str(owner.business_id)]


async def test_what_its_person_loses_a_token_loses(web: Web) -> None:
    people = await everyone(web)
    owner = await member(web, people[Role.OWNER].at_business, Role.OWNER)
    made = await make(owner, permissions=["books.read", "books.sync", "audit.read"])
    holder = Holder(web, made)
    assert (await holder.ask("GET", "/audit")).status_code == 200
    path = f"/members/{owner.user_id}"
    for role in (Role.VIEWER, Role.BOOKKEEPER, Role.APPROVER):
        assert (await people[Role.OWNER].ask("PATCH", path, json={"role": role.value})).status_code == 200
        assert_problem(await holder.ask("GET", "/audit"), 403, "forbidden")
        (mine,) = (await holder.ask("GET", "/businesses")).json()["data"]
        assert mine["role"] == role.value
        assert set(mine["permissions"]) == {"books.read", "books.sync"} & {may.value for may in MAY[role]}
    async with web.services.access_uow([]) as uow:
        await PEOPLE.disable(uow.session, owner.user_id, origin=ORIGIN, now=web.services.clock.now())
    assert_problem(await holder.ask("GET", "/sync"), 401, "unauthenticated")
    assert_problem(await owner.ask("GET", "/sync"), 401, "unauthenticated")


async def test_a_token_makes_none_with_more_than_it_has(web: Web) -> None:
    owner = (await everyone(web))[Role.OWNER]
    other = await open_business(web)
    await join(owner, other, Role.OWNER)
    parent_made = await make(owner, permissions=["tokens.manage", "books.read"], expires_in_days=10)
    parent = Holder(web, parent_made)
    child = await make(parent, expires_in_days=365)
    assert child["expires_at"] == parent_made["expires_at"]
    assert child["user"]["id"] == str(owner.user_id)
    await make(parent, 403, permissions=["books.read", "audit.read"])
    await make(parent, 404, businesses=[str(other)])
    await make(parent, 404, businesses=[str(owner.business_id), str(other)])
    await make(Holder(web, child), 403)


async def test_a_revoked_token_takes_along_what_it_made(web: Web) -> None:
    owner = (await everyone(web))[Role.OWNER]
    rights = ["tokens.manage", "books.read"]
    first = await make(owner, permissions=rights)
    second = await make(Holder(web, first), permissions=rights)
    third, beside = await make(Holder(web, second)), await make(owner)
    assert (await owner.ask("DELETE", f"/tokens/{first['id']}")).status_code == 204
    for ended in (first, second, third):
        assert_problem(await Holder(web, ended).ask("GET", "/sync"), 401, "unauthenticated")
    assert (await Holder(web, beside).ask("GET", "/sync")).status_code == 200
    told = (await owner.get("/audit", event="token.revoked"))["data"]
    made_by = {row["details"]["token_id"]: row["details"].get("made_by") for row in told}
    assert made_by == {first["id"]: None, second["id"]: first["id"], third["id"]: second["id"]}


async def test_a_services_token_makes_the_services(web: Web) -> None:
    visitor = await web.sign_in("A service that makes tokens")
    service = Holder(web, {"id": "", "token": visitor.token})
    made = await make(service, permissions=["tokens.manage", "books.read"])
    assert made["user"] is None
    await make(Holder(web, made), 403, permissions=["books.sync"])


async def test_nobody_makes_a_token_for_where_they_may_not(web: Web) -> None:
    owner = (await everyone(web))[Role.OWNER]
    as_viewer, strange = await open_business(web), await open_business(web)
    await join(owner, as_viewer, Role.VIEWER)
    await make(owner, 403, businesses=[str(owner.business_id), str(as_viewer)])
    refused = [await owner.ask("POST", "/tokens", json={"name": "t", "permissions": ["books.read"], "businesses": [one]})
               for one in (str(strange), "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11")]  # fmt: skip
    assert len({assert_problem(answer, 404, "not-found")["detail"] for answer in refused}) == 1
    assert (await owner.get("/tokens"))["data"] == []


async def test_a_listing_names_no_business_of_others(web: Web) -> None:
    shared = (await everyone(web))[Role.OWNER]
    partner = await member(web, shared.at_business, Role.OWNER)
    elsewhere = await open_business(web)
    await join(partner, elsewhere, Role.OWNER)
    made = await make(partner, businesses=[str(shared.business_id), str(elsewhere)])
    (row,) = (await shared.get("/tokens"))["data"]
    assert (row["id"], row["businesses"]) == (made["id"], [str(shared.business_id)])
    stranger = await member(web, await open_business(web), Role.OWNER)
    assert (await stranger.get("/tokens"))["data"] == []
    assert_problem(await stranger.ask("DELETE", f"/tokens/{made['id']}"), 404, "not-found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_in_days": 0},
        {"expires_in_days": 366},
        {"permissions": []},
        {"permissions": ["everything"]},
        {"businesses": []},
        {"businesses": ["mine"]},
        {"name": "  "},
        {"name": "a\0b"},
        {"user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"},
    ],
)
async def test_a_wish_that_cannot_be_read_is_refused(web: Web, wrong: dict[str, Any]) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    await make(owner, 422, **wrong)


async def test_half_a_character_is_refused(web: Web) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    body, headers = b'{"name": "\\ud800", "permissions": ["books.read"]}', {"Content-Type": "application/json"}
    answer = await owner.ask("POST", "/tokens", content=body, headers=headers)
    assert_problem(answer, 422, "malformed-request")


async def test_a_browser_must_prove_where_its_request_comes_from(web: Web) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    body = {"name": "t", "permissions": ["books.read"]}
    for headers in ({"X-CSRF-Token": ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_problem(await owner.ask("POST", "/tokens", json=body, headers=headers), 403, "forbidden")
        assert_problem(await owner.ask("POST", "/businesses", json={"name": "b"}, headers=headers), 403, "forbidden")
    assert (await owner.get("/tokens"))["data"] == []
