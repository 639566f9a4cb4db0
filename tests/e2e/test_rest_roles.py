"""Every route as every role: the table of permissions, over HTTP."""

import re
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from domains.core.paging import MAX_PAGE
from domains.core.permissions import MAY, Permission, Role
from runway.routes import API
from runway.routes.doors import Door
from tests.e2e.people import Browser, everyone
from tests.e2e.rest import Web, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOME_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
# What a caller who may gets of an empty business, where it is not 200: nothing of that id, a body that is missing, QuickBooks
# away or not connected.
ALLOWED = {
    "ask_for_comparison": 202,
    "ask_for_reconciliation": 202,
    "connect_qbo": 503,
    "get_kpis": 409,
    "create_business": 422,
    "create_token": 422,
    "disconnect_qbo": 404,
    "get_connection": 404,
    "get_log_proof": 422,
    "invite_member": 422,
    "change_member": 422,
    "pay_bill": 422,
    "batch_execute": 422,
    "void_payment": 422,
    "review_payment": 422,
    "send_reminder": 422,
    "record_payment": 422,
    "note_promise": 422,
    "note_write_off": 422,
    "open_dispute": 422,
    "set_approval_policy": 422,
    "set_runway_settings": 422,
    "set_expected_date": 422,
    "set_reminder_policy": 422,
    "set_customer_reminders": 422,
    "get_customer_reminders": 404,
    "run_collections": 422,
    "preview_actions": 422,
    "confirm_discount": 422,
    "save_scenario": 422,
    "assign_item": 422,
    "snooze_item": 422,
    "ask_client": 422,
    "assign_business": 422,
    "decide_step": 422,
    "finish_ritual": 422,
    "send_digest": 422,
    "send_all_digests": 422,
    "set_digest_settings": 422,
}


def declared(dependant: Dependant, kind: str) -> set[Any]:
    own = getattr(dependant.call, kind, None)
    found = set() if own is None else {own}
    return found.union(*(declared(inner, kind) for inner in dependant.dependencies))


ROUTES = [
    (method, route, *declared(route.dependant, "permission"), *declared(route.dependant, "door"))
    for router in API
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
GUARDED = [row for row in ROUTES if len(row) == 3]


def is_allowed(role: Role, needed: Permission | Door) -> bool:
    if isinstance(needed, Permission):
        return needed in MAY[role]
    return needed is not Door.FIRM_ADMIN or role is Role.FIRM_ADMIN


@pytest.mark.timeout(400)
@pytest.mark.parametrize("role", list(Role))
async def test_a_role_gets_what_its_permissions_say(web: Web, role: Role) -> None:
    """All routes in one test: people who signed in for it have shown who they are lately, as some routes demand."""
    people = await everyone(web)
    refused = set()
    for method, route, needed in GUARDED:
        path = re.sub(r"{\w+}", SOME_ID, route.path)
        answer = await people[role].ask(method, path.removeprefix("/api/v1"))
        if is_allowed(role, needed):
            expected = ALLOWED.get(route.name, 404 if "{" in route.path else 200)
            assert answer.status_code == expected, (method, path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
            assert_problem(answer, 403, "forbidden")
            refused.add((method, path))
    assert await noted_refusals(people[Role.OWNER], of=people[role]) == refused


async def noted_refusals(reader: Browser, *, of: Browser) -> set[tuple[str, str]]:
    """The methods and paths in the access log."""
    answer = await reader.get("/audit", event="permission.refused", user=of.user_id, limit=MAX_PAGE)
    assert answer["next_cursor"] is None
    return {(row["details"]["method"], row["details"]["path"]) for row in answer["data"]}


async def test_the_table_covers_every_permission_that_a_route_needs() -> None:
    needed = {row[2] for row in GUARDED}
    assert {
        Permission.MEMBERS_MANAGE,
        Permission.TOKENS_MANAGE,
        Permission.AUDIT_READ,
        Permission.AUDIT_EXPORT,
    } <= needed
    assert set(ALLOWED) <= {route.name for _, route, *_ in GUARDED}
