"""The sample company's ledger, read through the whole application."""

from pathlib import Path

import pytest

from infra.clock import SystemClock
from infra.qbo.simulator.files.company_file import read_company_file
from infra.qbo.simulator.timestamps import PACIFIC
from tests.e2e.rest import open_shop
from tests.rig import Database
from tests.unit.infra.qbo.simulator.report_reading import SAMPLES

LEDGER = SAMPLES / "craigs_transactions.json"


@pytest.mark.skipif(not LEDGER.exists(), reason="the sample company's ledger is not here")
async def test_cash_is_what_its_bank_accounts_hold(database: Database, redis_url: str, tmp_path: Path) -> None:
    today = SystemClock().now().astimezone(PACIFIC).date()
    async with open_shop(database, redis_url, home=tmp_path, files=[read_company_file(LEDGER, today=today)]) as shop:
        await shop.read_books()
        cash = (await shop.visitor.get("/runway"))["data"]["cash"]
    assert cash["operating"]["value"] == "2001.00"
    assert {account["name"]: account["balance"] for account in cash["accounts"]} == {
        "Checking": "1201.00",
        "Savings": "800.00",
    }
