"""Background work that was given up: shown to its own business, tried again, and a grant that a late answer must not end."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from domains.core.models import Connection, ConnectionState
from infra.config import Rail
from infra.jobs.outbox import OutboxRow
from tests.e2e.rest import Shop, Web, assert_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def give_up(web: Web, business_id: str, *, key: str | None = None) -> int:
    async with web.services.jobs_uow([]) as uow:
        row = OutboxRow(
            business_id=UUID(business_id), queue="none", job="qbo.backfill", arguments=[business_id], attempts=8,
            last_error="QuickBooks did not answer.", key=key,
        )  # fmt: skip
        uow.session.add(row)
        await uow.session.flush()
        await uow.session.execute(text("UPDATE outbox SET dead_at = now() WHERE id = :id"), {"id": row.id})
        return int(row.id)


async def row_of(web: Web, number: int) -> OutboxRow:
    async with web.services.jobs_uow([]) as uow:
        return (await uow.session.scalars(select(OutboxRow).where(OutboxRow.id == number))).one()


async def test_it_is_shown_and_tried_again(web: Web) -> None:
    visitor = await web.sign_in("Gave up")
    number = await give_up(web, visitor.business_id)
    (shown,) = (await visitor.get("/sync/failed"))["data"]
    assert (shown["id"], shown["job"], shown["attempts"]) == (number, "qbo.backfill", 8)
    assert shown["error"] == "QuickBooks did not answer."
    answer = await web.http.post(
        f"/api/v1/sync/failed/{number}/retry", headers={"Authorization": f"Bearer {visitor.token}"}
    )
    assert answer.json() == {"data": {"retried": 1}}
    row = await row_of(web, number)
    assert (row.dead_at, row.attempts, row.finished_at) == (None, 0, None)
    assert (await visitor.get("/sync/failed"))["data"] == []


async def test_anothers_is_not_there(web: Web) -> None:
    mine, other = await web.sign_in("Mine gave up"), await web.sign_in("Theirs gave up")
    number = await give_up(web, other.business_id)
    assert (await mine.get("/sync/failed"))["data"] == []
    headers = {"Authorization": f"Bearer {mine.token}"}
    for name in (str(number), "0", "x", "-1", "9" * 30):
        refused = await web.http.post(f"/api/v1/sync/failed/{name}/retry", headers=headers)
        assert_problem(refused, 404, "not-found")
    assert (await row_of(web, number)).dead_at is not None


async def test_what_lives_again_already_is_not_doubled(web: Web) -> None:
    visitor = await web.sign_in("Gave up twice")
    first = await give_up(web, visitor.business_id, key="one")
    second = await give_up(web, visitor.business_id, key="one")
    headers = {"Authorization": f"Bearer {visitor.token}"}
    for number in (second, first):
        assert (await web.http.post(f"/api/v1/sync/failed/{number}/retry", headers=headers)).status_code == 200
    rows = [await row_of(web, number) for number in (first, second)]
    assert [row.finished_at is not None for row in rows] == [True, False]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_late_answer_of_an_old_grant_does_not_end_the_new_one(shop: Shop) -> None:
    """A run that began before a person connected again meets a 403 of the grant that is gone."""
    await shop.read_books()
    services, business_id = shop.web.services, UUID(shop.visitor.business_id)
    began = services.clock.now()
    assert (await shop.visitor.connect(realm_id=shop.company.realm_id)).status_code == 200
    await services.lose_qbo_grant(business_id, "access refused", began)
    assert (await services.qbo_rail.tokens.get(business_id, Rail.QBO)).needs_reconnect_at is None
    await services.lose_qbo_grant(business_id, "access refused", services.clock.now() + timedelta(seconds=1))
    assert (await services.qbo_rail.tokens.get(business_id, Rail.QBO)).needs_reconnect_at is not None
    async with services.uow([business_id]) as uow:
        (state,) = await uow.session.scalars(select(Connection.state))
    assert state == ConnectionState.NEEDS_RECONNECT.value
