"""What happened to an object without changing it stands in its log like a change."""

from decimal import Decimal

import pytest

from domains.ap.mirrors import BILLS_FROM_QBO
from infra.ids import new_id
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import EventWithoutObject, TransactionLogService
from tests.integration.infra.sync.bill_mirror import BillMirror, bill


async def test_an_event_takes_the_next_version_and_changes_nothing_else(mirror: BillMirror) -> None:
    await mirror.put(bill(Balance=Decimal("90.00")))
    before = await mirror.get()
    event = LogEvent(
        mirror.business_id, before.id, "approved", LogSource.USER, "user:ada", "r-1", {"amount": Decimal("90.00")}
    )
    async with mirror.uow([mirror.business_id]) as uow:
        assert await TransactionLogService(uow.session).append_event(BILLS_FROM_QBO, event) == 2
    after, entry = await mirror.get(), (await mirror.log())[1]
    assert (after.version, after.balance, after.synced_at) == (2, before.balance, before.synced_at)
    assert (entry.version, entry.transaction_type, entry.source, entry.actor) == (2, "approved", "user", "user:ada")
    assert (entry.snapshot, entry.changes) == (after.payload, {"amount": Decimal("90.00")})
    assert (await mirror.put(bill(version=1, updated=5, Balance=Decimal(0)), fetched=110)).updated == 1
    assert (await mirror.get()).version == 3


async def test_nothing_happens_to_what_is_not_there(mirror: BillMirror) -> None:
    event = LogEvent(mirror.business_id, new_id(), "approved", LogSource.USER, "user:ada", "r-1")
    async with mirror.uow([mirror.business_id]) as uow:
        with pytest.raises(EventWithoutObject):
            await TransactionLogService(uow.session).append_event(BILLS_FROM_QBO, event)
