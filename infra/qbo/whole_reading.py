"""A company's first reading from beginning to end, by one process at a time."""

from collections.abc import Awaitable, Callable

from infra.clock import Clock
from infra.errors import RailUnavailable
from infra.qbo import backfill, incremental
from infra.qbo.reading import PullTally, QBOPull
from infra.sync.refresh_lease import RefreshLeases


class BackfillElsewhere(RailUnavailable):
    """The books are being read by another process; two would spend twice the calls."""

    def __init__(self) -> None:
        super().__init__("Another process is reading this company's books.")


async def read_whole(pull: QBOPull) -> PullTally:
    """What is not read yet, then what changed meanwhile, then what has to be read again."""
    tally = await backfill.backfill(pull, entities=list(pull.specs))
    tally.merge(await incremental.refresh(pull))
    tally.merge(await incremental.rescan_waiting(pull))
    return tally


async def alone(read: Callable[[], Awaitable[PullTally]], *, leases: RefreshLeases, clock: Clock) -> PullTally:
    """Raises:
    BackfillElsewhere: another process reads, or died reading some seconds ago.
    """
    fence = await leases.take(strategy="backfill", now=clock.now(), is_insistent=True)
    if fence is None:
        raise BackfillElsewhere
    tally = PullTally()
    error: str | None = "cut off"
    try:
        async with leases.kept(fence):
            tally = await read()
        error = None
    finally:
        await leases.finish(fence, calls=tally.calls, now=clock.now(), error=error)
    return tally
