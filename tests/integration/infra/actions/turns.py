"""Two workers at one action, each stopped at every named point, in an order that is chosen: nothing is left to chance but the draw."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from infra.actions.engine import ActionEngine
from infra.crash_points import hooked
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory

# Where a turn ends. What stands between two of them is one step.
STOPS = frozenset({
    "claim.before_commit", "claim.committed", "preflight.after", "send.before_commit", "send.committed", "send.before_call",
    "send.after_call", "answer.before_commit", "resolve.after_look", "resolve.before_commit",
})  # fmt: skip
_BLOCKED_AFTER_SECONDS = 0.25  # it waits for a row that the other holds: the other's turn
_LONGEST_SECONDS = 20.0

EngineOf = Callable[[UnitOfWorkFactory], ActionEngine]


@dataclass
class Turns:
    """Whose turn it is. `trace` is what was reached, for a failure's message."""

    trace: list[str] = field(default_factory=list)
    _workers: dict[int, "_Worker"] = field(default_factory=dict)

    def stop(self, point: str) -> None:
        worker = self._workers.get(threading.get_ident())
        if worker is not None and point in STOPS:
            self.trace.append(f"{worker.name}:{point}")
            worker.arrive()

    def run(self, workers: Sequence["_Worker"], order: Sequence[int]) -> None:
        """Turns in this order; then whoever is left goes on to its end, the first first."""
        with hooked(self.stop):
            for worker in workers:
                worker.start(self._workers)
            for number in order:
                workers[number].turn(_BLOCKED_AFTER_SECONDS)
            for worker in workers:
                worker.finish()
        for worker in workers:
            if worker.error is not None:
                raise worker.error


class _Worker:
    """A worker in a thread and a loop of its own: it can be stopped anywhere, as a process can."""

    def __init__(self, name: str, *, database_url: str, engine_of: EngineOf, action: tuple[UUID, UUID]) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._may_go, self._is_stopped = threading.Semaphore(0), threading.Event()
        self._database_url, self._engine_of, self._action = database_url, engine_of, action
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._is_free = False

    def start(self, known: dict[int, "_Worker"]) -> None:
        self._known = known
        self._thread.start()

    def arrive(self) -> None:
        self._is_stopped.set()
        if not self._is_free:
            self._may_go.acquire()

    def turn(self, seconds: float) -> None:
        """Up to its next stop, its end, or a lock that somebody holds."""
        self._is_stopped.clear()
        self._may_go.release()
        self._is_stopped.wait(seconds)

    def finish(self) -> None:
        self._is_free = True
        self._may_go.release(100)
        self._thread.join(_LONGEST_SECONDS)
        if self._thread.is_alive():
            self.error = TimeoutError(f"{self.name} does not end")

    def _live(self) -> None:
        self._known[threading.get_ident()] = self
        try:
            self._may_go.acquire()
            asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the test can see it
            self.error = error
        self._is_free = True
        self._is_stopped.set()

    async def _work(self) -> None:
        engine = create_engine(self._database_url, pool_size=2)
        try:
            await self._engine_of(unit_of_work_factory(engine)).work(*self._action)
        finally:
            await engine.dispose()


def worker(name: str, *, database_url: str, engine_of: EngineOf, action: tuple[UUID, UUID]) -> _Worker:
    return _Worker(name, database_url=database_url, engine_of=engine_of, action=action)
