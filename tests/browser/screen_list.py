"""Every screen of the product, as somebody opens it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, expect

from infra.ids import new_id
from runway.web.tour import STOPS, path_of
from tests.browser.furnished import Furnished
from tests.e2e.people import Browser as Person
from tests.e2e.people import sign_up
from tests.e2e.rest import Visitor

_LOOK_EVERY_SECONDS, _PATIENCE_SECONDS = 0.2, 120


@dataclass(frozen=True)
class Screen:
    """`who` is signed in; `prepare` does what it takes to see what is meant; `status` is what the page answers."""

    name: str
    path: str
    who: Person | None
    prepare: Callable[[Page], Awaitable[None]] | None = None
    status: int = 200


async def list_screens(furnished: Furnished) -> list[Screen]:
    """Paths of vendors, customers and documents are those of the first client's first ones."""
    admin, viewer = furnished.admin, furnished.viewer
    client = f"/c/{furnished.client}"
    visitor = await furnished.site.visitor(furnished.client)
    bill = (await visitor.get("/bills", status="open", limit=1))["data"][0]
    invoice = (await visitor.get("/invoices", status="overdue", limit=1))["data"][0]
    held, recorded = await _payments(furnished, visitor, bill)
    paths = {
        "cockpit": client,
        "tray": f"{client}/tray",
        "payables": f"{client}/payables",
        "bill": f"{client}/payables/{bill['id']}",
        "receivables": f"{client}/receivables",
        "invoice": f"{client}/receivables/{invoice['id']}",
        "vendor": f"{client}/vendors/{bill['vendor_external_id']}",
        "customer": f"{client}/customers/{invoice['customer_external_id']}",
        "audit": f"{client}/audit",
        "health": f"{client}/health",
        "digest": f"{client}/digest",
        "settings": f"{client}/settings",
        "settings-members": f"{client}/settings/members",
        "settings-tokens": f"{client}/settings/tokens",
        "settings-connection": f"{client}/settings/connection",
        "settings-approvals": f"{client}/settings/approvals",
        "settings-runway": f"{client}/settings/runway",
        "settings-mail": f"{client}/settings/mail",
        "first-run": f"{client}/start",
        "payment-held": f"{client}/payments/{held}",
        "payment-trail": f"{client}/payments/{recorded}",
        "several-bills": f"{client}/payables/selection?bill={bill['id']}",
        "several-invoices": f"{client}/receivables/selection?invoice={invoice['id']}",
        "not-connected": f"/c/{furnished.clients[-1]}",
        "account": "/account",
        "firm": "/firm",
        "tour": path_of(2, furnished.client),
        "tour-end": path_of(len(STOPS), furnished.client),
        "firm-tray": "/tray",
    }
    ritual = await _ritual(furnished, admin)
    newcomer = await sign_up(
        furnished.site.web
    )  # theirs comes first: some minutes later the page asks for a sign-in again
    return [
        Screen("account-password", "/account/password", newcomer),
        Screen("sign-in", "/sign-in", None),
        Screen("forgot-password", "/forgot-password", None),
        *(Screen(name, path, admin) for name, path in paths.items()),
        Screen("no-permission", f"{client}/settings/tokens", viewer, status=403),
        Screen("not-found", f"{client}/vendors/nobody", admin, status=404),
        Screen("ritual-start", f"{client}/ritual", admin),
        *ritual,
        Screen("portfolio", "/", admin, prepare=_until_worked_out),
    ]


async def _payments(furnished: Furnished, visitor: Visitor, shown: dict[str, Any]) -> tuple[str, str]:
    """One that is held, and one with its whole trail, of other bills than the one that is shown."""
    bills = (await visitor.get("/bills", status="open", limit=20))["data"]
    banks = [one for one in (await visitor.get("/accounts"))["data"] if one["account_type"] == "Bank"]
    made = []
    for bill, is_held in zip([one for one in bills if one["id"] != shown["id"]][-2:], (True, False), strict=True):
        wish = {"account_id": banks[0]["id"], "execute": not is_held, "confirm_similar": True}
        approved = await furnished.admin.at(furnished.client).ask(
            "POST", f"/bills/{bill['id']}/approve", json={"duplicate_reason": "Another one"}
        )
        assert approved.status_code == 200, approved.text
        paid = await furnished.admin.at(furnished.client).ask(
            "POST", f"/bills/{bill['id']}/pay", json=wish, headers={"Idempotency-Key": str(new_id())}
        )
        assert paid.status_code in {200, 202}, paid.text
        made.append(paid.json()["data"]["id"])
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            if (await visitor.get(f"/payments/{made[1]}"))["data"]["outcome"] == "recorded":
                return made[0], made[1]
            await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _until_worked_out(page: Page) -> None:
    """The list looks again by itself while figures are on their way; one that was never connected has none."""
    for name in ("Copper Gate Electric", "Quill Lane Joinery"):
        row = page.get_by_role("row").filter(has_text=name)
        await expect(row.get_by_text("it is being worked out")).to_have_count(0)


async def _ritual(furnished: Furnished, who: Person) -> list[Screen]:
    """The second client's, under way."""
    client = furnished.clients[1] if len(furnished.clients) > 1 else furnished.client
    visitor = await furnished.site.visitor(client)
    headers = {"Authorization": f"Bearer {visitor.token}"}
    await furnished.site.web.http.post("/api/v1/ritual/start", headers=headers)
    steps = ("books", "changes", "due", "overdue", "low_point", "summary")
    return [Screen(f"ritual-{step.replace('_', '-')}", f"/c/{client}/ritual/{step}", who) for step in steps]
