from uuid import UUID, uuid4

import pytest

from domains.core.business_service import BusinessService
from domains.core.company_service import CompanyService
from domains.core.connection_service import STATE_LIFETIME, ConnectionService
from domains.core.errors import (
    AccountConnectedElsewhere,
    BusinessNotFound,
    ConnectionNotFound,
    OtherAccountConnected,
    UnknownConnectState,
)
from domains.core.models import ConnectionState
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from tests.integration.domains.books import NOW, Books
from tests.unit.domains.bodies import make_company_info

CONNECTIONS = ConnectionService(Rail.QBO)
REDIRECT = "http://127.0.0.1:8000/api/v1/qbo/callback"


async def connect(uow: UnitOfWorkFactory, business_id: UUID, *, realm: str) -> None:
    async with uow([business_id]) as unit:
        await CONNECTIONS.finish_connect(unit.session, business_id, external_account_id=realm, now=NOW)


async def state_of(uow: UnitOfWorkFactory, business_id: UUID) -> tuple[str, str | None]:
    async with uow([business_id]) as unit:
        connection = await CONNECTIONS.get_connection(unit.session, business_id)
        return connection.state, connection.reason


async def test_a_state_opens_its_business_once(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, books: Books
) -> None:
    async with uow([books.business_id]) as unit:
        state = await CONNECTIONS.start_connect(unit.session, books.business_id, redirect_uri=REDIRECT, now=NOW)
    async with access_uow([]) as unit:
        pending = await CONNECTIONS.consume_state(unit.session, state, now=NOW)
    assert (pending.business_id, pending.redirect_uri) == (books.business_id, REDIRECT)
    with pytest.raises(UnknownConnectState):
        async with access_uow([]) as unit:
            await CONNECTIONS.consume_state(unit.session, state, now=NOW)


async def test_a_state_of_another_rail_unknown_or_too_old_is_refused(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, books: Books
) -> None:
    async with uow([books.business_id]) as unit:
        state = await CONNECTIONS.start_connect(unit.session, books.business_id, redirect_uri=REDIRECT, now=NOW)
    for service, given, at in [
        (ConnectionService(Rail.PLAID), state, NOW),
        (CONNECTIONS, state[:-1], NOW),
        (CONNECTIONS, state, NOW + STATE_LIFETIME),
    ]:
        async with access_uow([]) as unit:
            with pytest.raises(UnknownConnectState):
                await service.consume_state(unit.session, given, now=at)


async def test_a_company_is_active_for_one_business(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, books: Books
) -> None:
    other, realm = await Books.open(uow, access_uow, books.reads), str(uuid4())
    await connect(uow, books.business_id, realm=realm)
    with pytest.raises(AccountConnectedElsewhere) as caught:
        await connect(uow, other.business_id, realm=realm)
    assert str(books.business_id) not in str(caught.value)
    async with uow([books.business_id]) as unit:
        await CONNECTIONS.disconnect(unit.session, books.business_id, reason="sold", now=NOW)
    await connect(uow, other.business_id, realm=realm)
    with pytest.raises(AccountConnectedElsewhere):
        await connect(uow, books.business_id, realm=realm)
    assert await state_of(uow, books.business_id) == (ConnectionState.DISCONNECTED, "sold")


async def test_a_business_keeps_the_books_of_one_company(uow: UnitOfWorkFactory, books: Books) -> None:
    await connect(uow, books.business_id, realm=str(uuid4()))
    with pytest.raises(OtherAccountConnected):
        await connect(uow, books.business_id, realm=str(uuid4()))


async def test_a_lost_grant_keeps_its_first_reason_until_the_reconnect(
    uow: UnitOfWorkFactory, jobs_uow: UnitOfWorkFactory, books: Books
) -> None:
    realm = str(uuid4())
    with pytest.raises(ConnectionNotFound):
        await state_of(uow, books.business_id)
    await connect(uow, books.business_id, realm=realm)
    for reason in ("invalid_grant", "later"):
        async with uow([books.business_id]) as unit:
            await CONNECTIONS.mark_needs_reconnect(unit.session, books.business_id, reason=reason, now=NOW)
    assert await state_of(uow, books.business_id) == (ConnectionState.NEEDS_RECONNECT, "invalid_grant")
    async with jobs_uow([]) as unit:
        assert books.business_id not in {row.business_id for row in await CONNECTIONS.list_active(unit.session)}
    await connect(uow, books.business_id, realm=realm)
    assert await state_of(uow, books.business_id) == (ConnectionState.ACTIVE, None)


async def test_businesses_are_read_by_id(uow: UnitOfWorkFactory, books: Books) -> None:
    async with uow([books.business_id]) as unit:
        business = await BusinessService().get_business(unit.session, books.business_id)
        with pytest.raises(BusinessNotFound):
            await BusinessService().get_business(unit.session, uuid4())
    assert (business.name, business.home_currency, business.time_zone) == ("Dune Works", "USD", "America/Los_Angeles")


async def test_the_company_is_what_its_ledger_says(books: Books) -> None:
    company = CompanyService(books.business_id, books.qbo)
    assert (await company.find_company()).value is None
    await books.put("CompanyInfo", make_company_info())
    found = (await company.find_company()).value
    assert found is not None
    assert (found.name, found.fiscal_year_start_month) == ("Dune Works", 4)
