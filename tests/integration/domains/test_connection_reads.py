import asyncio

from domains.core.business_service import BusinessService
from domains.core.connection_service import ConnectionService
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.ids import new_id

CONNECTIONS, NOW = ConnectionService(Rail.QBO), SystemClock().now()


async def test_looking_at_a_connection_waits_for_nobody_who_changes_it(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory
) -> None:
    async with access_uow([]) as unit:
        business = await BusinessService().create_business(unit.session, "Bakery", now=NOW)
    async with uow([business.id]) as unit:
        await CONNECTIONS.finish_connect(
            unit.session, business.id, external_account_id=str(new_id().int)[-19:], now=NOW
        )
    async with uow([business.id]) as changing, uow([business.id]) as looking:
        await CONNECTIONS.mark_needs_reconnect(changing.session, business.id, reason="gone", now=NOW)
        async with asyncio.timeout(60):
            assert (await CONNECTIONS.get_connection(looking.session, business.id)).state == "active"
