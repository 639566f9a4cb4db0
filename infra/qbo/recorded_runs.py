"""Runs of one company's sync, each written down: that it began, what it saw, how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import func

from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError
from infra.ids import new_id
from infra.logging import get_logger
from infra.qbo.errors import QBOError
from infra.qbo.manners import JOB_PATIENCE, feature_of
from infra.qbo.reading import PullTally, QBOPull, QBOReads
from infra.qbo.transport import Patience
from infra.ratelimit.lanes import Lane
from infra.redaction import words_of
from infra.sync import runs
from infra.sync.call_counts import counted_as
from infra.sync.runs import RunKind, RunState, SyncRun
from infra.sync.spec import AnySpec

Readers = Callable[[UUID, Lane, Patience], Awaitable[QBOReads]]
KindOf = Callable[[QBOError, datetime], Awaitable[RailError]]
Changed = Callable[[UUID, AbstractSet[str]], Awaitable[None]]
Ended = Callable[[UUID, PullTally], Awaitable[None]]

log = get_logger()


class HasTally(Protocol):
    @property
    def tally(self) -> PullTally: ...


Told = TypeVar("Told", bound=HasTally)


class RecordedRuns:
    """`kind_of` gives the error to raise in place of QBO's; `on_ended` writes down that a run ended well (`record_success`), and
    `on_changed` is told what it changed.
    """

    def __init__(
        self,
        business_id: UUID,
        *,
        specs: Mapping[str, AnySpec],
        clients: Readers,
        uow: UnitOfWorkFactory,
        clock: Clock,
        kind_of: KindOf,
        on_ended: Ended,
        on_changed: Changed | None,
    ) -> None:
        self._business_id = business_id
        self._specs = specs
        self._clients = clients
        self._uow = uow
        self._clock = clock
        self._kind_of = kind_of
        self._on_ended = on_ended
        self._on_changed = on_changed

    async def run(
        self,
        kind: RunKind,
        work: Callable[[QBOPull], Awaitable[PullTally]],
        *,
        actor: str,
        lane: Lane,
        patience: Patience = JOB_PATIENCE,
    ) -> PullTally:
        """Do the work.

        Raises:
            RailError: the run is recorded as failed.
        """
        client = await self._clients(self._business_id, lane, patience)
        run = await self._begin(kind, actor)
        try:
            with counted_as(feature_of(kind, actor)):
                tally = await work(self._pull(client, actor=actor, run_id=run.id))
        except QBOError as error:
            await self._record_failure(run.id, error)
            raise await self._kind_of(error, run.started_at) from error
        except (Exception, asyncio.CancelledError) as error:
            await self._record_failure(run.id, error)
            raise
        await self._on_ended(run.id, tally)
        if tally.changed_entities and self._on_changed is not None:
            await self._on_changed(self._business_id, tally.changed_entities)
        return tally

    async def reconcile(
        self,
        work: Callable[[QBOPull], Awaitable[Told]],
        *,
        actor: str,
        kind: RunKind = RunKind.RECONCILIATION,
    ) -> Told:
        """As `run`, of work that tells more than a tally."""
        found: list[Told] = []

        async def whole(pull: QBOPull) -> PullTally:
            found.append(await work(pull))
            return found[0].tally

        await self.run(kind, whole, actor=actor, lane=Lane.RECONCILIATION)
        return found[0]

    async def record_success(self, run_id: UUID, tally: PullTally) -> None:
        done = {
            "state": RunState.DONE.value,
            "error": None,
            "calls": tally.calls,
            "seen": tally.seen,
            "changed": tally.changed,
            "finished_at": self._clock.now(),
        }
        async with self._uow([self._business_id]) as uow:
            await runs.change_run(uow.session, self._business_id, run_id=run_id, values=done)
            if tally.changed:
                await runs.note_kept(uow.session, self._business_id, rail=Rail.QBO, entities=sorted(self._specs))

    async def _begin(self, kind: RunKind, actor: str) -> SyncRun:
        run = SyncRun(
            business_id=self._business_id,
            id=new_id(),
            rail=Rail.QBO.value,
            kind=kind.value,
            state=RunState.RUNNING.value,
            actor=actor,
            started_at=self._clock.now(),
        )
        async with self._uow([self._business_id]) as uow:
            await runs.begin_run(uow.session, run)
        return run

    def _pull(self, client: QBOReads, *, actor: str, run_id: UUID) -> QBOPull:
        return QBOPull(
            business_id=self._business_id,
            reads=client,
            specs=self._specs,
            uow=self._uow,
            clock=self._clock,
            actor=actor,
            run_id=run_id,
        )

    async def _record_failure(self, run_id: UUID, error: BaseException) -> None:
        text = words_of(error)
        log.warning("qbo.run.failed", business_id=str(self._business_id), run_id=str(run_id), error=text)
        now = self._clock.now()
        async with self._uow([self._business_id]) as uow:
            failure = {"state": RunState.FAILED.value, "error": text, "finished_at": now}
            await runs.change_run(uow.session, self._business_id, run_id=run_id, values=failure)
            await runs.change_states(
                uow.session,
                self._business_id,
                rail=Rail.QBO,
                entities=list(self._specs),
                values={"last_error": text, "last_error_at": now, "kept_at": func.clock_timestamp()},
            )
