"""Statements that are sent in one packet and answered in one.

The driver's own pipeline sends every statement as it comes, and so wakes both sides once for each: the three of a list of 50 bills took
twice the processor's time here. This is the same protocol (statements prepared once a connection, one Sync behind them all).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import adapt
from psycopg.abc import PQGen, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

if TYPE_CHECKING:
    from infra.db.reads import Read

Connection = psycopg.AsyncConnection[Any]
_Key = tuple[bytes, tuple[int, ...]]

_MOST_PREPARED = 100  # of one connection; what comes later is sent with its text each time
_PARAMETER = re.compile(r"%(?:%|\((\w+)\)s)")
_numbers = count(1)
_prepared: "WeakKeyDictionary[Connection, dict[_Key, bytes]]" = WeakKeyDictionary()


class _Numbered(NamedTuple):
    """A statement as the server takes it, and whose value each number stands for."""

    sql: bytes
    names: Sequence[str]


class _Call(NamedTuple):
    sql: bytes
    values: Sequence[Any]
    types: tuple[int, ...]
    formats: Sequence[Any]


class _Added(NamedTuple):
    """A statement that is prepared on the way, and the place of the answer that tells whether it was."""

    name: bytes
    place: int


async def ask(connection: Connection, reads: "Sequence[Read[Any]]") -> list[list[Any]]:
    """The rows of each read, as one transaction of its own: `connection` commits by itself, and nobody else uses it meanwhile.

    (Not within another transaction: when one is rolled back, the driver lets go of all that is prepared, ours among it.)

    Raises:
        psycopg.Error: as of the driver's own statements. What follows the one that failed is not run.
    """
    transformer: Transformer = adapt.Transformer(connection)
    results = await _answers_to(connection, [_call(transformer, read) for read in reads])
    return [_rows(transformer, result, read) for result, read in zip(results, reads, strict=True)]


def _call(transformer: Transformer, read: "Read[Any]") -> _Call:
    sql, names = _numbered(read.sql)
    values = transformer.dump_sequence([read.values[name] for name in names], [adapt.PyFormat.AUTO] * len(names))
    return _Call(sql, values, transformer.types or (), transformer.formats or ())


@lru_cache(maxsize=1024)
def _numbered(text: str) -> _Numbered:
    """From the driver's named parameters."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}" if found[1] else "%"

    return _Numbered(_PARAMETER.sub(number, text).encode(), tuple(numbers))


async def _answers_to(connection: Connection, calls: Sequence[_Call]) -> list[PGresult]:
    pgconn, known = connection.pgconn, _prepared.setdefault(connection, {})
    added: dict[_Key, _Added] = {}
    answers: list[int] = []  # the place of each call's answer among all: preparing is answered too
    sent = 0
    pgconn.enter_pipeline_mode()
    try:
        for call in calls:
            key = (call.sql, call.types)
            name = known.get(key) or (added[key].name if key in added else None)
            if name is None and connection.prepare_threshold is not None and len(known) + len(added) < _MOST_PREPARED:
                name = b"oodaloo_%d" % next(_numbers)
                added[key] = _Added(name, sent)
                pgconn.send_prepare(name, call.sql, call.types)
                sent += 1
            if name is None:
                pgconn.send_query_params(call.sql, call.values, call.types, call.formats)
            else:
                pgconn.send_query_prepared(name, call.values, call.formats)
            answers.append(sent)
            sent += 1
        pgconn.pipeline_sync()
        results = await connection.wait(_exchange(pgconn, sent))
    finally:
        _leave(pgconn)
    # What was prepared stays so, even where a later statement failed.
    known.update({key: one.name for key, one in added.items() if results[one.place].status == ExecStatus.COMMAND_OK})
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding=connection.info.encoding)
    return [results[place] for place in answers]


def _exchange(pgconn: PGconn, expected: int) -> PQGen[list[PGresult]]:
    """Send what is in the buffer, and wait for as many answers and for that to the Sync."""
    yield from send(pgconn)
    results: list[PGresult] = []
    for _ in range(expected):
        results += yield from fetch_many(pgconn)
    yield from fetch_many(pgconn)
    if len(results) < expected:
        raise psycopg.OperationalError("the server closed the connection before it had answered")
    return results


def _rows(transformer: Transformer, result: PGresult, read: "Read[Any]") -> list[Any]:
    make = read.make
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, lambda values: make(*values))


def _leave(pgconn: PGconn) -> None:
    """A connection with answers still to come is of no use to anybody."""
    if pgconn.status == ConnStatus.BAD:
        return
    try:
        pgconn.exit_pipeline_mode()
    except psycopg.OperationalError:
        pgconn.finish()
