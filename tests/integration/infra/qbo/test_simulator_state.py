"""What survives: a simulator killed with SIGKILL goes on where its last answer left it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import write_large
from infra.qbo.simulator.files.large_company import LargeCompany
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.state.keeping import StateKeeper
from infra.qbo.simulator.state.loading_companies import CompanySource, load_companies
from infra.qbo.simulator.state.state_file import StateFile, StateUnusable
from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from tests.integration.infra.qbo.troubled_simulator import Rig, troubled
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, bill, invoice, make_file

_RUN = "from infra.qbo.simulator.command import app; app()"


@asynccontextmanager
async def killed(tmp_path: Path) -> AsyncIterator[tuple[dict[str, Any], httpx.AsyncClient]]:
    """The command, ended by SIGKILL with the block."""
    info_file = tmp_path / "info.json"
    info_file.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, "qbo", "--port", "0", "--info", str(info_file), "--state", str(tmp_path / "state"),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert b"is simulated on" in await asyncio.wait_for(process.stderr.readline(), 60)
        info = json.loads(info_file.read_bytes())
        async with httpx.AsyncClient(base_url=info["base_url"], timeout=30) as http:
            http.headers["Authorization"] = f"Bearer {info['access_token']}"
            http.headers["Accept"] = "application/json"
            yield info, http
    finally:
        process.kill()
        await process.communicate()


async def test_a_kill_after_the_answer_loses_nothing(tmp_path: Path) -> None:
    async with killed(tmp_path) as (info, http):
        realm = info["realm_ids"][0]
        assert (tmp_path / "state").stat().st_mode & 0o077 == 0
        vendor = (await http.get(f"/v3/company/{realm}/query", params={"query": "select * from Vendor"})).json()
        body = {
            "VendorRef": {"value": vendor["QueryResponse"]["Vendor"][0]["Id"]},
            "Line": [{
                "Amount": 12.5,
                "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": {"AccountRef": {"value": await _expense_account(http, realm)}},
            }],
        }  # fmt: skip
        first = await http.post(f"/v3/company/{realm}/bill", json=body, params={"requestid": "r1"})
        assert first.status_code == 200
        gone = (await http.post(f"/v3/company/{realm}/bill", json=body)).json()["Bill"]
        delete = {"Id": gone["Id"], "SyncToken": gone["SyncToken"]}
        assert (await http.post(f"/v3/company/{realm}/bill?operation=delete", json=delete)).status_code == 200
        await http.post("/admin/clock", json={"advance_seconds": 600})
        form = {"grant_type": "refresh_token", "refresh_token": info["refresh_token"]}
        auth = (info["client_id"], info["client_secret"])
        tokens = (await http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth)).json()
        now = (await http.get("/admin/clock")).json()["now"]
        books = (await http.get("/admin/oracle")).json()["realms"]
    async with killed(tmp_path) as (_, http):
        http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        assert (await http.get("/admin/clock")).json()["now"] > now
        after = (await http.get("/admin/oracle")).json()["realms"]
        assert {realm: {**facts, "requests": {}} for realm, facts in after.items()} == {
            realm: {**facts, "requests": {}} for realm, facts in books.items()
        }
        again = await http.post(f"/v3/company/{realm}/bill", json=body, params={"requestid": "r1"})
        assert again.json()["Bill"] == first.json()["Bill"]
        assert (await http.get(f"/v3/company/{realm}/bill/{gone['Id']}")).status_code == 400
        refused = await http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth)
        assert refused.json()["error"] == "invalid_grant"
        fresh = (await http.post(f"/v3/company/{realm}/bill", json=body)).json()["Bill"]
        assert int(fresh["Id"]) == int(gone["Id"]) + 1


async def _expense_account(http: httpx.AsyncClient, realm: str) -> str:
    query = "select * from Account where AccountType = 'Expense'"
    found = await http.get(f"/v3/company/{realm}/query", params={"query": query})
    return str(found.json()["QueryResponse"]["Account"][0]["Id"])


@asynccontextmanager
async def kept(path: Path) -> AsyncIterator[Rig]:
    """A small company, from the file's state where it has one."""
    clock, state = SimulatedClock(MovableClock()), StateFile(path)
    if (anchor := state.find_clock()) is not None:
        clock.resume(anchor)
    companies = load_companies(CompanySource(()), clock=clock, state=state) or [load_company(make_file(), clock=clock)]
    simulator = Simulator(companies, clock=clock, limits=False)
    StateKeeper(simulator, state)
    try:
        async with troubled(simulator) as rig:
            yield rig
    finally:
        state.close()


async def test_everything_that_follows_from_the_objects_comes_back(tmp_path: Path) -> None:
    payment = {
        "CustomerRef": {"value": "1"},
        "TotalAmt": 40,
        "Line": [{"Amount": 40, "LinkedTxn": [{"TxnId": "2", "TxnType": "Invoice"}]}],
    }
    async with kept(tmp_path / "state") as rig:
        for path, body in (
            ("bill", bill()),
            ("invoice", invoice()),
            ("payment", payment),
            ("vendor", {"DisplayName": "New"}),
        ):
            assert (await rig.post(path, body)).status_code == 200
        before = await _books(rig)
    async with kept(tmp_path / "state") as rig:
        assert await _books(rig) == before
        company = rig.simulator.companies[REALM]
        assert company.links.payers_of(("Invoice", "2")) == [("Payment", "3")]
        duplicate = (await rig.post("vendor", {"DisplayName": "new"})).json()["Fault"]["Error"][0]["code"]
        assert duplicate == "6240"
        unpaid = await rig.post("payment", {"Id": "3", "SyncToken": "0"}, operation="delete")
        assert unpaid.status_code == 200
        assert (await rig.get("invoice/2")).json()["Invoice"]["Balance"] == invoice_total(before)
        assert (await rig.post("invoice", invoice())).json()["Invoice"]["DocNumber"] == "1002"


def invoice_total(books: dict[str, Any]) -> Any:
    return books["Invoice"][0]["TotalAmt"]


async def _books(rig: Rig) -> dict[str, Any]:
    entities = ("Account", "Vendor", "Customer", "Bill", "Invoice", "Payment", "Preferences", "CompanyInfo")
    shown = {name: (await rig.http.get(f"/admin/objects/{REALM}/{name}")).json() for name in entities}
    return shown | {"trial": rig.simulator.companies[REALM].ledger.trial_balance()}


async def test_a_late_execution_is_kept_and_a_moved_clock_stays_moved(tmp_path: Path) -> None:
    async with kept(tmp_path / "state") as rig:
        await rig.trouble({"do": "late", "after_seconds": 5}, verb="create", count=1)
        assert (await rig.post("bill", bill())).status_code == 504
        await rig.advance(3000)
        while not rig.simulator.oracle.commits:  # noqa: ASYNC110 - executed beside the test
            await asyncio.sleep(0.005)
    async with kept(tmp_path / "state") as rig:
        assert await rig.count("Bill") == 1
        assert (await rig.http.get("/admin/clock")).json()["now"] == "2026-03-02T18:50:00+00:00"


async def test_what_was_refused_leaves_no_trace(tmp_path: Path) -> None:
    async with kept(tmp_path / "state") as rig:
        assert (await rig.post("bill", bill(vendor="999"), requestid="r1")).status_code == 400
    async with kept(tmp_path / "state") as rig:
        assert rig.simulator.replies.kept == {}
        assert rig.simulator.companies[REALM].ledger.entries == {}


def test_a_file_that_is_no_state_or_in_use_is_refused_plainly(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 10)
    with pytest.raises(StateUnusable, match="no state"):
        StateFile(tmp_path / "text")
    state = StateFile(tmp_path / "state")
    with pytest.raises(StateUnusable, match="another simulator"):
        StateFile(tmp_path / "state")
    state.close()


def test_copies_have_realms_and_books_of_their_own(tmp_path: Path) -> None:
    clock = SimulatedClock()
    path = tmp_path / "small.json"
    write_large(LargeCompany(bills=5, vendors=2), path, today=clock.now().date())
    first, second, third = load_companies(CompanySource((str(path),), copies=3), clock=clock)
    assert [int(company.realm_id) - int(first.realm_id) for company in (first, second, third)] == [0, 1, 2]
    assert first.ledger.trial_balance() == third.ledger.trial_balance()
    vendor = next(iter(second.stores["Vendor"].records.values()))
    second.update("Vendor", {"Id": vendor.id, "SyncToken": "0", "Notes": "x"}, sparse=True)
    assert first.stores["Vendor"].records[vendor.id].body["SyncToken"] == "0"
