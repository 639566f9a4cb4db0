"""Every screen of the product, as somebody opens it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect

from tests.browser.furnished import Furnished
from tests.e2e.people import Browser as Person


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
        "account": "/account",
        "firm-tray": "/tray",
    }
    return [
        Screen("sign-in", "/sign-in", None),
        *(Screen(name, path, admin) for name, path in paths.items()),
        Screen("no-permission", f"{client}/settings/tokens", viewer, status=403),
        Screen("not-found", f"{client}/vendors/nobody", admin, status=404),
        Screen("ritual-start", f"{client}/ritual", admin),
        *await _ritual(furnished, admin),
        Screen("portfolio", "/", admin, prepare=_until_worked_out),
    ]


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
