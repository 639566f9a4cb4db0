"""What survives: a simulator killed with SIGKILL goes on where its last answer left it."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.qbo.simulator.books.entities import ENTITY_KINDS
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
async def killed(tmp_path: Path, *words: str) -> AsyncIterator[tuple[dict[str, Any], httpx.AsyncClient]]:
    """The command, ended by SIGKILL with the block."""
    info_file = tmp_path / "info.json"
    info_file.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, "qbo", "--port", "0", "--info", str(info_file), "--state", str(tmp_path / "state"),
        *words, stderr=asyncio.subprocess.PIPE,
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


async def _everything(http: httpx.AsyncClient, realm: str) -> dict[str, Any]:
    """All that a client or an admin can ask: each entity, what changed, reports, levers, the oracle on the books."""
    shown: dict[str, Any] = {}
    for entity in ENTITY_KINDS:
        shown[entity] = (await http.get(f"/admin/objects/{realm}/{entity}")).json()
    base = f"/v3/company/{realm}"
    now = datetime.fromisoformat((await http.get("/admin/clock")).json()["now"])
    since = {"entities": "Bill,Invoice,Payment,Vendor,Customer", "changedSince": (now - timedelta(20)).isoformat()}
    shown["cdc"] = (await http.get(f"{base}/cdc", params=since)).json()["CDCResponse"]
    for report in ("TrialBalance", "BalanceSheet", "ProfitAndLoss", "AgedPayables", "AgedReceivables", "GeneralLedger"):
        shown[report] = (await http.get(f"{base}/reports/{report}")).json()["Rows"]
    for levers in ("trouble", "webhooks", "behaviour", "clock"):
        shown[levers] = (await http.get(f"/admin/{levers}")).json()
    realms = (await http.get("/admin/oracle", params={"limit": 0})).json()["realms"]
    shown["oracle"] = {name: {**facts, "requests": {}} for name, facts in realms.items()}
    return shown


async def _live(http: httpx.AsyncClient, realm: str, choices: random.Random, *, names: dict[str, list[str]]) -> None:
    """Thirty requests of a random client, who is refused now and then."""
    made: list[tuple[str, str, str]] = []
    for nth in range(30):
        vendor, customer = choices.choice(names["Vendor"]), choices.choice(names["Customer"])
        sent: tuple[str, dict[str, Any], dict[str, str]]
        match choices.choice(["bill", "invoice", "payment", "delete", "rename", "merge"]):
            case "bill":
                sent = ("bill", _cost(vendor, names["Account"][0], choices.randrange(100, 90_000)), {})
            case "invoice":
                sent = ("invoice", _sale(customer, names["Item"][0], choices.randrange(100, 90_000)), {})
            case "payment":
                body = {"CustomerRef": {"value": customer}, "TotalAmt": 10}
                open_ = [made_ for made_ in made if made_[0] == "Invoice" and made_[2] == customer]
                lines = [{"Amount": 1, "LinkedTxn": [{"TxnId": each[1], "TxnType": "Invoice"}]} for each in open_[:2]]
                sent = ("payment", {**body, "Line": lines}, {})
            case "delete" if made:
                entity, identifier, _ = choices.choice(made)
                sent = (entity.lower(), {"Id": identifier, "SyncToken": "0"}, {"operation": "delete"})
            case "rename":
                token = (await http.get(f"/v3/company/{realm}/vendor/{vendor}")).json()["Vendor"]["SyncToken"]
                body = {"Id": vendor, "SyncToken": token, "sparse": True, "DisplayName": f"Vendor {nth} of {vendor}"}
                sent = ("vendor", body, {})
            case _:
                body = {"entity": "Vendor", "from": names["Vendor"][-1], "into": vendor}
                await http.post(f"/admin/merge/{realm}", json=body)
                continue
        path, body, options = sent
        answer = await http.post(
            f"/v3/company/{realm}/{path}", json=body, params={**options, "requestid": f"life-{nth}"}
        )
        assert answer.status_code in {200, 400}
        for entity, shown in answer.json().items() if answer.status_code == 200 and not options else ():
            if entity in {"Bill", "Invoice", "Payment"}:
                made.append((entity, shown["Id"], shown.get("CustomerRef", {}).get("value", "")))


def _cost(vendor: str, account: str, cents: int) -> dict[str, Any]:
    detail = {"AccountRef": {"value": account}}
    kind = "AccountBasedExpenseLineDetail"
    return {"VendorRef": {"value": vendor}, "Line": [{"Amount": cents / 100, "DetailType": kind, kind: detail}]}


def _sale(customer: str, item: str, cents: int) -> dict[str, Any]:
    kind = "SalesItemLineDetail"
    line = {"Amount": cents / 100, "DetailType": kind, kind: {"ItemRef": {"value": item}}}
    return {"CustomerRef": {"value": customer}, "Line": [line]}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_simulator_comes_back_as_it_was(tmp_path: Path, seed: int) -> None:
    small = tmp_path / "small.json"
    size = LargeCompany(bills=20, vendors=4, invoices=20)
    write_large(size, small, today=SimulatedClock().now().date())
    choices = random.Random(seed)  # noqa: S311 - repeatable, guards nothing
    async with killed(tmp_path, "--company", str(small), "--no-limits") as (info, http):
        realm = info["realm_ids"][0]
        await http.post("/admin/clock", json={"scale": 0})
        rules = [
            {"name": "late", "effect": {"do": "late", "after_seconds": 120}, "match": {"path": "*/transfer", "count": 1}},
            {"name": "some", "effect": {"do": "answer", "status": 400, "executed": True}, "match": {"verb": "create", "probability": 0.2}},
            {"name": "held", "effect": {"do": "delay", "seconds": 600}, "match": {"probability": 0.3}},
        ]  # fmt: skip
        await http.post("/admin/trouble", json=rules)
        hook = {"url": "http://127.0.0.1:9/nobody", "verifier_token": "secret", "delay_seconds": 60}
        await http.post("/admin/webhooks", json=hook)
        await http.post("/admin/behaviour", json={"void_everything": True})
        names = {entity: await _ids(http, realm, entity) for entity in ("Vendor", "Customer", "Item")}
        names["Account"] = [await _expense_account(http, realm)]
        await _live(http, realm, choices, names=names)
        bank = (await http.get(f"/admin/objects/{realm}/Account")).json()
        banks = [account["Id"] for account in bank if account["AccountType"] == "Bank"]
        transfer = {"FromAccountRef": {"value": banks[0]}, "ToAccountRef": {"value": banks[-1]}, "Amount": 7}
        assert (await http.post(f"/v3/company/{realm}/transfer", json=transfer)).status_code == 504
        await http.delete("/admin/trouble/some")
        replies = [await _again(http, realm, nth) for nth in range(30)]
        before = await _everything(http, realm)
    async with killed(tmp_path, "--company", str(small), "--no-limits") as (_, http):
        http.headers["Authorization"] = f"Bearer {info['access_token']}"
        assert await _everything(http, realm) == before
        assert before["webhooks"]["subscriptions"][0]["waiting"]
        assert any(rule["applied"] for rule in before["trouble"]["rules"])
        assert [await _again(http, realm, nth) for nth in range(30)] == replies
        await http.post("/admin/clock", json={"advance_seconds": 120})
        async with asyncio.timeout(60):
            while not (commits := (await http.get("/admin/oracle", params={"entity": "Transfer"})).json()["commits"]):  # noqa: ASYNC110 - what is awaited is in another process
                await asyncio.sleep(0.01)
        assert [commit["who"] for commit in commits] == ["late"]


async def _again(http: httpx.AsyncClient, realm: str, nth: int) -> tuple[int, bytes] | None:
    """The reply under a requestid; nothing for one that was refused, which is not remembered."""
    answer = await http.post(f"/v3/company/{realm}/term", json={}, params={"requestid": f"life-{nth}"})
    return (answer.status_code, answer.content) if answer.status_code == 200 else None


async def _ids(http: httpx.AsyncClient, realm: str, entity: str) -> list[str]:
    return [each["Id"] for each in (await http.get(f"/admin/objects/{realm}/{entity}")).json()]


async def test_limits_are_not_forgotten_by_a_restart(tmp_path: Path) -> None:
    async with killed(tmp_path) as (info, http):
        await http.post("/admin/clock", json={"scale": 0})
        url = f"/v3/company/{info['realm_ids'][0]}/companyinfo/1"
        assert [(await http.get(url)).status_code for _ in range(11)] == [200] * 10 + [429]
    async with killed(tmp_path) as (_, http):
        http.headers["Authorization"] = f"Bearer {info['access_token']}"
        assert (await http.get(url)).status_code == 429
        await http.post("/admin/clock", json={"advance_seconds": 1})
        assert (await http.get(url)).status_code == 200
