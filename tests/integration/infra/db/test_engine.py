"""What the application's connections promise."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.engine import create_engine
from infra.ids import new_id
from infra.observability.counted import REFUSED_CONNECTIONS, TALLY
from tests.rig import Database

PID = text("SELECT pg_backend_pid()")


def refused(why: str) -> float:
    return TALLY.counter(REFUSED_CONNECTIONS, why).pending


async def test_a_statement_a_lock_and_an_idle_transaction_have_an_end(database: Database) -> None:
    engine = create_engine(database.app_url, pool_size=1)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    async with engine.connect() as connection:
        ends = [(await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in names]
    await engine.dispose()
    assert "0" not in ends


async def test_an_error_does_not_show_what_was_written(database: Database) -> None:
    """Errors end in logs and in `sync_run.error`, which the API shows."""
    engine = create_engine(database.app_url, pool_size=1)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("SELECT :secret FROM nowhere"), {"secret": "hunter2"})
    await engine.dispose()
    assert "hunter2" not in str(caught.value)


async def pid_of(connection: AsyncConnection) -> int:
    return int((await connection.execute(PID)).scalar_one())


async def test_a_clean_connection_is_used_again(database: Database) -> None:
    engine = create_engine(database.app_url, pool_size=1)
    pids = set()
    for _ in range(3):
        async with engine.connect() as connection:
            pids.add(await pid_of(connection))
            await connection.execute(text("SELECT set_config('app.business_ids', '{}', true)"))
    await engine.dispose()
    assert len(pids) == 1


async def test_a_connection_set_to_a_business_is_not_given_to_the_next(database: Database) -> None:
    engine, before = create_engine(database.app_url, pool_size=1), refused("has_businesses")
    async with engine.connect() as connection:
        left = await pid_of(connection)
        setting = text("SELECT set_config('app.business_ids', :ids, false)")
        await connection.execute(setting, {"ids": f"{{{new_id()}}}"})
        await connection.commit()
    async with engine.connect() as connection:
        assert await pid_of(connection) != left
        found = await connection.execute(text("SELECT current_setting('app.business_ids', true)"))
        assert not found.scalar_one()
    await engine.dispose()
    assert refused("has_businesses") == before + 1


async def test_a_connection_that_somebody_left_in_a_transaction_is_not_given_to_the_next(database: Database) -> None:
    engine, before = create_engine(database.app_url, pool_size=1), refused("in_transaction")
    async with engine.connect() as connection:
        left = await pid_of(connection)
        driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute("SELECT 1")  # as one who kept what was not theirs to keep
    async with engine.connect() as connection:
        assert await pid_of(connection) != left
    await engine.dispose()
    assert refused("in_transaction") == before + 1


async def test_a_connection_that_died_in_the_pool_is_noticed(database: Database) -> None:
    engine, other = (create_engine(database.app_url, pool_size=1) for _ in range(2))
    async with engine.connect() as connection:
        left = await pid_of(connection)
    async with other.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": left})
    async with engine.connect() as connection:
        assert await pid_of(connection) != left
    await engine.dispose()
    await other.dispose()
