"""The cockpit and the firm's list through the whole application: who sees what, one number from one source, and how much goes over the wire."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from domains.core.permissions import Role
from infra.clock import SystemClock
from infra.config import Rail
from infra.ids import new_id
from infra.qbo.simulator.files.company_file import CompanyFile
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from infra.sync.runs import change_states
from infra.sync.smart_sync import SmartSyncService
from runway.orchestrators.cockpit import CockpitReader
from runway.registry import MIRROR_SPECS
from runway.web.assets import asset
from runway.web.formats import short_money
from tests.e2e.people import Browser, join, member, open_business, sign_up
from tests.e2e.rest import Shop, open_shop
from tests.rig import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = '<script>alert("x")</script> & Sons'
_WIRE_BYTES = 150_000


@dataclass
class Firm:
    """One client whose books are read, one that was never connected. The owner has both, the viewer the first, the stranger none."""

    shop: Shop
    owner: Browser
    viewer: Browser
    stranger: Browser
    client: UUID
    unconnected: UUID

    async def open(self, who: Browser | None, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["Cookie"] = f"sid={who.session}"
        return await self.shop.web.http.get(path, headers=sent)


def books() -> CompanyFile:
    """Every vendor has a name that would run if it could."""
    file = sample_company("demo-tight", today=SystemClock().now().astimezone(PACIFIC).date())
    vendors = [{**body, "DisplayName": f"{HOSTILE} {body['Id']}"} for body in file.vendors]
    return file.model_copy(update={"vendors": vendors})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firm(
    database: Database, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Firm]:
    home: Path = tmp_path_factory.mktemp("cockpit")
    async with open_shop(database, module_redis_url, home=home, files=[books()]) as shop:
        await shop.read_books()
        client, unconnected = UUID(shop.visitor.business_id), await open_business(shop.web)
        owner = await member(shop.web, client, Role.OWNER)
        await join(owner, unconnected, Role.OWNER)
        viewer, stranger = await member(shop.web, client, Role.VIEWER), await sign_up(shop.web)
        yield Firm(shop, owner, viewer, stranger, client, unconnected)


async def test_the_cards_show_what_the_api_says(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    assert page.status_code == 200
    told = (await firm.viewer.get("/dashboard"))["data"]
    shown = [
        told["cash"]["operating"], told["cash"]["floor"], told["burn"]["net_daily"], told["due"]["total"], told["due"]["must_pays"],
        told["overdue"]["overdue"],
    ]  # fmt: skip
    for figure in shown:
        assert f'<span class="num">{short_money(figure["value"], "USD")}</span>' in page.text
    weeks = (await firm.viewer.get("/forecast"))["data"]["weeks"]
    drawn = re.findall(r'data-week="([^"]+)" data-p50="([^"]+)"', page.text)
    assert [(week["starts_on"], float(week["p50"])) for week in weeks[1:]] == [
        (week, float(p50)) for week, p50 in drawn[1:13]
    ]


async def test_the_tray_of_the_page_is_the_first_five_of_the_tray(firm: Firm) -> None:
    page = unescape((await firm.open(firm.viewer, f"/c/{firm.client}")).text)
    items = (await firm.viewer.get("/tray"))["data"]
    shown = re.findall(r'<a class="to-do-name"[^>]*>([^<]+(?:<script>[^<]+</script>[^<]*)?)</a>', page)
    assert shown == [item["what"] for item in items[:5]]
    assert f"{len(items)} in all" in page


async def test_each_cell_opens_what_it_is_made_of(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    cells = re.findall(rf'href="(/c/{firm.client}/weeks/[^"]+/bills)"', page.text)
    whole = await firm.open(firm.viewer, cells[0])
    part = await firm.open(firm.viewer, cells[0], HX_Request="true")
    assert whole.status_code == part.status_code == 200
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert "&lt;script&gt;alert(" in part.text
    assert (await firm.open(firm.viewer, f"/c/{firm.client}/weeks/2001-01-01/bills")).status_code == 404
    assert (await firm.open(firm.viewer, f"/c/{firm.client}/weeks/2001-01-01/rent")).status_code == 422


async def test_what_a_vendor_is_called_does_not_run(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(" in page.text
    for attributes, content in re.findall(r"<script\b([^>]*)>(.*?)</script>", page.text):
        assert 'src="/static/' in attributes
        assert not content


async def test_a_client_of_others_is_not_there_as_one_that_never_was(firm: Firm) -> None:
    answers = [
        await firm.open(who, path)
        for who, path in (
            (firm.stranger, f"/c/{firm.client}"), (firm.stranger, f"/c/{new_id()}"), (firm.viewer, f"/c/{firm.unconnected}"),
            (firm.viewer, "/c/not-an-id"),
        )
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {404}
    texts = [
        re.sub(r'nonce="[^"]+"|value="[^"]+"|[\w-]+@example.com|menu-name">[^<]*', "", one.text) for one in answers
    ]
    assert len(set(texts)) == 1


async def test_who_is_not_signed_in_is_led_there_and_back(firm: Firm) -> None:
    path = f"/c/{firm.client}"
    answer = await firm.open(None, path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next=%2Fc%2F{firm.client}")
    assert (await firm.open(None, "/")).headers["location"] == "/sign-in?next=%2F"


async def test_htmx_hears_that_the_session_ended_and_gets_no_page(firm: Firm) -> None:
    answer = await firm.open(None, f"/c/{firm.client}", HX_Request="true")
    assert answer.status_code == 401
    assert "<html" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_without_the_permission_there_is_a_page_that_says_which(firm: Firm) -> None:
    refused = await firm.open(firm.viewer, f"/c/{firm.client}/audit")
    assert refused.status_code == 403
    assert "audit.read" in refused.text
    assert "<h1>You may not open this</h1>" in refused.text
    assert f'href="/c/{firm.client}/audit"' not in (await firm.open(firm.viewer, f"/c/{firm.client}")).text


async def test_a_client_without_books_says_what_to_do(firm: Firm) -> None:
    page = await firm.open(firm.owner, f"/c/{firm.unconnected}")
    assert page.status_code == 200
    assert f'href="/c/{firm.unconnected}/settings/connection"' in page.text
    assert "Start this week" not in page.text
    assert "data-week" not in page.text
    # Nothing is worked out of books that were never read.
    rows = {row["business_id"]: row for row in (await firm.owner.get("/portfolio"))["data"]}
    assert (rows[str(firm.unconnected)]["state"], rows[str(firm.unconnected)]["link"]) == (
        "not_read",
        "never_connected",
    )
    assert rows[str(firm.client)]["link"] == "connected"


async def test_of_books_that_were_not_read_no_page_says_that_nothing_is_owed(firm: Firm) -> None:
    for page in ("payables", "receivables", "tray"):
        unread = (await firm.open(firm.owner, f"/c/{firm.unconnected}/{page}")).text
        assert "The books are not read whole yet." in unread
        assert "Nothing is owed" not in unread
        assert "Nobody owes anything" not in unread
        assert "Nothing here needs a decision" not in unread
        assert "The books are not read whole yet." not in (await firm.open(firm.owner, f"/c/{firm.client}/{page}")).text


async def test_the_firms_tray_names_the_clients_whose_books_are_not_read(firm: Firm) -> None:
    page = (await firm.open(firm.owner, "/tray")).text
    told = page.partition("Not read whole yet, so more may come:")[2].partition("</div>")[0]
    assert f'href="/c/{firm.unconnected}"' in told
    assert f'href="/c/{firm.client}"' not in told


async def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("the drawer is stuck")


async def test_a_look_tells_nothing_new_until_there_is_something(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    look = unescape(re.findall(r'id="look"[^>]*hx-get="([^"]+)"', page.text)[0])
    same = await firm.open(firm.viewer, look, HX_Request="true")
    assert same.status_code == 200
    assert "hx-retarget" not in same.headers
    assert "data-week" not in same.text
    with monkeypatch.context() as patched:
        patched.setattr(CockpitReader, "get", _broken)
        assert (await firm.open(firm.viewer, look, HX_Request="true")).status_code == 200, (
            "a page was worked out for nobody"
        )
    newer = await firm.open(firm.viewer, f"/c/{firm.client}?seen=of-yesterday", HX_Request="true")
    assert newer.headers["hx-retarget"] == "#cockpit"
    assert 'hx-swap-oob="true"' in newer.text
    assert "<html" not in newer.text


async def test_a_look_shows_what_was_decided_on_another_page(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    look = unescape(re.findall(r'id="look"[^>]*hx-get="([^"]+)"', page.text)[0])
    assert "hx-retarget" not in (await firm.open(firm.viewer, look, HX_Request="true")).headers
    bill = (await firm.owner.get("/bills", status="open", limit=1))["data"][0]
    mark = f"/bills/{bill['id']}/must-pay"
    marked = await firm.owner.ask("PUT", mark, json={"reason": "The power is cut off"})
    assert marked.status_code == 200, marked.text
    newer = await firm.open(firm.viewer, look, HX_Request="true")
    assert newer.headers["hx-retarget"] == "#cockpit"
    await firm.owner.ask("DELETE", mark)


async def test_looks_at_a_refresh_go_on_until_it_lands(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    async def not_yet(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(SmartSyncService, "_refresh_once", not_yet)
    services, now = firm.shop.web.services, firm.shop.web.services.clock.now()

    async def set_synced(at: datetime) -> None:
        values = {"last_synced_at": at, "synced_through": at}
        entities = [spec.entity for spec in MIRROR_SPECS]
        async with services.uow([firm.client]) as uow:
            await change_states(uow.session, firm.client, rail=Rail.QBO, entities=entities, values=values)

    await set_synced(now - timedelta(hours=1))
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    for count in ("1", "2", "3"):
        look, trigger = re.findall(r'id="look"[^>]*hx-get="([^"]+)"[^>]*hx-trigger="([^"]+)"', page.text)[0]
        assert trigger == "every 3s"
        assert unescape(look).endswith(f"&looks={count}")
        page = await firm.open(firm.viewer, unescape(look), HX_Request="true")
        assert "hx-retarget" not in page.headers, "nothing has landed"
    await set_synced(now)
    landed = await firm.open(firm.viewer, unescape(look), HX_Request="true")
    assert landed.headers["hx-retarget"] == "#cockpit"
    assert 'hx-trigger="wake from:body"' in landed.text
    assert "looks=" not in landed.text


async def test_the_first_page_is_small_and_its_parts_are_kept(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}", Accept_Encoding="gzip")
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-store"
    wire = int(page.headers["content-length"])
    named = [*set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))]
    assert len(named) == 3
    font = asset("vendor/inter-5.3.0/inter-latin-wght-normal.woff2")
    for path in [*named, font]:
        held = await firm.open(firm.viewer, path, Accept_Encoding="gzip")
        assert held.status_code == 200
        assert held.headers["cache-control"] == "public, max-age=31536000, immutable"
        wire += int(held.headers["content-length"])
    assert wire < _WIRE_BYTES, wire


async def test_an_older_pages_assets_are_answered_and_not_kept(firm: Firm) -> None:
    answer = await firm.open(None, "/static/000000000000/oodaloo.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    for path in ("/static/x/MANIFEST.json", "/static/x/../../app.py", "/static/x/vendor/MANIFEST.json"):
        assert (await firm.open(None, path)).status_code == 404


async def test_the_firms_list_is_the_apis_worst_first(firm: Firm) -> None:
    page = await firm.open(firm.owner, "/")
    assert page.status_code == 200
    listed = [row["business"] for row in (await firm.owner.get("/portfolio"))["data"]]
    assert re.findall(r'<a data-open href="/c/[^"]+">([^<]+)</a>', page.text) == listed
    assert len(listed) == 2
    csv = unescape(re.findall(r'href="(/api/v1/portfolio\?[^"]+)"', page.text)[0])
    assert (await firm.open(firm.owner, csv)).headers["content-type"].startswith("text/csv")
    filtered = await firm.open(firm.owner, "/?only=stale&sort=cash&down=1")
    assert filtered.status_code == 200
    assert 'aria-sort="descending"' in filtered.text
    assert (await firm.open(firm.owner, "/?sort=luck")).status_code == 422


async def test_who_has_one_client_is_taken_to_it_and_who_has_none_is_told(firm: Firm) -> None:
    assert (await firm.open(firm.viewer, "/")).headers["location"] == f"/c/{firm.client}"
    alone = await firm.open(firm.stranger, "/")
    assert alone.status_code == 200
    assert "You belong to no business yet" in alone.text


async def test_days_and_amounts_are_the_readers(firm: Firm) -> None:
    page = await firm.open(firm.viewer, f"/c/{firm.client}", Accept_Language="de-DE")
    assert page.status_code == 200
    assert re.search(r"\d{1,3}\.\d{3}\N{NO-BREAK SPACE}\$", unescape(page.text))


async def test_colours_are_chosen_and_remembered(firm: Firm) -> None:
    http, session = firm.shop.web.http, firm.viewer.session
    csrf = re.findall(r'name="csrf" value="([^"]+)"', (await firm.open(firm.viewer, "/account")).text)[0]
    cookie = {"Cookie": f"sid={session}", "Referer": f"http://oodaloo.test/c/{firm.client}"}
    chosen = await http.post("/account/theme", data={"csrf": csrf, "theme": "dark"}, headers=cookie)
    assert chosen.headers["location"] == f"/c/{firm.client}"
    assert chosen.headers["set-cookie"].startswith("theme=dark;")
    page = await http.get("/account", headers={"Cookie": f"sid={session}; theme=dark"})
    assert '<html lang="en" data-theme="dark">' in page.text
    odd = await http.get("/account", headers={"Cookie": f'sid={session}; theme="><script>'})
    assert "data-theme" not in odd.text
    http.cookies.clear()


async def test_what_breaks_here_is_a_page_with_the_requests_id(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CockpitReader, "get", _broken)
    page = await firm.open(firm.viewer, f"/c/{firm.client}")
    assert page.status_code == 500
    assert "<h1>Something went wrong here</h1>" in page.text
    assert page.headers["x-request-id"] in page.text
    assert "drawer" not in page.text
    part = await firm.open(firm.viewer, f"/c/{firm.client}", HX_Request="true")
    assert (part.status_code, "<html" in part.text) == (500, False)
