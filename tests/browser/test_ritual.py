"""A whole week with the keyboard alone, from the sign-in to the digest's mail; and what a page that was left open does."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from domains.core.permissions import Role
from infra.actions.models import ActionAttempt, ActionIntent
from infra.actions.states import ActionState
from infra.clock import SystemClock
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.files.company_file import IN_TROUBLE
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from infra.qbo.simulator.trouble.background import add_trouble
from infra.qbo.simulator.trouble.rules import read_rules
from tests.browser.keyboard import Keyboard
from tests.browser.site import Site, open_site
from tests.browser.watching import watched_page
from tests.e2e.town import PASSWORD, Phone
from tests.rig import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

# The first payment that QuickBooks is told of it refuses, a later one it answers late.
REFUSED = {
    "name": "refused",
    "match": {"entity": "BillPayment", "verb": "create", "count": 1},
    "effect": {"do": "answer", "status": 400, "body": "fault", "code": "6210"},
}
LATE = {
    "name": "late",
    "match": {"entity": "BillPayment", "verb": "create", "skip": 1, "count": 1},
    "effect": {"do": "late", "after_seconds": 2},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    chromium: Browser,  # noqa: ARG001 - no site is opened for nobody
    site_database: Database,
    module_redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """One company, connected to nobody yet."""
    today = SystemClock().now().astimezone(PACIFIC).date()
    home = tmp_path_factory.mktemp("ritual")
    files = [sample_company(IN_TROUBLE, today=today)]
    async with open_site(site_database, module_redis_url, home=home, files=files, undo_window="0") as opened:
        yield opened


async def test_a_week_with_the_keyboard_alone(chromium: Browser, site: Site) -> None:
    town = site.town
    business = await town.business()
    owner = await town.person(business, role=Role.OWNER)
    phone = await town.set_up_factor(owner)
    add_trouble(site.simulator, read_rules([REFUSED, LATE], source="the test"))
    async with watched_page(chromium, site.url, also=(site.info.base_url,)) as (page, watch):
        keys = Keyboard(page)
        await sign_in(page, owner.email, phone)
        await connect(page)
        await watch_the_books_being_read(page)

        await keys.link("Ritual")
        await keys.button("Start this week's ritual")
        await expect(page.get_by_text("Ties out").last).to_be_visible()
        await keys.type(page.get_by_label("Note"), "Tied out to the cent")
        await keys.button("Looked at: go on")
        await keys.button("Looked at: go on")

        first = page.locator("#ritual-rows tbody tr").first
        number = await first.locator("th .soft").inner_text()
        words: list[str] = []
        told = await pay_the_bill(page, 0, words=words)
        assert told == "Not recorded"
        assert "The books are closed for this date." in words[0]
        assert (await refusals_of_quickbooks(site, business.id), payments_of(site, number)) == (["6210"], [])
        outcomes = [await pay_the_bill(page, row) for row in (1, 2)]
        assert outcomes == ["Recorded", "Recorded"]
        await keys.button("Decided: go on")

        for row in range(2):
            await remind(page, row)
        await keys.button("Decided: go on")

        await keys.type(page.get_by_label("Note"), "The owner lends 10,000 on Monday")
        await keys.button("Acted on it: go on")
        await expect(page.get_by_text("The owner lends 10,000 on Monday")).to_be_visible()
        await keys.button("Finish, and lock the figures")
        await expect(page.get_by_text("These figures are locked.")).to_be_visible()

        await keys.link("See and send the digest")
        await keys.button("Send it now")
        await expect(page.locator("#sends").get_by_text("Sent", exact=True)).to_be_visible()
        pdf = await page.request.get(f"/c/{business.id}/digest.pdf")
        assert (await pdf.body()).startswith(b"%PDF")

        with watch.server_away():
            await site.stop()
            await site.start(undo_window=timedelta(seconds=60))
        await page.goto(f"/c/{business.id}/payables")
        await undo_a_payment(page, site)
    (mail,) = [letter for letter in letters_to(site, owner.email) if letter.get_body(("html",))]
    for kind in ("html", "plain"):
        part = mail.get_body((kind,))
        assert part is not None
        assert business.name in part.get_content()


async def test_a_page_left_open_for_a_day_keeps_what_was_typed(chromium: Browser, site: Site) -> None:
    town = site.town
    business = await town.business()
    owner = await town.person(business, role=Role.OWNER)
    phone = await town.set_up_factor(owner)
    async with watched_page(chromium, site.url) as (page, _):
        await sign_in(page, owner.email, phone)
        await page.goto(f"/c/{business.id}/settings/runway")
        amount = page.get_by_label("Amount in USD")
        await page.get_by_label("an amount", exact=True).check()
        await amount.fill("12345")
        await site.stop()
        await site.start()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()

        await page.get_by_label("Day of the month").fill("15")
        await amount.fill("23456")
        site.clock.ahead += timedelta(days=1)
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url("**/sign-in?*")
        await fill_in_sign_in(page, owner.email, phone)
        await page.wait_for_url("**/settings/runway*")
        await expect(amount).to_have_value("23456")
        await expect(page.get_by_label("Day of the month")).to_have_value("15")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()


async def sign_in(page: Page, email: str, phone: Phone) -> None:
    await page.goto("/sign-in")
    await fill_in_sign_in(page, email, phone)
    await page.wait_for_url(re.compile(r"/c/[0-9a-f-]{36}$"))


async def fill_in_sign_in(page: Page, email: str, phone: Phone) -> None:
    """The fields have the focus where they should; what is typed before a page gives it is lost."""
    await expect(page.get_by_label("E-mail", exact=True)).to_be_focused()
    await page.keyboard.type(email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sign-in/second-factor*")
    await expect(page.get_by_label("Code", exact=True)).to_be_focused()
    await page.keyboard.type(phone.code())
    await page.keyboard.press("Enter")


async def connect(page: Page) -> None:
    keys = Keyboard(page)
    await keys.link("Connect QuickBooks")
    await page.wait_for_url("**/settings/connection")
    await keys.link("Connect QuickBooks")
    await page.wait_for_url(re.compile("oauth"))
    await keys.button("Connect")
    await expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    await keys.link("Watch the books being read")


async def watch_the_books_being_read(page: Page) -> None:
    """Before the eyes: nobody loads the page again. It does so itself when it is over, and is left after that."""
    await page.wait_for_url("**/health")
    await expect(page.get_by_text("Same as QuickBooks").first).to_be_visible(timeout=120_000)
    await expect(page.locator("#progress[hx-trigger]")).to_have_count(0, timeout=120_000)
    await expect(page.get_by_text("not yet", exact=True)).to_have_count(0, timeout=120_000)


def letters_to(site: Site, email: str) -> list[EmailMessage]:
    """As they lie in the files that take a mail server's place."""
    files = sorted((site.town.home / "mail").glob("*.eml"))
    letters = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [letter for letter in letters if letter["To"] == email]


def bill_in_quickbooks(site: Site, number: str) -> Body:
    (company,) = site.companies
    (bill,) = [one.body for one in company.stores["Bill"].records.values() if one.body.get("DocNumber") == number]
    return bill


async def refusals_of_quickbooks(site: Site, business_id: UUID) -> list[str | None]:
    """The codes that it answered the payments with which failed."""
    async with site.web.services.uow([business_id]) as uow:
        failed = select(ActionAttempt.code).join(
            ActionIntent,
            (ActionIntent.business_id == ActionAttempt.business_id) & (ActionIntent.id == ActionAttempt.intent_id),
        )
        codes = await uow.session.scalars(
            failed.where(ActionIntent.business_id == business_id, ActionIntent.state == ActionState.FAILED.value)
        )
        return [code for code in codes if code is not None]


def payments_of(site: Site, number: str) -> list[Body]:
    (company,) = site.companies
    bill = {"TxnId": bill_in_quickbooks(site, number)["Id"], "TxnType": "Bill"}
    payments = [one.body for one in company.stores["BillPayment"].records.values()]
    return [one for one in payments if any(bill in line.get("LinkedTxn", ()) for line in one.get("Line", ()))]


async def undo_a_payment(page: Page, site: Site) -> None:
    """Asked for, and called off while the page counts; nothing of it is in QuickBooks."""
    keys, sheet = Keyboard(page), page.locator("#sheet")
    row = page.locator("#table tbody tr").filter(has_text="Waits for approval").first
    number = await row.locator("th .soft").inner_text()
    await keys.press(row.locator("[data-open]"))
    await keys.press(sheet.get_by_role("button", name=re.compile("^Approve ")))
    await keys.button("Review the payment", sheet)
    await keys.button("Record the payment", sheet)
    await expect(sheet.get_by_role("timer")).to_have_text(
        re.compile("^[1-5][0-9]$")
    )  # the site's clock is ahead: codes of a phone are used once
    await keys.press(sheet.get_by_role("button", name=re.compile("^Undo")))
    await expect(sheet.get_by_text("Cancelled before anything was sent")).to_be_visible()
    assert payments_of(site, number) == []


async def pay_the_bill(page: Page, row: int, *, words: list[str] | None = None) -> str:
    """Approve and pay the bill of that row, and watch what becomes of it; the word that it ends on, and in `words` what is said of it."""
    keys, sheet = Keyboard(page), page.locator("#sheet")
    await keys.press(page.locator("#ritual-rows [data-open]").nth(row))
    await keys.press(sheet.get_by_role("button", name=re.compile("^Approve ")))
    await keys.button("Review the payment", sheet)
    await expect(sheet.get_by_role("button", name="Record the payment")).to_be_visible()
    await keys.button("Record the payment", sheet)
    settled = sheet.get_by_text(re.compile("^(Recorded|Not recorded)$")).first
    await expect(settled).to_be_visible(timeout=30_000)
    told = await settled.inner_text()
    if words is not None:
        words.append(await sheet.inner_text())
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    return told


async def remind(page: Page, row: int) -> None:
    """The sample's invoices have no address: whoever reminds gives one."""
    keys, sheet = Keyboard(page), page.locator("#sheet")
    await keys.press(page.locator("#ritual-rows [data-open]").nth(row))
    await keys.type(sheet.get_by_role("textbox", name="To", exact=True), "books@customer.example")
    await keys.press(sheet.get_by_role("button", name=re.compile("^Send the reminder")))
    await expect(sheet.get_by_text("Mailed", exact=True).first).to_be_visible(timeout=30_000)
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
