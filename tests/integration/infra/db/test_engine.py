"""What the application's connections promise."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.db.engine import create_engine
from tests.rig import Database


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
