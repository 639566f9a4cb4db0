"""The weekly ritual over a sample company: two people at once, what is refused, and what is locked at its end."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from domains.core.ritual import STEPS_BEFORE_THE_LAST
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.frozen import Frozen
from tests.e2e.rest import Shop, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def post(shop: Shop, path: str, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {shop.visitor.token}"}
    return await shop.web.http.post(f"/api/v1{path}", json=body, headers=headers)


async def done(shop: Shop, path: str, **body: Any) -> dict[str, Any]:
    answer = await post(shop, path, **body)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_a_week_s_ritual_from_its_start_to_its_lock(electrician: Shop) -> None:
    before = (await electrician.visitor.get("/ritual"))["data"]
    assert (before["state"], before["version"], before["next_step"]) == ("not_started", 0, "books")
    refused = await post(electrician, "/ritual/steps/books", version=0, outcome="looked")
    assert "has not been started" in assert_problem(refused, 409, "conflict")["detail"]

    begun = await done(electrician, "/ritual/start")
    assert await done(electrician, "/ritual/start") == begun  # two people press at once
    assert (begun["state"], begun["version"]) == ("under_way", 1)

    looked = await done(electrician, "/ritual/steps/books", version=1, outcome="looked")
    assert looked["next_step"] == "changes"
    assert await done(electrician, "/ritual/steps/books", version=1, outcome="looked") == looked  # a double click
    due = await done(electrician, "/ritual/steps/due", version=1, outcome="decided", note="Rent first.")
    assert due["version"] == 3  # another step since version 1 hinders nobody

    both = await asyncio.gather(  # on one step at the same moment
        *(post(electrician, "/ritual/steps/overdue", version=3, outcome="acted", note=who) for who in ("Ann", "Ben"))
    )
    assert sorted(one.status_code for one in both) == [200, 409]
    faster = next(one for one in both if one.status_code == 200).json()["data"]
    assert (faster["version"], len(faster["events"])) == (4, 4)

    late = assert_problem(await post(electrician, "/ritual/steps/due", version=2, outcome="skipped"), 409, "conflict")
    assert "did 'due'" in late["detail"]
    assert "Rent first." in late["detail"]
    assert "version 4" in late["detail"]

    reopened = await done(electrician, "/ritual/steps/due", version=4, is_done=False, note="One bill more.")
    assert [step["is_done"] for step in reopened["steps"]] == [True, False, False, True, False, False]
    left = assert_problem(await post(electrician, "/ritual/finish", version=5), 409, "conflict")
    assert "changes, due, low point" in left["detail"]

    version = reopened["version"]
    for step in STEPS_BEFORE_THE_LAST[1:]:
        version = (await done(electrician, f"/ritual/steps/{step}", version=version, outcome="accepted"))["version"]
    unseen = assert_problem(await post(electrician, "/ritual/finish", version=version - 1), 409, "conflict")
    assert "did 'low point'" in unseen["detail"]

    ended = await done(electrician, "/ritual/finish", version=version, note="Good week.", send_digest=True)
    assert (ended["state"], ended["next_step"]) == ("finished", None)
    assert await done(electrician, "/ritual/finish", version=version, note="Good week.", send_digest=True) == ended
    sent = (await electrician.visitor.get(f"/digest/sends/{ended['digest_id']}"))["data"]
    assert [one["business_id"] for one in sent["businesses"]] == [electrician.visitor.business_id]
    locked = assert_problem(
        await post(electrician, "/ritual/steps/due", version=ended["version"], outcome="acted"), 409, "conflict"
    )
    assert "finished" in locked["detail"]
    await the_snapshot_is_the_forecast(electrician, ended)


async def the_snapshot_is_the_forecast(electrician: Shop, ended: dict[str, Any]) -> None:
    services = electrician.web.services
    async with services.uow([UUID(electrician.visitor.business_id)]) as uow:
        business = await services.businesses.get_business(uow.session, UUID(electrician.visitor.business_id))
    forecast = (await services.of(business).outlook.get(freshness=AS_IT_STANDS)).value
    held = ended["snapshot"]
    assert Frozen.from_figures(held["forecast"]) == Frozen.of(forecast)
    assert Decimal(held["cash"]["value"]) == forecast.report.cash.cash.value
    assert [one["step"] for one in held["decisions"]] == list(STEPS_BEFORE_THE_LAST)
    assert (await electrician.visitor.get("/dashboard"))["data"]["last_ritual_at"] == ended["last_finished_at"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/ritual/steps/due", {"version": 9000, "outcome": "looked"}, 400),
        ("/ritual/steps/due", {"version": 1}, 400),
        ("/ritual/steps/summary", {"version": 1, "outcome": "looked"}, 400),
        ("/ritual/steps/tea", {"version": 1, "outcome": "looked"}, 422),
        ("/ritual/finish", {}, 422),
    ],
)
async def test_what_cannot_be_meant_is_refused(electrician: Shop, path: str, body: dict[str, Any], status: int) -> None:
    await done(electrician, "/ritual/start")
    assert (await post(electrician, path, **body)).status_code == status
