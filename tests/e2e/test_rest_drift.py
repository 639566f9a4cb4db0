"""Drift, comparison and notices as somebody sees them who asks over HTTP."""

from uuid import UUID, uuid4

import httpx

from infra.config import Rail
from infra.sync import drift
from infra.sync.drift import Drift, DriftCause, DriftKind
from tests.e2e.rest import Shop, assert_problem


async def send(shop: Shop, path: str) -> httpx.Response:
    return await shop.web.http.post(f"/api/v1{path}", headers={"Authorization": f"Bearer {shop.visitor.token}"})


async def post(shop: Shop, path: str) -> dict[str, object]:
    answer = await send(shop, path)
    assert answer.status_code in {200, 202}, answer.text
    body: dict[str, object] = answer.json()["data"]
    return body


async def test_a_comparison_is_asked_for_runs_as_a_job_and_its_findings_are_listed(shop: Shop) -> None:
    await shop.read_books()
    assert (await shop.visitor.get("/drift"))["data"] == []
    await shop.web.run_jobs(shop.visitor.business_id)  # the tie-out that follows the first reading
    assert (await shop.visitor.get("/sync"))["data"]["drift"] == {"open": 0, "repaired": 0}
    assert await post(shop, "/sync/reconcile") == {"asked": "qbo.reconcile"}
    assert await post(shop, "/sync/compare") == {"asked": "qbo.compare"}
    await shop.web.run_jobs(shop.visitor.business_id)
    sync = (await shop.visitor.get("/sync"))["data"]
    assert {scan["entity"] for scan in sync["scans"] if scan["purpose"] == "compare" and scan["finished_at"]} == {
        entity["entity"] for entity in sync["entities"]
    }
    assert sync["runs"][0]["kind"] == "compare"


async def find(shop: Shop, found: Drift) -> str:
    business_id = UUID(shop.visitor.business_id)
    async with shop.web.services.uow([business_id]) as uow:
        (item,) = await drift.record(
            uow.session,
            business_id,
            rail=Rail.QBO,
            run_id=uuid4(),
            found=[found],
            now=shop.web.services.clock.now(),
        )
    return str(item.id)


async def test_drift_is_paged_filtered_and_stands_beside_the_answers(shop: Shop) -> None:
    await shop.read_books()
    ids = [
        await find(shop, Drift(DriftKind.TOTAL, "Bill", str(number), DriftCause.UNKNOWN, size=None))
        for number in range(3)
    ]
    first = await shop.visitor.get("/drift", limit=2, open=True)
    rest = await shop.visitor.get("/drift", limit=2, cursor=first["next_cursor"])
    assert [one["id"] for one in (*first["data"], *rest["data"])] == ids[::-1]
    assert rest["next_cursor"] is None
    assert (await shop.visitor.get("/drift", kind="count"))["data"] == []
    assert len((await shop.visitor.get("/drift", entity="Bill"))["data"]) == 3
    assert (await shop.visitor.get("/bills"))["freshness"]["open_drift"] == 3
    assert (await shop.visitor.get("/invoices"))["freshness"]["open_drift"] == 0
    assert_problem(await shop.visitor.ask("/drift", cursor="nonsense"), 400, "invalid-input")


async def test_a_doubt_is_confirmed_and_nothing_else_is(shop: Shop) -> None:
    await shop.read_books()
    doubt = Drift(DriftKind.IMPLAUSIBLE_DELETIONS, "Bill", None, DriftCause.UNKNOWN, details={"suspected": 30})
    assert await post(shop, f"/drift/{await find(shop, doubt)}/confirm") == {"asked": "qbo.rescan"}
    (item,) = (await shop.visitor.get("/drift"))["data"]
    assert item["details"]["confirmed_by"]
    other = await find(shop, Drift(DriftKind.TOTAL, "Bill", "7", DriftCause.UNKNOWN))
    for wrong in (other, str(uuid4())):
        answer = await send(shop, f"/drift/{wrong}/confirm")
        assert answer.status_code == 404


async def test_notices_are_listed_seen_and_end(shop: Shop) -> None:
    await shop.read_books()
    await find(shop, Drift(DriftKind.TOTAL, "Account", "35", DriftCause.UNKNOWN, details={"figure": "account balance"}))
    await shop.web.services.watch.look_at(UUID(shop.visitor.business_id))
    (notice,) = (await shop.visitor.get("/notices", open=True))["data"]
    assert (notice["kind"], notice["severity"], notice["seen_at"]) == ("drift", "alarm", None)
    assert (await post(shop, f"/notices/{notice['id']}/seen"))["seen_at"] is not None
    answer = await send(shop, f"/notices/{uuid4()}/seen")
    assert answer.status_code == 404
