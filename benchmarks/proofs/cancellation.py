"""Clients that leave, by the thousand: no transaction ever sees another business's rows, and no connection comes back dirty.

A web server cancels the task of a client that left, at any await. A tenant setting that outlives its transaction then leaks:
`_leaky_units_of` does it the wrong way on purpose, and must be seen to leak, or this proof sees nothing. With the pool's look at what
was left on a connection even that does not leak.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from benchmarks.report import ProofResult, at_least, at_most, reported
from benchmarks.rig import open_shown_rig
from infra.db.checkout import refuse_unclean
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.embedded.servers import ServerAddresses
from infra.ids import new_id

SessionOf = Callable[[Sequence[UUID]], AbstractAsyncContextManager[AsyncSession]]

_BUSINESSES = 20
_AT_ONCE = 60
_SEEN = text("SELECT business_id FROM sync_state")
_LONGEST_STAY_SECONDS = 0.012


@dataclass
class Storm:
    """What the requests of one storm saw."""

    requests: int = 0
    cancelled: int = 0
    empty: int = 0
    foreign: int = 0
    unbound_rows: int = 0

    @property
    def leaks(self) -> int:
        return self.foreign + self.unbound_rows


async def run(*, requests: int) -> ProofResult:
    """The proof at full size."""
    with open_shown_rig("Clients that leave", total=requests) as (rig, told):
        return await prove(rig.addresses, requests=requests, seed=1, told=told)


async def prove(
    addresses: ServerAddresses, *, requests: int, seed: int, told: Callable[[int], None] = lambda _: None
) -> ProofResult:
    """Storm the product's own units of work, then the deliberately wrong ones."""
    engine = create_engine(addresses.database_app_url, pool_size=6)
    access = create_engine(addresses.database_access_url, pool_size=1)
    try:
        businesses = await _businesses(engine, access)
        ours = await _storm(_units_of(engine), businesses, requests=requests, seed=seed, told=told)
        caught = await _storm(_leaky_units_of(engine), businesses, requests=min(requests, 200), seed=seed, told=told)
        event.remove(engine.sync_engine, "checkout", refuse_unclean)
        wrong = await _storm(_leaky_units_of(engine), businesses, requests=min(requests, 2000), seed=seed, told=told)
    finally:
        await engine.dispose()
        await access.dispose()
    return ProofResult(
        "cancellation",
        (
            at_least("clients that came", ours.requests, "requests", bar=requests),
            at_least("of them left half-way", ours.cancelled, "requests", bar=requests // 10),
            at_most("saw another business's rows", ours.foreign, "requests", bar=0),
            at_most("saw rows without naming a business", ours.unbound_rows, "requests", bar=0),
            at_most("saw nothing of their own", ours.empty, "requests", bar=0),
            at_most("leaks of a plain SET past the pool's look", caught.leaks, "requests", bar=0),
            at_least("leaks of a plain SET without it (must be seen)", wrong.leaks, "requests", bar=1),
            reported("leaks of a plain SET, share", wrong.leaks / wrong.requests, "of requests"),
        ),
    )


async def _businesses(engine: AsyncEngine, access: AsyncEngine) -> list[UUID]:
    """Each with one row that only it may see."""
    made = [new_id() for _ in range(_BUSINESSES)]
    async with unit_of_work_factory(access)([]) as uow:
        insert = text("INSERT INTO business (id, name, created_at) VALUES (:id, 'storm', now())")
        await uow.session.execute(insert, [{"id": one} for one in made])
    async with unit_of_work_factory(engine)(made) as uow:
        insert = text("INSERT INTO sync_state (business_id, rail, entity) VALUES (:id, 'qbo', 'Bill')")
        await uow.session.execute(insert, [{"id": one} for one in made])
    return made


async def _storm(
    session_of: SessionOf,
    businesses: Sequence[UUID],
    *,
    requests: int,
    seed: int,
    told: Callable[[int], None],
) -> Storm:
    chance = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    storm, room = Storm(), asyncio.Semaphore(_AT_ONCE)

    async def ask(mine: Sequence[UUID]) -> None:
        async with session_of(mine) as session:
            await asyncio.sleep(0)
            seen = set(await session.scalars(_SEEN))
        storm.foreign += bool(mine and seen - set(mine))
        storm.unbound_rows += bool(not mine and seen)
        storm.empty += bool(mine and not seen)

    async def come_and_perhaps_leave(mine: Sequence[UUID], stay: float | None) -> None:
        async with room:
            task = asyncio.ensure_future(ask(mine))
            done, _ = await asyncio.wait([task], timeout=stay)
            if not done:
                task.cancel()
                storm.cancelled += 1
            await asyncio.gather(task, return_exceptions=True)
            storm.requests += 1
            told(storm.requests)

    async with asyncio.TaskGroup() as group:
        for _ in range(requests):
            mine = [chance.choice(businesses)] if chance.random() < 0.9 else []
            stay = chance.random() * _LONGEST_STAY_SECONDS if chance.random() < 0.5 else None
            group.create_task(come_and_perhaps_leave(mine, stay))
    return storm


def _units_of(engine: AsyncEngine) -> SessionOf:
    factory = unit_of_work_factory(engine)

    @asynccontextmanager
    async def open_session(mine: Sequence[UUID]) -> AsyncIterator[AsyncSession]:
        async with factory(mine) as uow:
            yield uow.session

    return open_session


def _leaky_units_of(engine: AsyncEngine) -> SessionOf:
    """A plain SET, cleared at the end: as many do it, and wrong, for a client that leaves never comes to the end."""

    @asynccontextmanager
    async def open_session(mine: Sequence[UUID]) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine) as session:
            if mine:
                await session.execute(text(f"SET app.business_ids = '{{{mine[0]}}}'"))
                await session.commit()
            yield session
            await session.execute(text("SET app.business_ids = ''"))
            await session.commit()

    return open_session
