"""Members over HTTP: what counts at once, what nobody may do, and what the access log tells of it."""

import asyncio
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domains.core.permissions import BUSINESS_ROLES, Role
from infra.embedded.roles import connect
from infra.mail.models import Mail
from runway.routes.members import MemberRole
from tests.e2e.people import Browser, everyone, join, join_firm, member, open_business, open_firm, sign_up
from tests.e2e.rest import Web, assert_problem
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def change(by: Browser, whom: Browser, status: int = 200, **wanted: Any) -> dict[str, Any]:
    answer = await by.ask("PATCH", f"/members/{whom.user_id}", json=wanted)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def remove(by: Browser, whom: Browser) -> int:
    return (await by.ask("DELETE", f"/members/{whom.user_id}")).status_code


async def test_members_and_the_firms_admins_are_listed(web: Web) -> None:
    people = await everyone(web)
    rows = (await people[Role.OWNER].get("/members"))["data"]
    assert {UUID(row["user_id"]): row["role"] for row in rows} == {
        one.user_id: role.value for role, one in people.items()
    }
    assert {row["email"] for row in rows} == {one.email for one in people.values()}
    assert not any("hash" in name or "secret" in name for row in rows for name in row)


async def test_a_new_role_counts_from_the_next_request_on_and_is_told(web: Web, database: Database) -> None:
    people = await everyone(web)
    owner, viewer = people[Role.OWNER], people[Role.VIEWER]
    assert (await viewer.ask("GET", "/audit")).status_code == 403
    body = await change(owner, viewer, role="approver", approval_limit="5000.00")
    assert (body["data"]["role"], body["data"]["approval_limit"]) == ("approver", "5000.00")
    (mine,) = (await viewer.get("/businesses"))["data"]
    assert "bills.approve" in mine["permissions"]
    assert mine["approval_limit"] == "5000.00"
    await change(owner, viewer, role="owner", approval_limit=None)
    assert (await viewer.ask("GET", "/audit")).status_code == 200
    rows = (await owner.get("/audit", event="member.role_changed", user=viewer.user_id))["data"]
    assert [row["details"] for row in rows] == [
        {
            "before": {"role": "approver", "approval_limit": "5000"},
            "after": {"role": "owner", "approval_limit": None},
        },
        {
            "before": {"role": "viewer", "approval_limit": None},
            "after": {"role": "approver", "approval_limit": "5000"},
        },
    ]
    assert {row["actor"] for row in rows} == {f"user:{owner.user_id}"}
    with connect(database.superuser_url) as root:
        query = "SELECT xmin::text FROM membership WHERE user_id = %s"
        written = root.execute(query, [viewer.user_id]).fetchone()
        noted = root.execute("SELECT tx_xid::xid::text FROM access_log WHERE id = %s", [rows[0]["id"]]).fetchone()
    assert written == noted  # one transaction


async def test_what_changes_nothing_is_not_told(web: Web) -> None:
    people = await everyone(web)
    await change(people[Role.OWNER], people[Role.VIEWER], role="viewer")
    await change(people[Role.OWNER], people[Role.VIEWER])
    assert (await people[Role.OWNER].get("/audit", event="member.role_changed"))["data"] == []


async def test_whoever_is_removed_is_out_at_once(web: Web) -> None:
    """Nothing of a recognised caller is kept: the very next request of a session, and of a token, is refused."""
    people = await everyone(web)
    owner, leaver = people[Role.OWNER], await member(web, people[Role.OWNER].at_business, Role.OWNER)
    made = await leaver.ask("POST", "/tokens", json={"name": "mine", "permissions": ["books.read"]})
    bearer = {"Authorization": f"Bearer {made.json()['data']['token']}"}
    invited = await leaver.ask("POST", "/invitations", json={"email": "friend@example.com", "role": "owner"})
    assert invited.status_code == 201
    for headers in ({}, bearer):
        assert (await leaver.ask("GET", "/sync", headers=headers)).status_code == 200
    assert await remove(owner, leaver) == 204
    for headers in ({}, bearer):
        assert_problem(await leaver.ask("GET", "/sync", headers=headers), 404, "not-found")
    assert (await leaver.get("/businesses"))["data"] == []
    assert (await owner.get("/invitations"))["data"] == []  # or they would come back by their own letter
    assert await remove(owner, leaver) == 404
    rows = (await owner.get("/audit", event="member.removed"))["data"]
    assert [(row["user_id"], row["details"]["before"]["role"]) for row in rows] == [(str(leaver.user_id), "owner")]


async def test_the_last_owner_stays_where_no_firm_keeps_the_business(web: Web) -> None:
    business_id = await open_business(web)
    owner = await member(web, business_id, Role.OWNER)
    assert_problem(await owner.ask("DELETE", f"/members/{owner.user_id}"), 409, "conflict")
    await change(owner, owner, 409, role="viewer")
    second = await member(web, business_id, Role.OWNER)
    await change(owner, second, role="viewer")
    assert await remove(owner, second) == 204
    in_firm = await member(web, await open_business(web, firm_id=await open_firm(web)), Role.OWNER)
    assert await remove(in_firm, in_firm) == 204


async def test_two_owners_cannot_remove_one_another_at_once(web: Web) -> None:
    for _ in range(5):
        business_id = await open_business(web)
        one, other = [await member(web, business_id, Role.OWNER) for _ in range(2)]
        statuses = await asyncio.gather(remove(one, other), remove(other, one))
        assert 204 in statuses
        left = [who for who in (one, other) if (await who.ask("GET", "/members")).status_code == 200]
        assert len(left) == 1, statuses


async def test_nobody_gives_more_than_they_have(web: Web) -> None:
    business_id = await open_business(web)
    owner = await member(web, business_id, Role.OWNER, limit=Decimal(1000))
    approver = await member(web, business_id, Role.APPROVER, limit=Decimal(500))
    await change(owner, owner, 403, approval_limit=None)
    await change(owner, owner, 403, approval_limit="1000.01")
    await change(owner, approver, 403, approval_limit=None)
    await change(owner, approver, approval_limit="1000")
    await change(owner, approver, 403, role="owner", approval_limit=None)
    await change(owner, approver, 400, role="viewer", approval_limit="1")
    body = await change(owner, approver, role="viewer")
    assert body["data"]["approval_limit"] is None
    made = await owner.ask("POST", "/tokens", json={"name": "hr", "permissions": ["members.manage", "books.read"]})
    bearer = {"Authorization": f"Bearer {made.json()['data']['token']}"}
    wanted = {"email": "x@example.com", "role": "approver", "approval_limit": "1"}
    asked: list[tuple[str, str, Any]] = [
        ("PATCH", f"/members/{approver.user_id}", {"role": "owner", "approval_limit": "1"}),
        ("POST", "/invitations", wanted),
        ("DELETE", f"/members/{owner.user_id}", None),
    ]
    for method, path, sent in asked:
        assert_problem(await owner.ask(method, path, json=sent, headers=bearer), 403, "forbidden")


async def test_a_service_makes_no_owner(web: Web) -> None:
    service = await web.sign_in("A service's business")
    whom = await member(web, UUID(service.business_id), Role.VIEWER)
    headers = {"Authorization": f"Bearer {service.token}"}
    path = f"/api/v1/members/{whom.user_id}"
    assert_problem(await web.http.patch(path, json={"role": "owner"}, headers=headers), 403, "forbidden")
    assert (await web.http.patch(path, json={"role": "approver"}, headers=headers)).status_code == 200


async def test_the_firms_admins_are_the_firms(web: Web) -> None:
    people = await everyone(web)
    admin = people[Role.FIRM_ADMIN]
    await change(people[Role.OWNER], admin, 409, role="viewer")
    assert await remove(people[Role.OWNER], admin) == 409
    await join(admin, admin.at_business, Role.VIEWER)  # a membership besides takes nothing away
    await change(people[Role.OWNER], admin, 409, role="bookkeeper")
    assert (await admin.ask("GET", "/members")).status_code == 200


async def test_another_business_keeps_its_members_to_itself(web: Web) -> None:
    mine, theirs = [await member(web, await open_business(web), Role.OWNER) for _ in range(2)]
    await change(mine, theirs, 404, role="viewer")
    assert await remove(mine, theirs) == 404
    assert [row["user_id"] for row in (await theirs.get("/members"))["data"]] == [str(theirs.user_id)]


@pytest.mark.parametrize(
    "body",
    [
        {"role": "firm_admin"},
        {"role": "king"},
        {"approval_limit": -1},
        {"approval_limit": "1.001"},
        {"approval_limit": "NaN"},
        {"approval_limit": "9" * 20},
        {"role": "viewer", "email": "x@example.com"},
        [],
    ],
)
async def test_a_change_that_cannot_be_read_is_refused(web: Web, body: Any) -> None:
    owner = await member(web, await open_business(web), Role.OWNER)
    assert_problem(await owner.ask("PATCH", f"/members/{owner.user_id}", json=body), 422, "malformed-request")


async def test_without_a_second_factor_nobody_lets_others_in(web: Web) -> None:
    business_id = await open_business(web)
    bare = await join(await sign_up(web, has_factor=False), business_id, Role.OWNER)
    assert_problem(await bare.ask("GET", "/members"), 403, "forbidden")
    admin = await join_firm(await sign_up(web, has_factor=False), await open_firm(web))
    assert_problem(await admin.ask("POST", "/businesses", json={"name": "B"}), 403, "forbidden")


async def test_an_invitation_is_written_listed_and_withdrawn(web: Web) -> None:
    people = await everyone(web)
    owner, email = people[Role.OWNER], f"{people[Role.OWNER].user_id}@new.example"
    made = await owner.ask("POST", "/invitations", json={"email": email.upper(), "role": "viewer"})
    assert made.status_code == 201, made.text
    invitation = made.json()["data"]
    assert (invitation["email"], invitation["invited_by"]) == (email, str(owner.user_id))
    assert "oo_join" not in made.text
    async with web.services.access_uow([]) as uow:
        letters = await uow.session.scalar(select(func.count()).select_from(Mail).where(Mail.recipient == email))
    assert letters == 1
    assert [row["id"] for row in (await owner.get("/invitations"))["data"]] == [invitation["id"]]
    stranger = await member(web, await open_business(web), Role.OWNER)
    path = f"/invitations/{invitation['id']}"
    assert (await stranger.ask("DELETE", path)).status_code == 404
    assert [(await owner.ask("DELETE", path)).status_code for _ in range(2)] == [204, 404]
    events = [row["event"] for row in (await owner.get("/audit"))["data"]]
    assert events[:2] == ["member.invitation_revoked", "member.invited"]


async def test_the_roles_that_can_be_given_are_those_of_the_table() -> None:
    assert get_args(MemberRole) == tuple(role.value for role in BUSINESS_ROLES)
