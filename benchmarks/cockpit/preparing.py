"""What the scenes find: bills that are approved, held and being paid, a ritual under way, a check and a digest that wait for a worker."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from benchmarks.cockpit.desk import Desk
from benchmarks.cockpit.playing import Place
from domains.core.models import Business
from runway.services import Services

_FIRST_ACCOUNT = re.compile(r'<select id="pay-account_id"[^>]*>\s*<option value="([^"]+)"')
_APPROVED = 5


async def prepare(services: Services, desk: Desk, business: Business, unread: Business, *, rounds: int) -> Place:
    base = f"/c/{business.id}"
    today = services.clock.now().astimezone(ZoneInfo(business.time_zone)).date()
    bills = await _documents(desk, business, "bills", n=rounds + _APPROVED + 3)
    invoices = await _documents(desk, business, "invoices", n=_APPROVED)
    untouched, paid, *approved = bills
    for bill in (paid, *approved):
        await desk.post(f"{base}/payables/{bill['id']}/approve", duplicate_reason="Another one")
    (account,) = _FIRST_ACCOUNT.findall(await desk.get(f"{base}/payables/{paid['id']}"))
    terms = {"account_id": account, "confirm_similar": "true"}
    await desk.post(f"{base}/payables/{paid['id']}/pay", **terms)
    held = [await desk.post(f"{base}/payables/{bill['id']}/pay", hold="true", **terms) for bill in approved[_APPROVED:]]
    await desk.post(f"{base}/ritual/start")
    await desk.post(f"{base}/digest/send")
    checked = await desk.post(f"{base}/health/compare")
    return {
        "client": [str(business.id)],
        "unread": [str(unread.id)],
        "bill": [untouched["id"]],
        "approved_bill": [bill["id"] for bill in approved[:_APPROVED]],
        "invoice": [invoice["id"] for invoice in invoices],
        "held": [path.rpartition("/")[2] for path in held],
        "paid_number": [paid["doc_number"]],
        "since": parse_qs(urlsplit(checked).query)["since"],
        "soon": [(today + timedelta(days=9)).isoformat()],
    }


async def _documents(desk: Desk, business: Business, kind: str, *, n: int) -> Sequence[dict[str, Any]]:
    """Open ones, those due first."""
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"status": "open", "limit": 50, "max_age": "12 h"}
    while len(found) < n:
        answer = await desk.http.get(f"/api/v1/{kind}", params=asked, headers={"X-Business-ID": str(business.id)})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["data"]
        if body["next_cursor"] is None:
            break
        asked["cursor"] = body["next_cursor"]
    return found[:n]
