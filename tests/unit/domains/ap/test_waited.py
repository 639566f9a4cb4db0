"""What is read again before a payment goes out that was decided on some time ago."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.actions import PAY_BILLS
from infra.actions.rail import Payload
from infra.actions.spec import Go, Intent
from infra.clock import SystemClock
from infra.ids import new_id

BOOKS: dict[tuple[str, str], Payload] = {
    ("Bill", "145"): {
        "Id": "145", "Balance": Decimal(40), "TotalAmt": Decimal(40), "VendorRef": {"value": "31"}, "Line": [{}],
    },
    ("Vendor", "31"): {"Id": "31"},
    ("Account", "35"): {"Id": "35"},
}  # fmt: skip
MEANING: dict[str, Any] = {
    "vendor": "31", "account": "35", "pay_type": "check", "paid_on": "2026-03-02", "bills": [{"bill": "145", "amount": 40}],
}  # fmt: skip


class Look:
    async def read(self, entity: str, external_id: str) -> Payload | None:
        return BOOKS.get((entity, external_id))

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        raise AssertionError(f"nothing is looked for: {entity}, {conditions}")


@pytest.mark.parametrize(
    ("age", "read"),
    [(timedelta(seconds=1), {"Bill": ["145"]}), (timedelta(days=3), {"Bill": ["145"], "Vendor": ["31"], "Account": ["35"]})],
)  # fmt: skip
async def test_the_vendor_and_the_account_of_what_waited(age: timedelta, read: dict[str, list[str]]) -> None:
    intent = Intent(
        business_id=new_id(),
        id=new_id(),
        operation=PAY_BILLS.operation,
        meaning=MEANING,
        mark="LP-ABCDEFGH23456789",
        created_at=SystemClock().now(),
        body=None,
        external_id=None,
        age=age,
    )
    verdict = await PAY_BILLS.preflight(Look(), intent)
    assert isinstance(verdict, Go)
    assert {entity: [payload["Id"] for payload in payloads] for entity, payloads in verdict.read.items()} == read
