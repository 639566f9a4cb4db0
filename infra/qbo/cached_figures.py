"""What QBO reckons itself and no mirror holds: asked when the kept answer is not good, and kept."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.cache import Cached
from infra.sync.cached_reads import Asked, CachedReads
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from infra.sync.in_flight import RefreshesInFlight


class Counting(Protocol):
    """A client; `calls` is how many it has sent."""

    calls: int


Client = TypeVar("Client", bound=Counting)
Client_co = TypeVar("Client_co", bound=Counting, covariant=True)
T = TypeVar("T")
Figures = TypeVar("Figures", bound=BaseModel)


class Execute(Protocol[Client_co]):
    """Asks QBO once: what it is counted as, the question, in whose manner."""

    async def __call__(
        self, operation: str, call: Callable[[Client_co], Awaitable[T]], *, strategy: SyncStrategy
    ) -> T: ...


class CachedFigures(Generic[Client]):
    """One company's. `find`, `keep`, `check_grant` and `rest_seconds` as CachedReads has them."""

    def __init__(
        self,
        business_id: UUID,
        *,
        execute: Execute[Client],
        find: Callable[[str], Awaitable[Cached | None]],
        keep: Callable[..., Awaitable[None]],
        uow: UnitOfWorkFactory,
        clock: Clock,
        in_flight: RefreshesInFlight,
        check_grant: Callable[[], Awaitable[object]],
        rest_seconds: Callable[[UUID], float | None],
    ) -> None:
        self._execute = execute
        self._clock = clock
        self._reads = CachedReads(
            business_id,
            Rail.QBO,
            find=find,
            keep=keep,
            uow=uow,
            clock=clock,
            in_flight=in_flight,
            check_grant=check_grant,
            rest_seconds=rest_seconds,
        )

    async def get(
        self,
        key: str,
        model: type[Figures],
        call: Callable[[Client], Awaitable[Figures]],
        *,
        operation: str,
        freshness: FreshnessNeed,
        max_age: timedelta | None,
    ) -> Fetched[Figures]:
        """The figures under `key`, asked of QBO when they are not good.

        Raises:
            StaleRefused: there are none, or the strategy is `live`, and QBO did not answer in time.
            RailNeedsReconnect: there are none, or the strategy is `live`, and QBO must be connected first.
            RailRejected: QBO refused the question.
        """

        async def ask() -> Asked:
            asked_at, clients = self._clock.now(), list[Client]()

            async def with_client(client: Client) -> Figures:
                clients.append(client)
                return await call(client)

            figures = await self._execute(operation, with_client, strategy=freshness.strategy)
            return Asked(figures.model_dump(mode="json"), asked_at, calls=clients[0].calls)

        found = await self._reads.get(key, ask, freshness=freshness, max_age=max_age)
        return Fetched(model.model_validate(found.value), found.freshness)
