"""What must also hold with more businesses than one list of them shows."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from domains.core.business_service import BusinessService
from infra.clock import SystemClock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.embedded.roles import connect
from infra.ids import new_id
from runway.sign_in import issue_token
from tests.rig import Database


@pytest.fixture
async def thousand_older(access_uow: UnitOfWorkFactory, database: Database) -> AsyncIterator[None]:
    async with access_uow([]) as unit:
        await unit.session.execute(
            text(
                "INSERT INTO business (id, name, created_at) "
                "SELECT gen_random_uuid(), 'crowd', now() - interval '9 years' FROM generate_series(1, 1000)"
            )
        )
    yield
    with connect(database.superuser_url) as connection:
        connection.execute("DELETE FROM business WHERE name = 'crowd'")


@pytest.mark.usefixtures("thousand_older")
async def test_a_second_token_is_for_the_same_business(access_uow: UnitOfWorkFactory) -> None:
    name = f"Bakery {new_id()}"
    first = await issue_token(access_uow, name, name="one", lifetime=timedelta(days=1))
    second = await issue_token(access_uow, name, name="two", lifetime=timedelta(days=1))
    assert first.business_id == second.business_id


@pytest.mark.usefixtures("thousand_older")
async def test_a_business_is_found_by_its_name_or_its_id(access_uow: UnitOfWorkFactory) -> None:
    service, name = BusinessService(), f"Bakery {new_id()}"
    async with access_uow([]) as unit:
        made = await service.create_business(unit.session, name, now=SystemClock().now())
        found = [await service.list_called(unit.session, called) for called in (name, str(made.id), "nobody at all")]
    assert [[business.id for business in businesses] for businesses in found] == [[made.id], [made.id], []]
