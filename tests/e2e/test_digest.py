"""The weekly digest over HTTP: its numbers are the dashboard's, and each of its people gets it once a week."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from domains.core.digest_models import DigestAskRow, DigestSendRow
from domains.core.models import DEFAULT_TIME_ZONE, Business
from domains.core.permissions import Role
from infra.ids import new_id
from infra.jobs.outbox import OutboxRow
from infra.mail.models import Mail
from infra.mail.post import MAIL_JOB
from runway.jobs import begin_digests, send_digest
from runway.orchestrators.digest_sending import DIGEST_JOB
from tests.e2e.conftest import small_company
from tests.e2e.people import Browser, join_firm, member, open_business, open_firm, sign_up
from tests.e2e.rest import PUBLIC_URL, Shop, assert_problem, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Office:
    """A company in a firm's hands, with last week's forecast kept; `unread` is the firm's other one, which nobody connected."""

    shop: Shop
    admin: Browser
    owner: Browser
    bookkeeper: Browser
    viewer: Browser
    unread: UUID

    @property
    def business_id(self) -> UUID:
        return UUID(self.shop.visitor.business_id)

    async def run_jobs(self) -> None:
        """Until none is left: one asks for the next."""
        for business_id in (self.business_id, self.unread):
            while await self.shop.web.run_jobs(str(business_id)):
                pass

    async def letters(self) -> dict[UUID, str]:
        """What was written to our people: its id and to whom."""
        ours = [one.email for one in (self.admin, self.owner, self.bookkeeper, self.viewer)]
        async with self.shop.web.services.access_uow([]) as uow:
            rows = await uow.session.execute(select(Mail.id, Mail.recipient).where(Mail.recipient.in_(ours)))
        return {row.id: row.recipient for row in rows}

    async def post(self, mail_id: UUID) -> None:
        await self.shop.web.services.mail_room.send(mail_id)

    async def ask(self, who: Browser, path: str, *, key: str | None = None, **body: Any) -> Any:
        sent = {"headers": {"Idempotency-Key": key or str(new_id())}, **({"json": body} if body else {})}
        return await who.ask("POST", path, **sent)

    async def became(self, answer: Any) -> dict[str, Any]:
        """What `GET /digest/sends/{id}` tells of it now."""
        assert answer.status_code == 202, answer.text
        path = answer.headers["location"].removeprefix("/api/v1")
        found: dict[str, Any] = (await self.admin.get(path))["data"]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    home = tmp_path_factory.mktemp("digest")
    async with open_shop(database, module_redis_url, home=home, files=[small_company()]) as shop:
        await shop.read_books()
        web, business_id = shop.web, UUID(shop.visitor.business_id)
        firm_id = await open_firm(web)
        async with web.services.access_uow([]) as uow:
            await uow.session.execute(update(Business).where(Business.id == business_id).values(firm_id=firm_id))
        admin = (await join_firm(await sign_up(web, name="The admin"), firm_id)).at(business_id)
        roles = (Role.OWNER, Role.BOOKKEEPER, Role.VIEWER)
        owner, bookkeeper, viewer = [await member(web, business_id, role) for role in roles]
        async with web.services.uow([business_id]) as uow:
            business = await web.services.businesses.get_business(uow.session, business_id)
        await web.services.of(business).backtest.run(weeks=1)
        unread = await open_business(web, firm_id=firm_id)
        yield Office(shop, admin, owner, bookkeeper, viewer, unread)


async def test_each_number_is_the_dashboards(office: Office) -> None:
    digest, dashboard = [(await office.viewer.get(path))["data"] for path in ("/digest", "/dashboard")]
    for path in (
        ("runway",),
        ("change",),
        ("due", "total"),
        ("due", "must_pays"),
        ("overdue", "overdue"),
        ("overdue", "dso"),
    ):
        there, here = dashboard, digest
        for name in path:
            there, here = there[name], here[name]
        assert here == there, path
    assert [digest["cash"], digest["floor"]] == [dashboard["cash"][name] for name in ("operating", "floor")]
    assert [digest["net_burn"], digest["gross_burn"]] == [dashboard["burn"][f"{one}_daily"] for one in ("net", "gross")]
    tray = (await office.viewer.get("/tray"))["data"]
    assert [one["item"] for one in digest["decisions"]] == [one["item"] for one in tray[:3]]
    assert digest["waiting"] == len(tray)
    assert len(digest["due"]["items"]) == min(12, digest["due"]["items_in_all"])
    amounts = [float(one["amount"]["value"]) for one in digest["overdue"]["items"]]
    assert amounts == sorted(amounts, reverse=True)
    assert all(one["doc_number"] for one in digest["overdue"]["items"])


async def test_what_changed_adds_up_and_is_of_last_week(office: Office) -> None:
    data = (await office.viewer.get("/dashboard"))["data"]
    change, today = data["change"], date.fromisoformat(data["as_of"])
    assert date.fromisoformat(change["since"]) == today - timedelta(days=today.weekday() + 7)
    assert change["is_reconstructed"] is True
    assert (await office.viewer.get("/runway"))["data"]["change"] == change
    for name in ("cash", "balance"):
        steps = sum((Decimal(step[name]["value"]) for step in change["steps"]), Decimal(0))
        assert steps == Decimal(change[name]["change"]["value"])
    assert change["cash"]["now"]["value"] == data["cash"]["operating"]["value"]
    assert "unexplained" not in {step["cause"] for step in change["steps"]}  # each cent has its document


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hrefs += [value or "" for name, value in attrs if name in {"href", "src"}]


async def test_it_comes_as_a_page_as_text_and_on_paper(office: Office) -> None:
    data = (await office.viewer.get("/digest"))["data"]
    page = await office.viewer.ask("GET", "/digest", headers={"Accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in page.headers["content-security-policy"]
    links = _Links()
    links.feed(page.text)
    assert not links.tags & {"img", "svg", "script", "link", "style", "form"}
    assert {href.startswith(f"{PUBLIC_URL}/c/{office.business_id}/") for href in links.hrefs} == {True}
    text = await office.viewer.ask("GET", "/digest", params={"format": "text"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["x-stale"] == "false"
    for shown in (page.text, text.text):
        assert data["runway"]["display"] in shown
        assert "Customers pay" in shown
    for size, points in (("a4", "595.28 841.89"), ("letter", "612.00 792.00")):
        paper = await office.viewer.ask("GET", "/digest", params={"format": "pdf", "paper": size})
        assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
        assert points.encode() in paper.content


async def test_a_firm_sends_all_and_again_under_the_same_key(office: Office) -> None:
    """Two businesses, a job each; the one that nobody connected has no digest, and says so."""
    key = str(new_id())
    first = await office.ask(office.admin, "/digest/send-all", key=key)
    told = first.json()["data"]
    assert (told["done"], told["in_all"], told["is_done"]) == (0, 2, False)
    again = await office.ask(office.admin, "/digest/send-all", key=key)
    assert again.json()["data"]["id"] == told["id"]
    other = await office.ask(office.admin, "/digest/send-all", key=key, business_ids=[str(office.business_id)])
    assert_problem(other, 422, "key-used-for-other")
    async with office.shop.web.services.jobs_uow([]) as uow:
        asked = select(func.count()).where(OutboxRow.job == DIGEST_JOB, OutboxRow.arguments.contains([told["id"]]))
        assert await uow.session.scalar(asked) == 2
    await office.run_jobs()
    done = await office.became(again)
    assert (done["done"], done["is_done"]) == (2, True)
    by_id = {one["business_id"]: one for one in done["businesses"]}
    unread = by_id[str(office.unread)]
    assert (unread["state"], unread["recipients"]) == ("refused", [])
    assert unread["why"]
    recipients = by_id[str(office.business_id)]["recipients"]
    # Who only watches, and the firm's admin, did not ask for it.
    theirs = {office.owner.email, office.bookkeeper.email}
    assert {(one["email"], one["state"]) for one in recipients} == {(email, "queued") for email in theirs}
    letters = await office.letters()
    assert sorted(letters.values()) == sorted(theirs)
    for mail_id in letters:
        await office.post(mail_id)
    posted = {one["business_id"]: one for one in (await office.became(again))["businesses"]}
    recipients = posted[str(office.business_id)]["recipients"]
    assert [(one["state"], one["sent_at"] is None) for one in recipients] == [("sent", False)] * 2


async def test_the_letter_is_a_page_and_text_with_its_numbers(office: Office) -> None:
    mail_id = next(one for one, to in (await office.letters()).items() if to == office.owner.email)
    file = office.shop.web.services.settings.servers.home / "mail" / f"{mail_id}.eml"
    letter = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(letter, EmailMessage)
    data = (await office.viewer.get("/digest"))["data"]
    assert letter.get_content_type() == "multipart/alternative"
    text, page = [part.get_content() for part in letter.iter_parts()]
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert data["runway"]["display"] in letter["Subject"]
    assert data["runway"]["display"] in text
    for one in data["decisions"]:
        assert one["what"] in text
        assert re.search(rf'href="{PUBLIC_URL}/c/{office.business_id}/tray/[^"]+"', page)
    async with office.shop.web.services.access_uow([]) as uow:
        mail = await uow.session.get_one(Mail, mail_id)
    assert (mail.body_sealed, mail.html_sealed) == (None, None)  # forgotten once it is gone


async def test_once_a_recipient_and_week_and_who_is_gone_is_refused(office: Office) -> None:
    stranger = str(new_id())
    people = [str(one.user_id) for one in (office.owner, office.viewer)]
    answer = await office.owner.ask("PUT", "/digest/settings", json={"is_on": False, "recipients": [*people, stranger]})
    assert answer.json()["data"]["recipients"] == sorted([*people, stranger])
    sent = await office.ask(office.bookkeeper, "/digest/send")
    await office.run_jobs()
    (business,) = (await office.became(sent))["businesses"]
    states = {one["email"]: (one["state"], one["words"]) for one in business["recipients"]}
    assert states[office.viewer.email] == ("queued", None)
    assert states[office.owner.email][0] == "already"
    assert "this week's digest" in states[office.owner.email][1]
    assert states[None] == ("refused", "does not belong to the business any more, or may not sign in")
    letters = await office.letters()
    assert len(letters) == 3
    theirs = next(str(mail_id) for mail_id, to in letters.items() if to == office.viewer.email)
    async with office.shop.web.services.jobs_uow([]) as uow:
        given_up = update(OutboxRow).where(OutboxRow.job == MAIL_JOB, OutboxRow.arguments == [theirs])
        await uow.session.execute(given_up.values(dead_at=func.clock_timestamp(), last_error="550 no such mailbox"))
    (business,) = (await office.became(sent))["businesses"]
    states = {one["email"]: (one["state"], one["words"]) for one in business["recipients"]}
    assert states[office.viewer.email] == ("failed", "The mail server did not take it: 550 no such mailbox")


async def test_a_worker_that_is_killed_before_its_end_writes_nobody_twice(office: Office) -> None:
    services, business_id = office.shop.web.services, office.business_id
    before = await office.letters()
    async with services.uow([business_id]) as uow:
        ask = await uow.session.scalar(select(DigestAskRow).order_by(DigestAskRow.asked_at).limit(1))
        assert ask is not None
        await uow.session.execute(update(DigestAskRow).values(finished_at=None, outcomes=None))
    await send_digest(services, str(business_id), str(ask.id))
    await send_digest(services, str(business_id), str(ask.id))
    assert await office.letters() == before
    for change in (delete(DigestSendRow), update(DigestSendRow).values(email="x")):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with services.uow([business_id]) as uow:
                await uow.session.execute(change)


async def test_the_weekly_one_goes_out_at_its_hour_where_it_is_on(office: Office) -> None:
    services = office.shop.web.services
    here = services.clock.now().astimezone(ZoneInfo(DEFAULT_TIME_ZONE))

    async def asked(**wanted: Any) -> int:
        answer = await office.owner.ask("PUT", "/digest/settings", json=wanted)
        assert answer.status_code == 200, answer.text
        await begin_digests(services)
        async with services.uow([office.business_id]) as uow:
            found = await uow.session.scalar(select(func.count()).where(DigestAskRow.actor == "system"))
        return found or 0

    now = {"weekday": here.weekday(), "hour": here.hour}
    assert await asked(is_on=False, **now) == 0
    assert await asked(is_on=True, **{**now, "weekday": (here.weekday() + 3) % 7}) == 0
    assert await asked(is_on=True, **now) == 1
    assert await asked(is_on=True, **now) == 1


async def test_who_may_not_send(office: Office) -> None:
    assert_problem(await office.ask(office.viewer, "/digest/send"), 403, "forbidden")
    for who in (office.owner, office.bookkeeper):
        assert_problem(await office.ask(who, "/digest/send-all"), 403, "forbidden")
    elsewhere = await open_business(office.shop.web)
    answer = await office.ask(office.admin, "/digest/send-all", business_ids=[str(elsewhere)])
    assert_problem(answer, 404, "not-found")
    assert_problem(await office.admin.ask("GET", f"/digest/sends/{new_id()}"), 404, "not-found")
