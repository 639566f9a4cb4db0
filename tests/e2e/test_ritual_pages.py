"""The week's ritual as pages: started, shared by two, left and taken up again, locked; and the digest that it ends with."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from domains.core.permissions import Role
from runway.routes.request_proofs import csrf_token
from tests.e2e.paying import new_key
from tests.e2e.people import Browser, member
from tests.e2e.rest import PUBLIC_URL, open_shop
from tests.rig import Database
from tests.unit.infra.qbo.simulator.small_company import make_file

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = ("books", "changes", "due", "overdue", "low_point")


@dataclass(frozen=True)
class Desk:
    """One person at the ritual's pages."""

    person: Browser

    async def get(self, path: str = "", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.person.web.http.get(self._path(path), headers={**self._headers(), **named})

    async def send(self, path: str, **fields: Any) -> httpx.Response:
        return await self.post(self._path(path), **fields)

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        typed = {"csrf": csrf_token(self.person.session), **fields}
        return await self.person.web.http.post(path, data=typed, headers={**self._headers(), "Origin": PUBLIC_URL})

    async def digest(self, path: str = "") -> httpx.Response:
        return await self.person.web.http.get(f"{self.home}/digest{path}", headers=self._headers())

    @property
    def home(self) -> str:
        return f"/c/{self.person.at_business}"

    async def version(self, step: str) -> int:
        """As the page that is open has it."""
        found = re.search(r'name="version" value="(\d+)"', (await self.get(f"/{step}")).text)
        assert found
        return int(found[1])

    async def decide(self, step: str, *, outcome: str, note: str = "") -> httpx.Response:
        return await self.send(f"/{step}", version=await self.version(step), outcome=outcome, note=note)

    def _path(self, path: str) -> str:
        return f"{self.home}/ritual{path}"

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"sid={self.person.session}"}


@dataclass(frozen=True)
class Office:
    ada: Desk
    ben: Desk
    viewer: Desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    home = tmp_path_factory.mktemp("ritual")
    async with open_shop(database, module_redis_url, home=home, files=[make_file()]) as shop:
        await shop.read_books()
        business_id = UUID(shop.visitor.business_id)
        people = [await member(shop.web, business_id, role) for role in (Role.OWNER, Role.BOOKKEEPER, Role.VIEWER)]
        yield Office(*map(Desk, people))


def text_of(answer: httpx.Response) -> str:
    """What is read, without marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def test_one_week_from_its_start_to_its_locked_figures(office: Office) -> None:
    ada, ben = office.ada, office.ben
    before = await ada.get()
    assert "Start this week's ritual" in text_of(before)
    assert (await ada.get("/due")).headers["location"].endswith("/ritual")
    assert "Start this week's ritual" not in text_of(await office.viewer.get())

    assert (await ada.send("/start")).headers["location"].endswith("/ritual/books")
    assert "Ties out" in text_of(await ada.get("/books"))
    assert (await ada.decide("books", outcome="looked")).headers["location"].endswith("/ritual/changes")

    # Two have the same step open; the slower one is told what the other did, and keeps what was typed.
    seen = await ben.version("changes")
    assert (await ada.decide("changes", outcome="looked", note="Harbor paid early")).status_code == 303
    refused = await ben.send("/changes", version=seen, outcome="skipped", note="I was faster & typed this")
    assert refused.status_code == 409
    assert "The owner did 'what changed'" in text_of(refused)
    assert "Harbor paid early" in text_of(refused)
    assert "I was faster &amp; typed this</textarea>" in refused.text
    again = await ben.send("/changes", version=seen + 1, outcome="skipped", note="I was faster & typed this")
    assert again.headers["location"].endswith("/ritual/due")

    # Another step at once is nobody's conflict; an old version of it is as good as a new one.
    assert (await ben.send("/due", version=seen, outcome="decided", note="")).status_code == 303
    assert (await ada.get()).headers["location"].endswith("/ritual/overdue")
    left = await ada.send("/finish", version=await ada.version("summary"), note="All quiet")
    assert left.status_code == 409
    assert "overdue, low point" in text_of(left)
    assert "All quiet</textarea>" in left.text

    for step in ("due", "overdue"):  # after an action htmx asks for its rows alone
        whole, rows = await ada.get(f"/{step}"), await ada.get(f"/{step}", HX_Request="true", HX_Target="ritual-rows")
        assert rows.text.strip().startswith('<div id="ritual-rows"')
        assert rows.text.strip() in whole.text
        assert "<h1" not in rows.text

    for step, outcome in (("overdue", "decided"), ("low_point", "accepted")):
        assert (await ada.decide(step, outcome=outcome)).status_code == 303
    assert (await ada.decide("low_point", outcome="reopen", note="one more look")).status_code == 303
    assert "Reopened" in text_of(await ben.get("/rail/low_point"))
    assert (await ada.decide("low_point", outcome="acted")).headers["location"].endswith("/ritual/summary")
    done = await ada.send("/finish", version=await ada.version("summary"), note="All quiet")
    assert done.headers["location"].endswith("/ritual/summary?notice=finished")

    locked = text_of(await office.viewer.get("/summary"))
    assert "The owner finished it" in locked
    assert "All quiet" in locked
    assert "Locked" in locked
    late = await ben.send("/due", version=1, outcome="skipped", note="too late")
    assert late.status_code == 409
    assert "The owner finished the ritual" in text_of(late)
    for step in STEPS:
        assert 'name="outcome"' not in (await ada.get(f"/{step}")).text


async def test_a_step_that_there_is_not_is_not_found(office: Office) -> None:
    assert (await office.ada.get("/payday")).status_code == 404


async def test_a_viewer_reads_along_and_decides_nothing(office: Office) -> None:
    await office.ada.send("/start")
    page = await office.viewer.get("/due")
    assert page.status_code == 200
    assert 'name="outcome"' not in page.text
    refused = await office.viewer.send("/due", version=1, outcome="decided")
    assert refused.status_code == 403


async def test_the_digest_is_looked_at_sent_once_and_set_to_go_out_by_itself(office: Office) -> None:
    ada, web = office.ada, office.ada.person.web
    page = await ada.digest()
    assert page.status_code == 200
    assert "It was never sent yet" in text_of(page)
    letter = await ada.digest("/letter")
    assert "sandbox" in letter.headers["content-security-policy"]
    assert "script-src" not in letter.headers["content-security-policy"]
    assert (await ada.digest(".pdf")).content.startswith(b"%PDF")

    for key in (new_key(), new_key()):
        sent = await ada.post(f"{ada.home}/digest/send", idempotency_key=key)
        assert sent.headers["location"].endswith("/digest?notice=sent#sends")
        while await web.run_jobs(str(ada.person.at_business)):
            pass
    told = text_of(await ada.digest())
    assert told.count("Had it already") == 2  # the owner and the bookkeeper

    answer = await ada.post(f"{ada.home}/digest/settings", is_on="yes", weekday="4", hour="25", who="all")
    assert answer.status_code == 422
    saved = await ada.post(f"{ada.home}/digest/settings", is_on="yes", weekday="4", hour="16", who="all")
    assert saved.headers["location"].endswith("notice=saved")
    assert '<option value="4" selected>Friday</option>' in (await ada.digest()).text
    refused = await office.viewer.post(f"{ada.home}/digest/send", idempotency_key=new_key())
    assert refused.status_code == 403
    assert "Send it now" not in text_of(await office.viewer.digest())
