"""The screens that act, as a browser without scripts and as htmx see them: one company, shared by all tests."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import httpx
import pytest
import pytest_asyncio
from psycopg import connect

from domains.core.permissions import Role
from infra.sync.freshness import AS_IT_STANDS
from runway.routes.request_proofs import csrf_token
from tests.e2e.paying import Paying, new_key, open_paying, paying_company
from tests.e2e.people import Browser, member
from tests.e2e.rest import open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<script>alert(1)</script>\"'&"
HTMX = {"HX-Request": "true"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paying(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Paying]:
    home = tmp_path_factory.mktemp("acting")
    async with open_shop(database, module_redis_url, home=home, files=[paying_company()]) as shop:
        yield await open_paying(shop)


class Pages:
    """One person's pages of the business."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.base = f"/c/{browser.at_business}"

    async def get(self, path: str, *, status: int = 200, **headers: str) -> str:
        answer = await self._send("GET", path, headers)
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, path: str, *, fields: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        body = {"csrf": csrf_token(self.browser.session), **(fields or {})}
        return await self._send("POST", path, headers, data=body)

    async def _send(self, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        sent = {
            "Cookie": f"sid={self.browser.session}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return await self.browser.web.http.request(method, self.base + path, headers=sent, **more)


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that posts there."""
    form = next(part for part in page.split("<form")[1:] if f'method="post" action="{action}"' in part)
    inputs = re.findall(r"<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"", form.split("</form>")[0])
    return {name: unescape(value) for name, value in inputs}


async def books_of(paying: Paying) -> str:
    """What is another text once the mirrors may have changed."""
    services, business_id = paying.shop.web.services, paying.owner.at_business
    async with services.uow([business_id]) as uow:
        business = await services.businesses.get_business(uow.session, business_id)
    return (await services.of(business).company.get_books_mark(freshness=AS_IT_STANDS)).value.mark


async def test_a_bill_is_paid_by_its_pages_once_however_often_the_form_is_sent(paying: Paying) -> None:
    pages, bill = Pages(paying.owner), await paying.approved()
    path = f"/payables/{bill['id']}"
    assert "Review the payment" in await pages.get(path)
    confirm = await pages.get(f"{path}/pay?account_id={paying.bank}&date={paying.today}")
    assert bill["vendor_name"] in unescape(confirm)
    assert "Low point" in confirm
    wish = fields_of(confirm, f"{pages.base}{path}/pay")
    assert {"csrf", "idempotency_key", "account_id", "seen_figures_id"} <= set(wish)
    before = await books_of(paying)
    async with paying.working():
        first, second = await pages.post(f"{path}/pay", fields=wish), await pages.post(f"{path}/pay", fields=wish)
        assert (first.status_code, second.status_code) == (303, 303)
        assert first.headers["location"] == second.headers["location"]
        payment = first.headers["location"].rpartition("/")[2]
        await paying.verified(payment)
    assert len(paying.payments_of(bill)) == 1
    assert await books_of(paying) != before
    page = await pages.get(f"/payments/{payment}")
    assert "Recorded in QuickBooks as payment" in page
    assert "Seen then" in page
    assert "every 1s" not in page
    assert "The owner" in page


async def test_a_payment_settles_before_the_eyes_and_can_be_undone_before_it_is_sent(paying: Paying) -> None:
    pages, bill = Pages(paying.owner), await paying.approved()
    path, before = f"/payables/{bill['id']}/pay", await books_of(paying)
    wish = {"account_id": paying.bank, "idempotency_key": new_key(), "confirm_similar": "true"}
    asked = await pages.post(path, fields=wish, HX_Request="true")
    assert asked.status_code == 200, asked.text
    assert asked.headers["HX-Trigger"] == "acted"
    assert "Processing" in asked.text
    (payment,) = set(re.findall(r"/payments/([0-9a-f-]{36})/progress", asked.text))
    assert payment in await pages.get("/payables")
    polled = await pages.get(f"/payments/{payment}/progress", HX_Request="true")
    assert 'hx-trigger="every 1s"' in polled
    cancelled = await pages.post(f"/payments/{payment}/cancel", HX_Request="true")
    assert "Cancelled before anything was sent" in cancelled.text
    assert "every 1s" not in cancelled.text
    assert "Cancelled" in await pages.get(f"/payments/{payment}")
    assert await books_of(paying) == before, "what was never sent has changed nothing"
    later = {"date": (paying.today + timedelta(days=20)).isoformat(), "idempotency_key": new_key()}
    scheduled = await pages.post(path, fields=wish | later, HX_Request="true")
    assert "Scheduled: QuickBooks will be told on" in scheduled.text
    assert "hx-trigger" not in scheduled.text


@pytest.mark.parametrize(("kind", "act", "fields", "told"), [
    ("payables", "must-pay", {"reason": "The power is cut off"}, "It is marked"),
    ("receivables", "promise", {"promised_on": "{soon}"}, "promise"),
    ("receivables", "expected-date", {"expected_on": "{soon}"}, "expected-date/end"),
])  # fmt: skip
async def test_a_decision_is_shown_at_once_before_its_forecast_which_the_part_then_asks_for(
    paying: Paying, monkeypatch: pytest.MonkeyPatch, kind: str, act: str, fields: dict[str, str], told: str
) -> None:
    pages = Pages(paying.owner)
    names = {"payables": "bills", "receivables": "invoices"}
    document = (await paying.owner.get(f"/{names[kind]}", status="open", limit=1))["data"][0]
    path = f"/{kind}/{document['id']}"
    await pages.get("")  # the forecast before
    monkeypatch.setattr(f"runway.web.pages.{names[kind]}.PART_PATIENCE", timedelta(0))
    soon = (paying.today + timedelta(days=9)).isoformat()
    filled = {name: text.format(soon=soon) for name, text in fields.items()}
    done = await pages.post(f"{path}/{act}", fields=filled, HX_Request="true")
    assert (done.status_code, done.headers["hx-trigger"]) == (200, "acted")
    part = done.text
    later = f'hx-get="{pages.base}{path}/outlook" hx-trigger="load, wake from:body, every 60s"'
    assert told in part
    assert later in part
    assert "Low point" not in part
    outlook = await pages.get(f"{path}/outlook", HX_Request="true")
    assert "Low point" in outlook
    assert re.search(rf'id="[a-z-]+-{document["id"]}" hx-swap-oob="true"', outlook)
    assert 'name="seen_figures_id"' in outlook
    whole = await pages.get(path, HX_Request="true")
    assert later not in whole
    assert "Low point" in whole


async def test_nothing_leaves_while_it_can_be_undone_and_it_leaves_by_itself_afterwards(paying: Paying) -> None:
    """Asked for by a program, which waits only when it says so; shown and undone on the page, without a script."""
    pages, bill = Pages(paying.owner), await paying.approved()
    async with paying.working():
        asked = await paying.pay(bill, undo_seconds=30)
        shown = asked.json()["data"]
        assert (asked.status_code, shown["outcome"], shown["may"]) == (202, "processing", ["cancel"])
        assert shown["undo_until"] == shown["next_try_at"]
        page = await pages.get(f"/payments/{shown['id']}")
        assert re.search(r'role="timer" data-seconds="(30|29|2\d)"', page)
        fields = fields_of(page, f"{pages.base}/payments/{shown['id']}/cancel")
        undone = await pages.post(f"/payments/{shown['id']}/cancel", fields=fields)
        assert undone.status_code == 303
        assert "Cancelled before anything was sent" in await pages.get(f"/payments/{shown['id']}")
        short = (await paying.pay(bill, undo_seconds=1)).json()["data"]["id"]
        await paying.verified(short)
    assert len(paying.payments_of(bill)) == 1


async def test_a_bookkeeper_takes_back_their_own_reminder_and_nobody_elses(paying: Paying) -> None:
    web, business_id = paying.shop.web, paying.owner.at_business
    mine, other = [await member(web, business_id, Role.BOOKKEEPER) for _ in range(2)]
    invoice = (await mine.get("/invoices", status="open", limit=1))["data"][0]
    body, key = {"to": "books@customer.example", "undo_seconds": 30}, {"Idempotency-Key": new_key()}
    asked = await mine.ask("POST", f"/invoices/{invoice['id']}/send-reminder", json=body, headers=key)
    action = asked.json()["data"]["id"]
    page = await Pages(mine).get(f"/payments/{action}")
    assert f'action="{Pages(mine).base}/payments/{action}/undo"' in page
    assert "/undo" not in await Pages(other).get(f"/payments/{action}")
    refused = await Pages(other).post(f"/payments/{action}/undo", HX_Request="true")
    assert (refused.status_code, "Somebody else asked for this" in refused.text) == (422, True)
    undone = await Pages(mine).post(f"/payments/{action}/undo", HX_Request="true")
    assert "Cancelled before anything was sent" in undone.text


async def test_a_refusal_is_told_in_words_and_what_was_typed_is_kept(paying: Paying) -> None:
    bill = next(paying.bills)
    limited = await member(paying.shop.web, paying.owner.at_business, Role.APPROVER, limit=Decimal(1))
    path = f"/payables/{bill['id']}"
    refused = await Pages(limited).post(f"{path}/approve", fields={"duplicate_reason": "typed reason"})
    assert refused.status_code == 422
    assert "you may approve up to" in refused.text
    unapproved = {"account_id": paying.bank, "amount": "2.50", "idempotency_key": new_key()}
    refused = await Pages(paying.owner).post(f"{path}/pay", fields=unapproved)
    assert refused.status_code == 422
    assert "is not approved yet" in unescape(refused.text)
    assert fields_of(refused.text, f"{Pages(paying.owner).base}{path}/pay")["amount"] == "2.50"
    await paying.approve(bill)
    wrong = await Pages(paying.owner).get(f"{path}/pay?account_id={paying.bank}&amount=a+lot", status=422)
    assert "Write an amount" in wrong
    assert 'value="a lot"' in wrong
    keyless = await Pages(paying.owner).post(f"{path}/pay", fields={"account_id": paying.bank})
    assert "Load the page again" in keyless.text


async def test_several_bills_are_summed_with_the_runway_that_follows_and_paid_together(paying: Paying) -> None:
    pages, bills = Pages(paying.owner), [next(paying.bills), next(paying.bills)]
    ticked = "&".join(f"bill={bill['id']}" for bill in bills)
    bar = await pages.get(f"/payables/selection?{ticked}", HX_Request="true", HX_Target="bulk")
    assert "2 bills" in bar
    assert "Paid today: runway" in bar
    assert "<html" not in bar
    shown: dict[str, Any] = fields_of(
        await pages.get(f"/payables/selection?{ticked}"), f"{pages.base}/payables/approve"
    )
    assert shown[f"total-{bills[0]['id']}"] != "1.00"
    other = {
        "bill": [bills[0]["id"]],
        f"total-{bills[0]['id']}": "1.00",
    }  # the bill was another when its page was drawn
    assert "Not approved" in (await pages.post("/payables/approve", fields=shown | other)).text
    approved = await pages.post("/payables/approve", fields=shown | {"bill": [bill["id"] for bill in bills]})
    if approved.status_code != 303:  # they may look like others
        await paying.approve(*bills)
    page = await pages.get(f"/payables/selection?{ticked}")
    wish: dict[str, Any] = fields_of(page, f"{pages.base}/payables/pay")
    wish |= {"bill": [bill["id"] for bill in bills], "account_id": paying.bank, "confirm_similar": "true"}
    first, second = await pages.post("/payables/pay", fields=wish), await pages.post("/payables/pay", fields=wish)
    named = [sorted(set(re.findall(r'id="action-([0-9a-f-]{36})"', answer.text))) for answer in (first, second)]
    assert named[0] == named[1]
    assert len(named[0]) == 2
    async with paying.working():
        for payment in named[0]:
            assert (await paying.settled(payment))["outcome"] == "recorded"
    assert [len(paying.payments_of(bill)) for bill in bills] == [1, 1]


async def test_lists_filter_by_age_and_words_and_can_be_taken_along(paying: Paying) -> None:
    pages = Pages(paying.owner)
    whole = await pages.get("/payables")
    assert whole.count('class="age-block') == 5
    assert "<html" in whole
    bill = next(paying.bills)
    found = await pages.get(f"/payables?status=all&q={bill['doc_number'] or bill['external_id']}", HX_Request="true")
    assert "<html" not in found
    assert bill["id"] in found
    same = await paying.owner.get("/bills", status="all", search=bill["doc_number"] or bill["external_id"])
    assert bill["id"] in {one["id"] for one in same["data"]}
    assert "Nothing fits these filters" in await pages.get("/payables?q=nobody+of+that+name")
    current = await pages.get("/payables?age=current")
    assert "days over" not in current.split("<tbody>")[-1]
    table = await pages.get("/payables.csv?status=open")
    assert bill["external_id"] in table
    assert "customer_name" in await pages.get("/receivables.csv")


async def test_a_customer_is_reminded_promises_and_pays(paying: Paying) -> None:
    pages, invoice = Pages(paying.bookkeeper), next(paying.invoices)
    path = f"/receivables/{invoice['id']}"
    page = await pages.get(path)
    assert "Expected" in page
    wish = {**fields_of(page, f"{pages.base}{path}/remind"), "to": "books@customer.example"}
    sent = await pages.post(f"{path}/remind", fields=wish)
    assert sent.status_code == 303, sent.text
    async with paying.working():
        assert (await paying.settled(sent.headers["location"].rpartition("/")[2]))["outcome"] == "recorded"
    assert "Mailed" in await pages.get(f"/payments/{sent.headers['location'].rpartition('/')[2]}")
    day = (paying.today + timedelta(days=9)).isoformat()
    noted = await pages.post(f"{path}/promise", fields={"promised_on": day, "reason": HOSTILE})
    assert noted.headers["location"].endswith("notice=promised"), noted.text
    page = await pages.get(path)
    assert HOSTILE not in page
    assert HOSTILE in unescape(page)
    past = await pages.post(f"{path}/promise", fields={"promised_on": "2001-01-01", "reason": "typed"})
    assert past.status_code == 422
    assert 'value="typed"' in past.text
    customer = await pages.get(
        f"/customers/{(await paying.visited('/customers', search=invoice['customer_name']))['id']}"
    )
    assert "0 kept, 0 broken" in customer
    wish = fields_of(page, f"{pages.base}{path}/record-payment")
    wish |= {"amount": "1.00", "date": paying.today.isoformat()}
    received = await pages.post(f"{path}/record-payment", fields=wish)
    assert received.status_code == 303, received.text
    async with paying.working():
        assert (await paying.settled(received.headers["location"].rpartition("/")[2]))["outcome"] == "recorded"


async def test_an_item_of_the_tray_is_opened_snoozed_and_restored(paying: Paying) -> None:
    pages = Pages(paying.bookkeeper)
    tray = await pages.get("/tray")
    assert [title for title in ("Pay", "Collect", "Fix data", "Risk") if f">{title} <" in tray] == [
        "Pay",
        "Collect",
        "Fix data",
        "Risk",
    ]
    item = re.findall(r"/tray/((?:bill|invoice):[0-9a-f-]{36})\"", tray)[0]
    assert "What it does to the runway" in await pages.get(f"/tray/{item}")
    until = (paying.today + timedelta(days=5)).isoformat()
    snoozed = await pages.post(f"/tray/{item}/snooze", fields={"until": until})
    assert snoozed.headers["location"].endswith("/tray?notice=snoozed"), snoozed.text
    assert f"/tray/{item}" not in await pages.get("/tray")
    assert f"/tray/{item}" in await pages.get("/tray?hidden=1")
    assert (await pages.post(f"/tray/{item}/snooze", fields={"until": "2001-01-01"})).status_code == 422
    restored = await pages.post(f"/tray/{item}/restore")
    assert restored.status_code == 303
    assert f"/tray/{item}" in await pages.get("/tray")
    asked = await pages.post(f"/tray/{item}/ask", fields={"question": HOSTILE})
    assert asked.status_code == 303
    assert HOSTILE not in await pages.get(f"/tray/{item}")
    firm = await paying.bookkeeper.web.http.get("/tray", headers={"Cookie": f"sid={paying.bookkeeper.session}"})
    assert f"/tray/{item}" in firm.text


async def test_a_viewer_sees_no_button_that_refuses_and_may_post_nothing(paying: Paying) -> None:
    viewer = Pages(await member(paying.shop.web, paying.owner.at_business, Role.VIEWER))
    bill, invoice = await paying.approved(), next(paying.invoices)
    for path in (f"/payables/{bill['id']}", f"/receivables/{invoice['id']}", "/tray", "/payables", "/receivables"):
        page = await viewer.get(path)
        main = page[page.index("<main") :]
        assert 'method="post"' not in main, path
    wish = {"account_id": paying.bank, "idempotency_key": new_key()}
    for path, fields in (
        (f"/payables/{bill['id']}/pay", wish),
        (f"/payables/{bill['id']}/approve", {}),
        ("/payables/pay", {**wish, "bill": bill["id"]}),
        (f"/receivables/{invoice['id']}/remind", {"idempotency_key": new_key()}),
        (f"/receivables/{invoice['id']}/promise", {"promised_on": paying.today.isoformat()}),
        ("/tray/floor/dismiss", {}),
    ):
        answer = await viewer.post(path, fields=fields)
        assert answer.status_code == 403, path
        assert "does not have the permission" in answer.text
    assert paying.payments_of(bill) == []


async def test_a_form_of_another_site_does_nothing(paying: Paying) -> None:
    bill = await paying.approved()
    wish = {"csrf": "not this one", "account_id": paying.bank, "idempotency_key": new_key()}
    answer = await Pages(paying.owner).post(f"/payables/{bill['id']}/pay", fields=wish)
    assert answer.status_code == 403
    assert paying.payments_of(bill) == []


async def test_hostile_names_are_text(paying: Paying, database: Database) -> None:
    bill = await paying.approved()
    with connect(database.superuser_url.replace("+psycopg", "")) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # as if QuickBooks had sent it so
        connection.execute(
            "UPDATE bill SET vendor_name = %s, doc_number = %s, memo = %s WHERE id = %s",
            [HOSTILE, HOSTILE, HOSTILE, bill["id"]],
        )
    pages = Pages(paying.owner)
    vendor = (await paying.visited("/vendors"))["id"]
    confirm = f"/payables/{bill['id']}/pay?account_id={paying.bank}"
    for path in (f"/payables/{bill['id']}", "/payables?status=all&q=alert", confirm, f"/vendors/{vendor}"):
        assert HOSTILE not in await pages.get(path), path
    assert HOSTILE in unescape(await pages.get(confirm))
