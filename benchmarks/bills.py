"""Bills as QuickBooks writes them: two lines, about 1.1 KB of JSON, in pages as its query endpoint answers them."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from infra import exact_json

PAGE = 1000
_FIRST_DAY = date(2024, 1, 2)
_ZONE = ZoneInfo("America/Los_Angeles")
_ACCOUNTS = ("Ingredients", "Packaging", "Utilities", "Repairs and Maintenance", "Office Supplies")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Page:
    """The same bills three times, as bytes: parsed anew for each use, so that no run finds another's objects warm."""

    first: bytes
    changed: bytes

    def objects(self) -> list[dict[str, Any]]:
        return _parsed(self.first)

    def changed_objects(self) -> list[dict[str, Any]]:
        return _parsed(self.changed)


def make_pages(count: int, *, seed: int = 1) -> list[Page]:
    chance = random.Random(seed)  # noqa: S311 - plausible books, not secrets
    return [_make_page(number, chance) for number in range(count)]


def _make_page(number: int, chance: random.Random) -> Page:
    bills = [_bill(number * PAGE + place, chance) for place in range(PAGE)]
    first = exact_json.dumps(bills)
    for place, bill in enumerate(bills):
        _change(bill, is_payment=place % 2 == 0)
    return Page(first, exact_json.dumps(bills))


def _parsed(text: bytes) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = exact_json.loads(text)
    return objects


def _bill(number: int, chance: random.Random) -> dict[str, Any]:
    day = _FIRST_DAY + timedelta(days=number // 150)
    amounts = [Decimal(chance.randint(1200, 120_000)) * _CENT for _ in range(2)]
    vendor = chance.randint(1, 400)
    entered = _instant(day, seconds=number % 30_000)
    return {
        "Id": str(number + 1),
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"CreateTime": entered, "LastUpdatedTime": entered},
        "TxnDate": day.isoformat(),
        "DueDate": (day + timedelta(days=chance.choice((0, 10, 15, 30)))).isoformat(),
        "DocNumber": f"B-{number + 1:06}",
        "VendorRef": {"value": str(vendor), "name": f"Norton Lumber and Building Materials {vendor}"},
        "APAccountRef": {"value": "33", "name": "Accounts Payable (A/P)"},
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        "SalesTermRef": {"value": "3"},
        "PrivateNote": "Delivered to the back door, signed for by the kitchen",
        "LinkedTxn": [],
        "Line": [_line(place, amount, chance) for place, amount in enumerate(amounts, start=1)],
        "TotalAmt": sum(amounts),
        "Balance": sum(amounts),
    }


def _line(place: int, amount: Decimal, chance: random.Random) -> dict[str, Any]:
    account = chance.randrange(len(_ACCOUNTS))
    return {
        "Id": str(place),
        "LineNum": place,
        "Description": "Lumber, two by four, cut to order",
        "Amount": amount,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {
            "AccountRef": {"value": str(60 + account), "name": _ACCOUNTS[account]},
            "BillableStatus": "NotBillable",
            "TaxCodeRef": {"value": "NON"},
        },
    }


def _change(bill: dict[str, Any], *, is_payment: bool) -> None:
    """Half are paid in full, half get another amount on their first line."""
    bill["SyncToken"] = "1"
    entered = datetime.fromisoformat(bill["MetaData"]["CreateTime"])
    bill["MetaData"]["LastUpdatedTime"] = (entered + timedelta(days=12, seconds=7)).isoformat()
    if is_payment:
        bill["Balance"] = Decimal(0)
        bill["LinkedTxn"] = [{"TxnId": f"9{bill['Id']}", "TxnType": "BillPaymentCheck"}]
        return
    bill["Line"][0]["Amount"] += Decimal("10.50")
    bill["TotalAmt"] += Decimal("10.50")
    bill["Balance"] += Decimal("10.50")


def _instant(day: date, *, seconds: int) -> str:
    return (datetime(day.year, day.month, day.day, 8, tzinfo=_ZONE) + timedelta(seconds=seconds)).isoformat()
