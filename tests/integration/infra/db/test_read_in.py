"""Reads in a unit of work's own transaction: one connection in the pool, so that whatever one leaves behind the next one finds."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.db.engine import create_engine
from infra.db.reads import Read, read_in
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.errors import UnstorableText
from infra.ids import new_id
from tests.rig import Database

_SETTING = Read("SELECT current_setting('app.business_ids', true)", {}, str)
_LONG = Read("SELECT pg_sleep(%(seconds)s)", {"seconds": 30}, lambda _: None)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.app_url, pool_size=1)
    yield engine
    await engine.dispose()


@pytest.fixture
def uow(engine: AsyncEngine) -> UnitOfWorkFactory:
    return unit_of_work_factory(engine)


async def test_reads_see_their_transaction(uow: UnitOfWorkFactory) -> None:
    business_id = new_id()
    async with uow([business_id]) as unit:
        await unit.session.execute(text("SELECT set_config('application_name', 'mine', true)"))
        name = Read("SELECT current_setting('application_name')", {}, str)
        assert await read_in(unit.session, _SETTING, name) == [[f"{{{business_id}}}"], ["mine"]]


async def test_a_read_that_is_cut_off_leaves_nothing_to_the_next(uow: UnitOfWorkFactory) -> None:
    async def wait_long() -> None:
        async with uow([new_id()]) as unit:
            await read_in(unit.session, _LONG)

    waiting = asyncio.create_task(wait_long())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with uow([]) as unit:
        assert await read_in(unit.session, _SETTING) == [["{}"]]


async def test_a_limit_of_time_is_told_as_of_any_statement(uow: UnitOfWorkFactory) -> None:
    async with uow([]) as unit:
        await unit.session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        with pytest.raises(OperationalError):
            await read_in(unit.session, _LONG)
        await unit.session.rollback()
    async with uow([]) as unit:
        assert await read_in(unit.session, _SETTING) == [["{}"]]


@pytest.mark.parametrize(
    "write",
    [
        text("SELECT CAST(:value AS text)").bindparams(value="a\0b"),
        text("SELECT CAST(:value AS jsonb)").bindparams(value='"a\\u0000b"'),
    ],
    ids=["text", "json"],
)
async def test_a_text_that_cannot_be_stored_is_the_callers_mistake(uow: UnitOfWorkFactory, write: TextClause) -> None:
    with pytest.raises(UnstorableText, match="NUL"):
        async with uow([]) as unit:
            await unit.session.execute(write)
    with pytest.raises(UnstorableText):
        async with uow([]) as unit:
            await read_in(unit.session, Read("SELECT %(value)s::text", {"value": "a\0b"}, str))
