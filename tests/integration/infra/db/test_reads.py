"""Reads that are sent in one packet: what one leaves behind, the next one on the same connection must not find."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from infra.db import round_trip
from infra.db.reads import Read, Reads
from infra.ids import new_id
from tests.rig import Database

_SETTING = Read("SELECT current_setting('app.business_ids', true)", {}, str)
_PID = Read("SELECT pg_backend_pid()", {}, int)
_PREPARED = Read("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'oodaloo%%'", {}, int)


def row(*values: Any) -> tuple[Any, ...]:
    return values


def sleep(seconds: float) -> Read[Any]:
    return Read("SELECT pg_sleep(%(seconds)s)", {"seconds": seconds}, row)


@pytest.fixture
async def reads(database: Database) -> AsyncIterator[Reads]:
    reads = Reads(database.app_url, pool_size=1)
    yield reads
    await reads.close()


async def test_each_read_has_its_rows_and_sees_the_businesses_it_is_for(reads: Reads) -> None:
    one, other = new_id(), new_id()
    numbers = Read(
        "SELECT n, n * %(factor)s FROM generate_series(1, %(last)s) AS n", {"last": 3, "factor": Decimal("1.5")}, row
    )
    nothing = Read("SELECT 1 WHERE false", {}, int)
    seen = await reads.of([one, other], _SETTING, numbers, nothing, _SETTING)
    allowed = [f"{{{one},{other}}}"]
    assert seen == [allowed, [(1, Decimal("1.5")), (2, Decimal("3.0")), (3, Decimal("4.5"))], [], allowed]
    assert await reads.one(_SETTING) == [""]  # it ended with its transaction


async def test_values_of_every_type_and_signs_in_the_text(reads: Reads) -> None:
    now = "SELECT %(a)s::text, %(b)s::uuid, %(c)s::int[], %(a)s || '50 %%', %(d)s::text, 7 %% 4"
    business_id = new_id()
    for d in (None, "x"):  # a null and a text make two statements of one text
        values = {"a": "%(b)s $1 '", "b": business_id, "c": [1, 2], "d": d, "unused": 1}
        assert await reads.one(Read(now, values, row)) == [("%(b)s $1 '", business_id, [1, 2], "%(b)s $1 '50 %", d, 3)]


async def test_numbers_of_every_size_are_one_statement_or_another_but_right(reads: Reads) -> None:
    same = Read("SELECT %(n)s + 0", {}, int)
    for number in (1, 40_000, 3_000_000_000, -1, 2**62, 1):
        assert await reads.one(Read(same.sql, {"n": number}, int)) == [number]


async def test_a_statement_that_fails_ends_its_transaction_alone(reads: Reads) -> None:
    pid = await reads.one(_PID)
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await reads.of([new_id()], _PID, Read("SELECT 1 / %(n)s", {"n": 0}, int), _SETTING)
        with pytest.raises(psycopg.errors.UndefinedTable):
            await reads.of([new_id()], _PID, Read("SELECT * FROM nowhere", {}, int), _SETTING)
        with pytest.raises(psycopg.DataError, match="NUL"):
            await reads.of([new_id()], _PID, Read("SELECT %(value)s::text", {"value": "a\0b"}, str))
    assert await reads.of([], _SETTING, _PID) == [["{}"], pid]
    assert await reads.one(Read("SELECT 1 / %(n)s", {"n": 1}, int)) == [1]  # it could be prepared all the same
    assert await reads.one(_PREPARED) == [5]  # two of the setting, the pid, the division, and this


async def test_a_limit_of_time_is_told_and_the_connection_goes_on(reads: Reads) -> None:
    limited = Read("SELECT set_config('statement_timeout', '50ms', true)", {}, str)
    with pytest.raises(psycopg.errors.QueryCanceled):
        await reads.of([], limited, sleep(30))
    assert await reads.of([], _SETTING) == [["{}"]]


@pytest.mark.parametrize("after", [0.0, 0.001, 0.05])
async def test_a_read_that_is_cut_off_leaves_nothing_to_the_next(reads: Reads, after: float) -> None:
    await reads.one(_PID)
    waiting = asyncio.create_task(reads.of([new_id()], _SETTING, sleep(30), _PID))
    await asyncio.sleep(after)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        assert await reads.of([], _SETTING) == [["{}"]]


async def test_a_connection_that_died_in_the_pool_is_replaced(reads: Reads, database: Database) -> None:
    (pid,) = await reads.one(_PID)
    async with await psycopg.AsyncConnection.connect(plain(database.app_url), autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert await reads.one(_PID) != [pid]


async def test_a_connection_that_dies_while_it_is_asked_is_asked_once_more(reads: Reads, database: Database) -> None:
    (pid,) = await reads.one(_PID)
    waiting = asyncio.create_task(reads.of([], sleep(0.5), _PID))
    await asyncio.sleep(0.2)
    async with await psycopg.AsyncConnection.connect(plain(database.app_url), autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", (pid,))
    _, [now] = await waiting
    assert now != pid


async def test_a_connection_that_has_lost_what_was_prepared_is_replaced(reads: Reads) -> None:
    (pid,) = await reads.one(_PID)
    await reads.one(Read("DEALLOCATE ALL", {}, row))
    (other,) = await reads.one(_PID)
    assert other != pid
    assert await reads.one(_PID) == [other]


async def test_statements_are_prepared_once_and_no_more_than_there_is_room_for(
    reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trip, "_MOST_PREPARED", 5)
    for _ in range(2):
        for number in range(8):
            assert await reads.one(Read(f"SELECT {number}", {}, int)) == [number]
    assert await reads.one(_PREPARED) == [5]


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
