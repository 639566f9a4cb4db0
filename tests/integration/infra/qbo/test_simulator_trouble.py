"""Trouble as a real client meets it, and what the oracle says had happened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.qbo.simulator.timeline.simulated_clock import SimulatedClock
from tests.integration.infra.qbo.troubled_simulator import Rig, small_simulator, troubled, until
from tests.unit.infra.qbo.simulator.small_company import REALM, bill


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with troubled(small_simulator()) as rig:
        yield rig


async def test_a_burst_of_throttling_ends_and_nothing_was_executed(rig: Rig) -> None:
    await rig.trouble({"do": "answer", "status": 429, "retry_after_seconds": 7}, verb="create", count=2)
    answers = [await rig.post("bill", bill(), requestid="r1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].headers["retry-after"], answers[0].headers["content-type"]) == ("7", "application/xml")
    assert b"003001" in answers[0].content
    assert await rig.count("Bill") == 1


async def test_throttling_may_come_without_retry_after(rig: Rig) -> None:
    await rig.trouble({"do": "answer", "status": 429, "body": "gateway"}, verb="query")
    answer = await rig.get("query", query="select * from Bill")
    assert "retry-after" not in answer.headers
    assert answer.json()["fault"]["error"][0]["code"] == "3001"


@pytest.mark.parametrize(("executed", "bills"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("do", ["answer", "reset"])
async def test_trouble_before_and_after_the_commit(rig: Rig, do: str, *, executed: bool, bills: int) -> None:
    effect: dict[str, Any] = {"do": do, "executed": executed} | ({"status": 503} if do == "answer" else {})
    await rig.trouble(effect, verb="create", count=1)
    if do == "answer":
        assert (await rig.post("bill", bill(), requestid="r1")).status_code == 503
    else:
        with pytest.raises(httpx.ReadError):
            await rig.post("bill", bill(), requestid="r1")
    assert await rig.count("Bill") == bills
    seen = (await rig.oracle(verb="create"))["requests"][0]
    assert (seen["executed"], seen["trouble"], seen["request_id"]) == (executed, ["rule-1"], "r1")
    assert (await rig.post("bill", bill(), requestid="r1")).status_code == 200
    assert await rig.count("Bill") == 1


async def test_half_an_answer_is_seen_as_a_broken_protocol(rig: Rig) -> None:
    await rig.trouble({"do": "half"}, verb="create", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        await rig.post("bill", bill())
    assert await rig.count("Bill") == 1


@pytest.mark.parametrize("executed", [False, True])
async def test_a_silent_service_times_out(rig: Rig, *, executed: bool) -> None:
    await rig.trouble({"do": "silence", "executed": executed}, verb="create", count=1)
    with pytest.raises(httpx.ReadTimeout):
        await rig.http.post(
            f"/v3/company/{REALM}/bill", json=bill(), headers=rig.headers, timeout=httpx.Timeout(30, read=0.2)
        )
    assert await rig.count("Bill") == (1 if executed else 0)


async def test_a_silent_service_hangs_up_in_the_end(rig: Rig) -> None:
    await rig.trouble({"do": "silence", "hold_seconds": 120}, verb="create")
    call = asyncio.create_task(rig.post("bill", bill()))
    await until(lambda: bool(rig.simulator.oracle.requests))
    await rig.advance(119)
    assert not call.done()
    await rig.advance(1)
    with pytest.raises(httpx.RemoteProtocolError):
        await call


async def test_a_slow_body_comes_whole() -> None:
    clock = SimulatedClock()
    clock.set_scale(1000)
    async with troubled(small_simulator(clock=clock)) as rig:
        await rig.trouble({"do": "slow", "seconds": 60, "pieces": 4}, verb="query")
        before = clock.now()
        answer = await rig.get("query", query="select * from Vendor")
        assert len(answer.json()["QueryResponse"]["Vendor"]) == 2
        assert (clock.now() - before).total_seconds() >= 60


async def test_a_late_request_is_executed_after_the_answer_and_once(rig: Rig) -> None:
    await rig.trouble({"do": "late", "after_seconds": 90}, verb="create", count=1)
    assert (await rig.post("bill", bill(), requestid="r1")).status_code == 504
    await rig.advance(89)
    assert await rig.count("Bill") == 0
    await rig.advance(1)
    await until(lambda: bool(rig.simulator.oracle.commits))
    assert await rig.count("Bill") == 1
    commits = (await rig.oracle(entity="Bill"))["commits"]
    assert [(commit["operation"], commit["who"]) for commit in commits] == [("Create", "late")]
    assert (await rig.post("bill", bill(), requestid="r1")).status_code == 200
    assert await rig.count("Bill") == 1


async def test_a_duplicated_execution_makes_two(rig: Rig) -> None:
    await rig.trouble({"do": "twice"}, verb="create", count=1)
    assert (await rig.post("bill", bill(), requestid="r1")).status_code == 200
    await until(lambda: len(rig.simulator.oracle.commits) == 2)
    assert await rig.count("Bill") == 2


async def test_latency_is_simulated_time(rig: Rig) -> None:
    await rig.trouble({"do": "latency", "uniform_ms": [5000, 6000]}, verb="read")
    call = asyncio.create_task(rig.get("vendor/56"))
    await until(lambda: bool(rig.simulator.oracle.requests))
    await asyncio.sleep(0)
    await rig.advance(4)
    assert not call.done()
    await rig.advance(2)
    assert (await call).status_code == 200


async def test_every_third_call_between_two_instants(rig: Rig) -> None:
    await rig.trouble({"do": "answer", "status": 500}, verb="read", every=3, starts_after_seconds=60, lasts_seconds=60)
    early = [(await rig.get("vendor/56")).status_code for _ in range(3)]
    await rig.advance(60)
    inside = [(await rig.get("vendor/56")).status_code for _ in range(7)]
    await rig.advance(60)
    after = [(await rig.get("vendor/56")).status_code for _ in range(3)]
    assert (early, inside, after) == ([200] * 3, [200, 200, 500, 200, 200, 500, 200], [200] * 3)


async def test_a_seed_repeats_its_choices() -> None:
    outcomes = []
    for _ in range(2):
        async with troubled(small_simulator(seed=3)) as rig:
            await rig.trouble({"do": "answer", "status": 502}, verb="read", probability=0.5)
            outcomes.append([(await rig.get("vendor/56")).status_code for _ in range(12)])
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0]) == {200, 502}


async def test_a_token_ends_in_mid_flight_and_a_refresh_helps(rig: Rig) -> None:
    await rig.trouble({"do": "expire_token"}, count=1)
    assert (await rig.get("vendor/56")).status_code == 401
    tokens = (await rig.refresh(rig.info.refresh_token)).json()
    rig.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    assert (await rig.get("vendor/56")).status_code == 200


async def test_a_revoked_grant_cannot_be_refreshed(rig: Rig) -> None:
    await rig.trouble({"do": "revoke_grant"}, verb="read", count=1)
    assert (await rig.get("vendor/56")).status_code == 401
    assert (await rig.refresh(rig.info.refresh_token)).json()["error"] == "invalid_grant"


async def test_the_answer_of_a_refresh_is_lost_after_the_commit(rig: Rig) -> None:
    await rig.trouble({"do": "reset", "executed": True}, verb="token", count=1)
    with pytest.raises(httpx.ReadError):
        await rig.refresh(rig.info.refresh_token)
    assert (await rig.refresh(rig.info.refresh_token)).json()["error"] == "invalid_grant"


async def test_another_worker_rotated_first(rig: Rig) -> None:
    await rig.trouble({"do": "rotate_first"}, verb="token", count=1)
    assert (await rig.refresh(rig.info.refresh_token)).status_code == 400


async def test_change_capture_is_cut(rig: Rig) -> None:
    for _ in range(3):
        await rig.post("bill", bill())
    since = "2026-03-01T00:00:00Z"
    await rig.trouble({"do": "cut_cdc", "at": 2}, verb="cdc", count=1)
    cut, whole = [
        (await rig.get("cdc", entities="Bill", changedSince=since)).json()["CDCResponse"][0]["QueryResponse"][0]["Bill"]
        for _ in range(2)
    ]
    assert (len(cut), len(whole)) == (2, 3)


async def test_other_users_edit_a_page_and_at_a_rate(rig: Rig) -> None:
    await rig.trouble({"do": "edit"}, verb="query", entity="Vendor")
    await rig.get("query", query="select * from Vendor")
    await rig.calm()
    assert len((await rig.oracle(who="other user"))["commits"]) == 1
    await rig.trouble({"do": "edit", "entity": "Vendor", "per_minute": 6}, count=4)
    await rig.advance(30)
    await until(lambda: len(rig.simulator.oracle.commits) == 4)
    await rig.advance(3600)
    await until(lambda: len(rig.simulator.oracle.commits) == 5)


async def test_the_oracle_counts_density_and_shows_what_is_asked(rig: Rig) -> None:
    for _ in range(3):
        await rig.get("vendor/56")
    await rig.advance(2)
    await asyncio.gather(*(rig.get("vendor/56") for _ in range(4)))
    seen = await rig.oracle(limit=2, verb="read")
    density = seen["density"][REALM]
    assert (density["most_in_60_seconds"], density["most_in_1_second"], density["in_flight"]) == (7, 4, 0)
    assert [request["status"] for request in seen["requests"]] == [200, 200]
    assert seen["totals"]["requests"] == 7
    assert (await rig.oracle(status="404"))["requests"] == []


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"effect": {"do": "explode"}}, "effect"),
        ({"effect": {"do": "reset", "loud": True}}, "loud"),
        ({"effect": {"do": "latency"}}, "constant_ms"),
        ({"effect": {"do": "reset"}, "match": {"verb": "scream"}}, "scream"),
        ({"effect": {"do": "reset"}, "match": {"from": "2026-01-01T00:00:00"}}, "from"),
        ({"effect": {"do": "edit", "per_minute": 3}}, "entity"),
    ],
)
async def test_a_rule_that_cannot_be_read_says_where(rig: Rig, rule: dict[str, Any], place: str) -> None:
    answer = await rig.http.post("/admin/trouble", json=rule)
    assert answer.status_code == 400
    assert place in answer.json()["error"]
    assert (await rig.http.get("/admin/trouble")).json() == {"rules": []}


async def test_rules_are_listed_and_end_by_name(rig: Rig) -> None:
    await rig.http.post("/admin/trouble", json={"name": "once", "effect": {"do": "reset"}, "match": {"count": 1}})
    assert (await rig.http.post("/admin/trouble", json={"name": "once", "effect": {"do": "reset"}})).status_code == 400
    listed = (await rig.http.get("/admin/trouble")).json()["rules"][0]
    assert (listed["name"], listed["applied"], listed["match"]["count"]) == ("once", 0, 1)
    assert (await rig.http.delete("/admin/trouble/once")).json() == {"removed": ["once"]}
    assert (await rig.http.delete("/admin/trouble/once")).status_code == 404


async def test_time_moves_on_and_never_back(rig: Rig) -> None:
    assert (await rig.http.get("/admin/clock")).json() == {"now": "2026-03-02T18:00:00+00:00", "scale": 1}
    moved = await rig.http.post("/admin/clock", json={"now": "2026-03-03T00:00:00Z", "advance_seconds": 60, "scale": 0})
    assert moved.json() == {"now": "2026-03-03T00:01:00+00:00", "scale": 0}
    for refused in ({"now": "2026-03-01T00:00:00Z"}, {"scale": -1}, {"advance_seconds": -1}, {}, {"today": 1}):
        assert (await rig.http.post("/admin/clock", json=refused)).status_code == 400
    assert (await rig.get("vendor/56")).status_code == 401  # an access token lives for an hour of it


async def test_change_capture_ends_at_a_thousand_without_a_sign(rig: Rig) -> None:
    company = rig.simulator.companies[REALM]
    for nth in range(1003):
        company.create("Vendor", {"DisplayName": f"Vendor {nth}"})
    answer = await rig.get("cdc", entities="Vendor,Bill", changedSince="2026-03-01T00:00:00Z")
    first, second = answer.json()["CDCResponse"][0]["QueryResponse"]
    assert (len(first["Vendor"]), first["totalCount"], second) == (1000, 1000, {})


async def test_one_seed_mixes_every_kind_and_repeats_itself() -> None:
    met: list[list[Any]] = []
    for _ in range(2):
        clock = SimulatedClock()
        clock.set_scale(100)
        async with troubled(small_simulator(clock=clock, seed=1)) as rig:
            mixture = {"seed": 7, "share": 0.9}
            added = (await rig.http.post("/admin/trouble-by-seed", json=mixture)).json()["added"]
            for slow in ("latency", "silent"):
                await rig.http.delete(f"/admin/trouble/seed-7-{slow}")
            for _ in range(50):
                with contextlib.suppress(httpx.HTTPError):
                    await rig.get("vendor/56")
            met.append([request["trouble"] for request in (await rig.oracle(verb="read"))["requests"]])
    assert {name.removeprefix("seed-7-") for name in added} > {"throttled", "half", "late", "webhooks-lost", "edits"}
    assert met[0] == met[1]
    assert len({str(names) for names in met[0]}) > 3


async def test_a_mixture_that_cannot_be_read_says_where(rig: Rig) -> None:
    answer = await rig.http.post("/admin/trouble-by-seed", json={"seed": 7, "share": 2})
    assert (answer.status_code, "share" in answer.json()["error"]) == (400, True)
