"""`POST /api/v1/webhooks/qbo` over HTTP: who is let in, what is kept, and what a job makes of it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from domains.ap.models import Bill
from domains.core.access_log import AccessEvent, AccessLogRow
from infra.config import Rail
from infra.ids import new_id
from infra.jobs.execution import execute
from infra.jobs.outbox import OutboxRow
from infra.jobs.webhook_inbox import WebhookEvent
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.oracle.journal import Merge
from infra.qbo.simulator.webhooks.events import sign
from infra.sync import runs
from infra.sync.refresh_lease import RefreshLeases
from infra.sync.runs import SyncState
from runway.jobs import JOBS
from runway.registry import MIRROR_SPECS
from tests.e2e.rest import VERIFIER_TOKENS, Shop, assert_problem

PATH = "/api/v1/webhooks/qbo"


def cloud(shop: Shop, kind: str, external_id: str, *, operation: str = "updated", ago: float = 0) -> dict[str, Any]:
    at = shop.simulator.clock.now() - timedelta(seconds=ago)
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "intuit.x",
        "type": f"qbo.{kind}.{operation}.v1",
        "time": at.isoformat(),
        "intuitentityid": external_id,
        "intuitaccountid": shop.company.realm_id,
        "data": {},
    }


async def post(
    shop: Shop, content: Any, *, token: str = VERIFIER_TOKENS[0], headers: Mapping[str, str] | None = None
) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {"intuit-signature": sign(body, token), "content-type": "application/json", **(headers or {})}
    return await shop.web.http.post(PATH, content=body, headers=sent)


async def events(shop: Shop, realm_id: str | None = None) -> Sequence[WebhookEvent]:
    query = select(WebhookEvent).where(WebhookEvent.external_account_id == (realm_id or shop.company.realm_id))
    async with shop.web.services.jobs_uow([]) as uow:
        return (await uow.session.scalars(query.order_by(WebhookEvent.number))).all()


async def jobs(shop: Shop, realm_id: str | None = None) -> Sequence[OutboxRow]:
    query = select(OutboxRow).where(
        OutboxRow.key == (realm_id or shop.company.realm_id), OutboxRow.finished_at.is_(None)
    )
    async with shop.web.services.jobs_uow([]) as uow:
        return (await uow.session.scalars(query)).all()


async def work(shop: Shop, realm_id: str | None = None) -> int:
    """What the job costs in calls to QuickBooks."""
    before = sum(shop.simulator.requests[shop.company.realm_id].values())
    for row in await jobs(shop, realm_id):
        assert await execute(row.id, jobs=JOBS, context=shop.web.services, uow=shop.web.services.jobs_uow)
    assert await jobs(shop, realm_id) == []
    return sum(shop.simulator.requests[shop.company.realm_id].values()) - before


async def states(shop: Shop) -> dict[str, SyncState]:
    business_id = UUID(shop.visitor.business_id)
    async with shop.web.services.uow([business_id]) as uow:
        return await runs.list_states(uow.session, business_id, rail=Rail.QBO)


async def refusals(shop: Shop) -> int:
    async with shop.web.services.access_uow([]) as uow:
        rows = await uow.session.scalars(
            select(AccessLogRow).where(AccessLogRow.event == AccessEvent.WEBHOOK_REFUSED.value)
        )
        return len(rows.all())


@pytest.mark.parametrize("token", VERIFIER_TOKENS)
async def test_what_intuit_signed_is_stored_and_asked_for_once(shop: Shop, token: str) -> None:
    await shop.read_books()
    event = cloud(shop, "bill", "1")
    for _ in range(3):
        answer = await post(shop, [event, event], token=token)
        assert (answer.status_code, answer.content) == (200, b"")
    assert len(await events(shop)) == 1
    (job,) = await jobs(shop)
    assert str(job.business_id) == shop.visitor.business_id


@pytest.mark.parametrize(
    "headers",
    [
        {"intuit-signature": ""}, {"intuit-signature": "nonsense"}, {"intuit-signature": sign(b"[]", "another")},
        {"intuit-signature": sign(b"[]", VERIFIER_TOKENS[0])},
    ],
)  # fmt: skip
async def test_what_they_did_not_is_refused_and_leaves_a_line(shop: Shop, headers: dict[str, str]) -> None:
    before = await refusals(shop)
    for _ in range(5):
        assert_problem(await post(shop, [cloud(shop, "bill", "1")], headers=headers), 401, "unauthenticated")
    assert await events(shop) == []
    assert await jobs(shop) == []
    assert await refusals(shop) == before + 1, "once a minute and address"


async def test_no_cookie_and_no_token_of_ours_counts_here(shop: Shop) -> None:
    bearer = {"Authorization": f"Bearer {shop.visitor.token}"}
    unsigned = await post(shop, [cloud(shop, "bill", "1")], headers={**bearer, "intuit-signature": "x"})
    assert unsigned.status_code == 401
    foreign = {"Origin": "https://elsewhere.example", "Cookie": "sid=x"}
    assert (await post(shop, [], headers=foreign)).status_code == 200


async def test_a_body_that_cannot_be_read_holds_nothing_up(shop: Shop) -> None:
    for body in (b"{", b"null", b'{"eventNotifications": 7}', b"\xff"):
        assert (await post(shop, body)).status_code == 200
    assert await events(shop) == []


async def test_a_body_too_large_is_not_read(shop: Shop) -> None:
    most = shop.web.services.settings.edge.body_bytes
    assert (await post(shop, b" " * (most + 1))).status_code == 413


async def test_a_company_that_nobody_has_is_dropped(shop: Shop) -> None:
    realm_id = str(new_id().int)[:18]
    assert (await post(shop, [cloud(shop, "bill", "1") | {"intuitaccountid": realm_id}])).status_code == 200
    assert await work(shop, realm_id) == 0
    assert [event.done_at is not None for event in await events(shop, realm_id)] == [True]


async def test_a_change_that_is_told_is_in_the_mirror_after_the_job(shop: Shop) -> None:
    await shop.read_books()
    record = shop.simulator.other_users.edit_one(shop.company, "Bill")
    assert record is not None
    await post(shop, [cloud(shop, "bill", record.id)])
    assert await work(shop) > 0
    note = (await shop.visitor.get("/bills", status="all", limit=200))["data"]
    assert note
    held = await states(shop)
    assert [entity for entity, state in held.items() if state.dirty_since] == []
    assert [event.done_at is not None for event in await events(shop)] == [True]
    assert await work(shop) == 0


async def test_news_of_several_kinds_waits_for_a_refresh_and_holds_nothing_of_it(shop: Shop) -> None:
    """A payment touches its customer: whoever waits for that one's line must not have the payment's, which the refresh takes next."""
    await shop.read_books()
    business_id, values = UUID(shop.visitor.business_id), {"last_error": None}
    record = shop.simulator.other_users.edit_one(shop.company, "Payment")
    assert record is not None
    await post(shop, [cloud(shop, "payment", record.id)])
    async with shop.web.services.uow([business_id]) as refresh:
        await runs.change_states(
            refresh.session, business_id, rail=Rail.QBO, entities=["Account", "Customer"], values=values
        )
        working = asyncio.create_task(work(shop))
        await _until_one_waits(shop)
        await runs.change_states(refresh.session, business_id, rail=Rail.QBO, entities=["Payment"], values=values)
    assert await working > 0
    assert [event.done_at is not None for event in await events(shop)] == [True]


async def _until_one_waits(shop: Shop) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%sync_state%FOR UPDATE%'"
    )
    async with asyncio.timeout(60):
        while True:
            async with shop.web.services.uow([]) as uow:
                if await uow.session.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("seconds", "calls"), [(20, 0), (5, 1)])
async def test_what_another_refresh_brought_meanwhile_is_not_asked_for_again(
    shop: Shop, seconds: float, calls: int
) -> None:
    """The job was kept waiting, as by a worker that was killed, and comes while another process refreshes."""
    await shop.read_books()
    business_id, told = UUID(shop.visitor.business_id), shop.simulator.clock.now() - timedelta(seconds=60)
    services = shop.web.services
    leases = RefreshLeases(services.uow, business_id, Rail.QBO)

    async def read_through(at: datetime) -> None:
        async with services.uow([business_id]) as uow:
            values = {"synced_through": at}
            entities = [spec.entity for spec in MIRROR_SPECS]
            await runs.change_states(uow.session, business_id, rail=Rail.QBO, entities=entities, values=values)

    await read_through(told - timedelta(seconds=60))
    await post(shop, [cloud(shop, "bill", "1", ago=60)])
    fence = await leases.take(strategy="on_demand", now=services.clock.now(), is_insistent=False)
    assert fence is not None
    working = asyncio.create_task(work(shop))
    await _until_noted(shop)
    await read_through(told + timedelta(seconds=seconds))
    await leases.finish(fence, calls=1, now=services.clock.now())
    assert await working == calls
    assert [entity for entity, state in (await states(shop)).items() if state.dirty_since] == []
    assert [event.done_at is not None for event in await events(shop)] == [True]


async def _until_noted(shop: Shop) -> None:
    async with asyncio.timeout(60):
        while True:
            if any(state.dirty_since for state in (await states(shop)).values()):
                return
            await asyncio.sleep(0.02)


async def test_what_the_mirror_has_already_costs_no_call(shop: Shop) -> None:
    await shop.read_books()
    await post(shop, [cloud(shop, "bill", "1", ago=60), cloud(shop, "class", "2"), cloud(shop, "estimate", "3")])
    assert await work(shop) == 0
    assert all(event.done_at for event in await events(shop))


async def test_while_quickbooks_is_away_readers_are_told_and_the_events_wait(shop: Shop) -> None:
    await shop.read_books()
    await post(shop, [cloud(shop, "billpayment", "1", operation="voided")])
    await shop.stop_quickbooks()
    (row,) = await jobs(shop)
    assert await execute(row.id, jobs=JOBS, context=shop.web.services, uow=shop.web.services.jobs_uow)
    dirty = {entity for entity, state in (await states(shop)).items() if state.dirty_since}
    assert dirty >= {"BillPayment", "Bill", "Vendor", "Account"}
    assert [event.done_at for event in await events(shop)] == [None]
    (row,) = await jobs(shop)
    assert (row.attempts, row.dead_at) == (0, None)


async def test_a_merge_has_the_documents_read_again(shop: Shop) -> None:
    """Neither their token nor their time moves."""
    await shop.read_books()
    loser, survivor, *_ = shop.company.stores["Vendor"].records
    merge(shop.company, "Vendor", loser_id=loser, survivor_id=survivor)
    for store in shop.company.stores.values():
        for record in store.records.values():
            record.forget_encoding()  # documents of a generated company share their references
    told = Merge("Vendor", survivor_id=survivor, loser_id=loser)
    shop.simulator.journal.commit(shop.company, who="other user", merged=told)
    await post(shop, [cloud(shop, "vendor", survivor, operation="merged")])
    await post(shop, [cloud(shop, "vendor", survivor, operation="merged")])
    await work(shop)
    async with shop.web.services.jobs_uow([]) as uow:
        asked = text(
            "SELECT arguments FROM outbox WHERE key = 'merged Vendor' AND business_id = :id AND finished_at IS NULL"
        )
        (arguments,) = await uow.session.scalars(asked, {"id": shop.visitor.business_id})
    assert arguments[0] == shop.visitor.business_id
    assert {"Bill", "BillPayment", "Purchase"} <= set(arguments)
    await shop.web.run_jobs(shop.visitor.business_id)
    truth = {key: record.body["VendorRef"]["value"] for key, record in shop.company.stores["Bill"].records.items()}
    assert loser not in truth.values()
    async with shop.web.services.uow([UUID(shop.visitor.business_id)]) as uow:
        held = await uow.session.execute(select(Bill.external_id, Bill.vendor_external_id))
        assert {row.external_id: row.vendor_external_id for row in held} == truth
