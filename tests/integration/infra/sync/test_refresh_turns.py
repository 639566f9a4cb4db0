"""Who comes to refresh when another has done it meanwhile: what it brought is not asked for again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork
from infra.sync import runs
from infra.sync.freshness import SyncStrategy
from tests.integration.infra.qbo.company_rig import Mirrored


async def test_what_another_process_did_in_between_is_not_done_again(mirrored: Mirrored) -> None:
    """A reader who looked before its refresh ended, and comes to refresh after it."""
    mirrored.clock.ahead += timedelta(hours=1)
    before, looks = mirrored.calls, 0

    @asynccontextmanager
    async def another_after_the_first_look(ids: Sequence[UUID] = ()) -> AsyncIterator[UnitOfWork]:
        nonlocal looks
        looks += 1
        is_first = looks == 1
        async with mirrored.uow(ids) as unit:
            yield unit
        if is_first:
            await mirrored.service.bring_up_to_date(SyncStrategy.SCHEDULED)

    fetched = await mirrored.service_with(uow=another_after_the_first_look).get_bills()
    assert mirrored.calls - before == 1
    assert not fetched.freshness.stale
    assert fetched.freshness.calls_spent == 0


@pytest.mark.parametrize(("has_come", "calls"), [(True, 0), (False, 1)])
async def test_what_has_come_when_its_turn_does_is_not_asked_for(
    mirrored: Mirrored, *, has_come: bool, calls: int
) -> None:
    async def holds() -> bool:
        return has_come

    before = mirrored.calls
    refreshed = await mirrored.service.bring_up_to_date(SyncStrategy.EVENT, unless=holds)
    assert mirrored.calls == before + calls
    assert (refreshed.is_own, refreshed.calls) == (not has_come, calls)


async def test_a_notice_that_is_taken_back_takes_no_later_one_along(mirrored: Mirrored) -> None:
    noted_at = mirrored.clock.now()
    await mirrored.change_states("Bill", "Vendor", dirty_since=noted_at)
    await mirrored.change_states("Vendor", dirty_since=noted_at + timedelta(microseconds=1))
    async with mirrored.uow([mirrored.business_id]) as uow:
        await runs.take_back_notice(
            uow.session, mirrored.business_id, rail=Rail.QBO, entities=["Bill", "Vendor"], noted_at=noted_at
        )
    dirty = {entity for entity, state in (await mirrored.states()).items() if state.dirty_since}
    assert dirty == {"Vendor"}
