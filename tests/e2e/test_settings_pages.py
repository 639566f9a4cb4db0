"""The settings as pages: who may open and change what, tokens shown once, rules kept with their history."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from domains.core.permissions import Role
from infra.clock import SystemClock
from infra.qbo.simulator.timestamps import PACIFIC
from runway.orchestrators.audit_events import AuditCursor, AuditFilter
from runway.web.pages.audit import timeline_of
from tests.e2e.conftest import small_company
from tests.e2e.pages import Desk, text_of
from tests.e2e.people import join, member, sign_up
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAITS = "Waits Ltd"
HOSTILE = '<script>alert("x")</script>'
PAGES = ("", "/members", "/tokens", "/connection", "/approvals", "/runway", "/mail")


@dataclass(frozen=True)
class Office:
    shop: Shop
    owner: Desk
    bookkeeper: Desk
    viewer: Desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    home = tmp_path_factory.mktemp("settings")
    async with open_shop(database, module_redis_url, home=home, files=[small_company()]) as shop:
        add_vendor_that_waits(shop)
        await shop.read_books()
        business_id = UUID(shop.visitor.business_id)
        people = [await member(shop.web, business_id, role) for role in (Role.OWNER, Role.BOOKKEEPER, Role.VIEWER)]
        yield Office(shop, *map(Desk, people))


def add_vendor_that_waits(shop: Shop) -> None:
    """Four bills of it were paid ten days late, and one falls due in five days."""
    today, company = SystemClock().now().astimezone(PACIFIC).date(), shop.company
    line, paid_from = shop.bodies("Bill")[0]["Line"], shop.bodies("BillPayment")[0]["CheckPayment"]
    vendor = {"value": company.create("Vendor", {"DisplayName": WAITS}).id}
    for due_in in (-50, -40, -30, -20, 5):
        due_on = today + timedelta(days=due_in)
        dates = {"TxnDate": str(due_on - timedelta(days=15)), "DueDate": str(due_on)}
        bill = company.create("Bill", {"VendorRef": vendor, "Line": line, **dates})
        if due_in < 0:
            total = bill.body["TotalAmt"]
            paid = {"VendorRef": vendor, "TotalAmt": total, "PayType": "Check", "CheckPayment": paid_from}
            applied = [{"Amount": total, "LinkedTxn": [{"TxnId": bill.id, "TxnType": "Bill"}]}]
            company.create("BillPayment", {**paid, "TxnDate": str(due_on + timedelta(days=10)), "Line": applied})


async def test_an_owner_opens_every_page_and_others_what_they_may(office: Office) -> None:
    for path in PAGES:
        assert (await office.owner.get(f"/settings{path}")).status_code == 200, path
        of_viewer = (await office.viewer.get(f"/settings{path}")).status_code
        assert of_viewer == (403 if path in {"/members", "/tokens"} else 200), path
    shown = text_of(await office.viewer.get("/settings/approvals"))
    assert "You may look at this, but not change it." in shown
    assert (await office.bookkeeper.send("/settings/approvals", needed_from="5")).status_code == 403


async def test_a_token_is_shown_once_works_and_ends(office: Office) -> None:
    made = await office.owner.send("/settings/tokens", name="Night", permissions="books.read", expires_in_days="30")
    token = re.search(r'value="(oo_[^"]+)"', made.text)
    assert made.status_code == 200
    assert token is not None
    page = await office.owner.get("/settings/tokens")
    assert token[1] not in page.text
    assert "Night" in page.text
    http, headers = office.shop.web.http, {"Authorization": f"Bearer {token[1]}"}
    assert (await http.get("/api/v1/runway", headers=headers)).status_code == 200
    revoke = re.search(r'action="[^"]*(/settings/tokens/[^"]+/revoke)"', page.text)
    assert revoke is not None
    assert "is ended" in text_of(await office.owner.follow(await office.owner.send(revoke[1])))
    assert (await http.get("/api/v1/runway", headers=headers)).status_code == 401


async def test_a_token_without_permissions_is_asked_for_them_and_keeps_what_was_typed(office: Office) -> None:
    answer = await office.owner.send("/settings/tokens", name=HOSTILE)
    assert answer.status_code == 422
    assert "Choose at least one." in answer.text
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_people_are_invited_changed_and_removed_and_a_hostile_name_stays_a_name(office: Office) -> None:
    invited = await office.owner.send(
        "/settings/members/invite", email="new@example.com", role="approver", approval_limit="500"
    )
    page = await office.owner.follow(invited)
    assert "new@example.com" in page.text
    withdraw = re.search(r'action="[^"]*(/settings/members/invitations/[^"]+/withdraw)"', page.text)
    assert withdraw is not None
    assert "is withdrawn" in text_of(await office.owner.follow(await office.owner.send(withdraw[1])))

    mallory = await join(await sign_up(office.shop.web, name=HOSTILE), office.owner.person.at_business, Role.VIEWER)
    path = f"/settings/members/{mallory.user_id}"
    changed = await office.owner.follow(await office.owner.send(path, role="approver", approval_limit="1200.50"))
    assert "$1,200.50" in changed.text
    assert HOSTILE not in changed.text
    refused = await office.owner.send(path, role="approver", approval_limit="much")
    assert refused.status_code == 422
    assert "Write an amount" in refused.text
    assert "belong here any more" in text_of(await office.owner.follow(await office.owner.send(f"{path}/remove")))


async def test_the_last_owner_stays_one_and_is_told_why(office: Office) -> None:
    answer = await office.owner.send(f"/settings/members/{office.owner.person.user_id}/remove")
    assert answer.status_code == 422
    assert "owner" in text_of(answer)


async def test_a_policy_is_set_told_with_its_author_and_refused_with_what_was_typed(office: Office) -> None:
    saved = await office.owner.send("/settings/approvals", needed_from="100", two_people_above="900")
    page = text_of(await office.owner.follow(saved))
    assert "Set by The owner" in page
    policy = await office.owner.person.get("/approval-policy")
    assert (policy["data"]["needed_from"], policy["data"]["payer_may_be_only_approver"]) == ("100.00", False)
    refused = await office.owner.send("/settings/approvals", needed_from="1000", two_people_above="900")
    assert refused.status_code == 422
    assert 'value="1000"' in refused.text


async def test_bills_wait_as_usual_once_the_business_wants_it(office: Office) -> None:
    async def bills() -> list[Decimal]:
        weeks = (await office.owner.person.get("/forecast"))["data"]["weeks"]
        return [Decimal(week["rows"].get("bills", 0)) for week in weeks]

    async def expected_late() -> int | None:
        items = (await office.owner.person.get("/operational"))["data"]["payables"]["items"]
        late: int | None = next(one["late_by_habit"] for one in items if one["party_name"] == WAITS)
        return late

    plain = await bills()
    assert await expected_late() is None
    fields = {"floor": "default", "counts_to_come": "yes", "counts_owner_draws": "yes"}
    saved = await office.owner.follow(await office.owner.send("/settings/runway", **fields, bills_by_habit="yes"))
    assert re.search(r'name="bills_by_habit"[^>]*checked', saved.text)
    assert (await office.owner.person.get("/runway/settings"))["data"]["bills_by_habit"] is True
    late, moved = await expected_late(), await bills()
    assert late is not None
    assert 0 < late <= 10
    assert moved != plain
    assert sum(moved) == sum(plain)
    assert all(sum(moved[: week + 1]) >= sum(plain[: week + 1]) for week in range(13))  # later, never sooner
    assumptions = (await office.owner.person.get("/forecast"))["data"]["assumptions"]
    assert any("usually paid late" in sentence for sentence in assumptions)
    bill = next(
        one for one in (await office.owner.person.get("/bills", status="open", limit=200))["data"]
        if one["vendor_name"] == WAITS
    )  # fmt: skip
    why = text_of(await office.owner.get(f"/payables/{bill['id']}"))
    assert re.search(rf"By the habit of the last 12 months, this vendor is paid {late} days? late\.", why)
    await office.owner.send("/settings/runway", **fields)
    assert await bills() == plain


async def test_the_floor_and_an_account_count_in_the_runway_from_then_on(office: Office) -> None:
    page = await office.owner.get("/settings/runway")
    account = re.search(r'name="(account\.[^"]+)"', page.text)
    assert account is not None
    fields = {"floor": "amount", "floor_amount": "777", "counts_to_come": "yes", account[1]: "counts_not"}
    saved = await office.owner.follow(await office.owner.send("/settings/runway", **fields))
    assert "does not count: switched off" in text_of(saved)
    runway = (await office.owner.person.get("/runway"))["data"]
    assert runway["floor"]["value"] == "777.00"
    assert len(runway["cash"]["excluded"]) == 1
    refused = await office.owner.send("/settings/runway", floor="amount", floor_amount="")
    assert (refused.status_code, "Write an amount" in refused.text) == (422, True)


async def test_reminders_are_switched_on_with_steps_of_their_own(office: Office) -> None:
    fields = {
        "is_on": "yes",
        "quiet_days": "5",
        "send_from": "8",
        "send_until": "18",
        "sender_name": HOSTILE.replace("<", "").replace(">", "").replace('"', ""),
    }
    levels = {"level.0.days": "7", "level.0.tone": "firm", "level.1.days": "", "level.1.subject": ""}
    saved = await office.owner.follow(await office.owner.send("/settings/mail", **fields, **levels))
    assert "Saved." in text_of(saved)
    policy = (await office.owner.person.get("/collections/policy"))["data"]
    assert (policy["is_on"], [one["days"] for one in policy["levels"]]) == (True, [7])
    refused = await office.owner.send("/settings/mail", **{**fields, "send_from": "25"}, **levels)
    assert (refused.status_code, 'value="25"' in refused.text) == (422, True)


async def test_quickbooks_is_asked_and_its_consent_page_is_reached(office: Office) -> None:
    assert "QuickBooks answers." in text_of(await office.owner.get("/settings/connection?check=1"))
    assert "Must be connected again" not in text_of(await office.viewer.get("/settings/connection"))
    out = await office.owner.get("/settings/connection/connect")
    assert out.status_code == 303
    assert "/connect/oauth2" in out.headers["location"]
    assert (await office.viewer.get("/settings/connection/connect")).status_code == 403


async def test_the_timeline_tells_who_set_what_from_what_and_filters_by_it(office: Office) -> None:
    page = await office.owner.get("/audit?kind=setting")
    told = text_of(page)
    assert "The owner set what is to be approved" in told
    assert "needed from 0 → became 100.00" in told
    assert "The owner set cash and floor" in told
    assert "invited somebody" not in told
    assert "The owner invited somebody" in text_of(await office.owner.get("/audit?kind=access"))
    of_system = text_of(await office.owner.get("/audit?actor=system"))
    assert "brought in changes by the first reading" in of_system
    assert "what is to be approved" not in of_system
    nothing = await office.owner.get("/audit?kind=action")
    assert "Nothing that these filters leave." in text_of(nothing)
    assert (await office.viewer.get("/audit")).status_code == 403
    assert (await office.owner.get("/audit?kind=nonsense")).status_code == 422
    assert (await office.owner.get("/audit?cursor=nonsense")).status_code == 400


async def test_an_approval_stands_in_the_timeline_with_its_bill_and_its_seal_once_it_has_one(office: Office) -> None:
    bills = (await office.owner.person.get("/bills"))["data"]
    bill = next(one for one in bills if one["balance"] not in {"0.00", None})
    answer = await office.owner.person.ask("POST", f"/bills/{bill['id']}/approve", json={"duplicate_reason": HOSTILE})
    assert answer.status_code == 200, answer.text
    page = await office.owner.get(f"/audit?object={bill['id']}")
    assert HOSTILE not in page.text
    assert page.text.count('class="entry"') == 1
    assert f'href="{office.owner.path}/bills/{bill["id"]}"' in page.text
    assert "Not sealed yet" in page.text


async def test_the_export_has_every_entry_and_is_told_of_in_the_log(office: Office) -> None:
    answer = await office.owner.get("/audit/export?format=json")
    rows = answer.json()
    assert {"decision", "setting", "access", "books"} <= {row["kind"] for row in rows}
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    as_csv = await office.owner.get("/audit/export?kind=setting")
    assert as_csv.text.splitlines()[0].startswith('"at","kind","verb"')
    assert len(as_csv.text.splitlines()) == 1 + len([row for row in rows if row["kind"] == "setting"])
    assert "The owner exported the log" in text_of(await office.owner.get("/audit?kind=access"))
    assert (await office.bookkeeper.get("/audit/export")).status_code == 403


async def test_pages_of_the_timeline_lose_nothing_and_repeat_nothing(office: Office) -> None:
    web, person = office.shop.web, office.owner.person
    async with web.services.access_uow([]) as uow:
        business = await web.services.businesses.get_business(uow.session, person.at_business)
    timeline, seen, cursor = timeline_of(business, web.services), [], None
    whole = [one.key async for one in timeline.export(AuditFilter())]
    while True:
        page = await timeline.get(AuditFilter(), cursor=cursor, limit=3)
        seen += [one.key for one in page.events]
        if page.next_cursor is None:
            break
        cursor = AuditCursor.decode(page.next_cursor)
    assert seen == whole
    assert len(set(seen)) == len(seen) > 10
