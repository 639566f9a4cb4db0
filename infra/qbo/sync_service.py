"""QBOSyncService: one company's books, from the mirror or from QBO by freshness. The only door to the raw client."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from infra.clock import Clock
from infra.config import Rail
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError, RailNeedsReconnect, RailUnavailable
from infra.ids import new_id
from infra.logging import get_logger
from infra.qbo import backfill, incremental, reconciliation
from infra.qbo.asked_jobs import RECONCILE, TIE_OUT
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.raw_client import QBORawClient
from infra.qbo.reading import PullTally, QBOPull
from infra.qbo.reconciliation import Reconciled
from infra.qbo.transport import Patience
from infra.qbo.wire.reports import AgingKind, AgingReport, KPIData, PayingParty, PaymentHistory
from infra.ratelimit.lanes import Lane
from infra.redaction import words_of
from infra.sync import runs
from infra.sync.cache import GOOD_FOR, Cached, SyncCache
from infra.sync.cached_reads import Asked, CachedReads
from infra.sync.call_counts import counted_as
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed, SyncStrategy
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.reconciliation import Difference
from infra.sync.refresh_lease import RefreshLeases
from infra.sync.runs import RunKind, RunState, SyncRun
from infra.sync.smart_sync import SmartSyncService
from infra.sync.spec import AnySpec
from infra.sync.timing import SyncTimingManager

T = TypeVar("T")
Figures = TypeVar("Figures", bound=BaseModel)
ClientFactory = Callable[[UUID, Lane, Patience], Awaitable[QBORawClient]]
LostGrant = Callable[[UUID, str, datetime], Awaitable[None]]
Changed = Callable[[UUID, AbstractSet[str]], Awaitable[None]]

# A job waits out a 429 (a minute where QBO names no time) instead of failing.
_JOB_PATIENCE = Patience(budget=timedelta(minutes=5), wait_for_limit=timedelta(minutes=4))
# Longer than a read waits: it answers from the mirror then, and the refresh goes on for the next one.
_READER_PATIENCE = Patience(budget=timedelta(seconds=20), wait_for_limit=timedelta(seconds=5))

log = get_logger()


class BackfillElsewhere(RailUnavailable):
    """The books are being read by another process; two would spend twice the calls."""

    def __init__(self) -> None:
        super().__init__("Another process is reading this company's books.")


class QBOSyncService(SmartSyncService):
    """Named reads over the mirrors, and the runs that fill them.

    Args:
        specs: every mirror that QBO feeds.
        clients: makes the raw client of a business for a lane; raises RailNeedsReconnect where it has no grant.
        time_zone: the company's, in which due dates are dates.
        on_lost_grant: told the business, the reason and when the run began, when QBO says that only a person can bring the
            access back; one who has done so since the run began is not undone.
        on_changed: told the business and the entities after a run that changed some.
        timing: says when the schedule's time has come.
        rest_seconds: how long QBO is not asked for a business because it kept failing; None while all is well.
    """

    def __init__(
        self,
        business_id: UUID,
        *,
        specs: Sequence[AnySpec],
        clients: ClientFactory,
        uow: UnitOfWorkFactory,
        reads: Reads,
        clock: Clock,
        in_flight: RefreshesInFlight,
        time_zone: ZoneInfo,
        on_lost_grant: LostGrant,
        on_changed: Changed | None = None,
        timing: SyncTimingManager | None = None,
        rest_seconds: Callable[[UUID], float | None] = lambda _: None,
    ) -> None:
        super().__init__(
            business_id,
            rail=Rail.QBO,
            uow=uow,
            reads=reads,
            clock=clock,
            refresh=self._refresh_calls,
            in_flight=in_flight,
            time_zone=time_zone,
            rest_seconds=rest_seconds,
        )
        self._cache = SyncCache(business_id, Rail.QBO, uow=uow, clock=clock)
        self._cached_reads = CachedReads(
            business_id,
            Rail.QBO,
            find=self.get_cache,
            keep=self.set_cache,
            uow=uow,
            clock=clock,
            in_flight=in_flight,
            rest_seconds=rest_seconds,
        )
        self._specs = {spec.entity: spec for spec in specs}
        self._clients = clients
        self._time_zone = time_zone
        self._on_lost_grant = on_lost_grant
        self._on_changed = on_changed
        self._timing = timing or SyncTimingManager(uow)

    def today(self) -> date:
        """The company's date."""
        return self._clock.now().astimezone(self._time_zone).date()

    async def get_bills_by_due_days(self, days: int, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[Any]]:
        """Open bills due within `days` of the company's today, overdue ones included, soonest first."""
        spec = self._specs["Bill"]
        due_on = spec.column("due_on")
        latest = self.today() + timedelta(days=days)
        return await self.read(
            spec,
            due_on <= latest,
            spec.column("balance") > 0,
            order_by=(due_on, spec.column("id")),
            freshness=freshness,
        )

    async def get_bills(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[Any]]:
        """Open bills, soonest due first."""
        return await self._open_documents("Bill", freshness)

    async def get_invoices(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[list[Any]]:
        """Open invoices, soonest due first."""
        return await self._open_documents("Invoice", freshness)

    async def get_company_info(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Any]:
        """The company's own record, None before it was first synced."""
        fetched = await self.read(self._specs["CompanyInfo"], limit=1, freshness=freshness)
        return Fetched(fetched.value[0] if fetched.value else None, fetched.freshness)

    async def backfill(self, *, actor: str) -> PullTally:
        """Read the whole company, or what an interrupted backfill left unread, then what changed meanwhile.

        Raises:
            RailError: the run is recorded as failed; calling again goes on where it stopped.
        """

        async def whole(pull: QBOPull) -> PullTally:
            tally = await backfill.backfill(pull, entities=list(self._specs))
            tally.merge(await incremental.refresh(pull))
            tally.merge(await incremental.rescan_waiting(pull))
            return tally

        tally = await self._run(RunKind.BACKFILL, whole, actor=actor, lane=Lane.BACKFILL, patience=_JOB_PATIENCE)
        if tally.changed:
            async with self._uow([self.business_id]) as uow:
                uow.enqueue(TIE_OUT, str(self.business_id), queue="bulk")
        return tally

    async def backfill_alone(self, *, actor: str) -> PullTally:
        """As `backfill`, by one process at a time.

        Raises:
            BackfillElsewhere: another process does, or died doing it some seconds ago.
            RailError: as `backfill`.
        """
        leases = RefreshLeases(self._uow, self.business_id, self.rail, purpose="backfill")
        fence = await leases.take(strategy="backfill", now=self._clock.now(), is_insistent=True)
        if fence is None:
            raise BackfillElsewhere
        tally = PullTally()
        error: str | None = "cut off"
        try:
            async with leases.kept(fence):
                tally = await self.backfill(actor=actor)
            error = None
        finally:
            await leases.finish(fence, calls=tally.calls, now=self._clock.now(), error=error)
        return tally

    async def refresh(self, strategy: SyncStrategy) -> PullTally:
        """Bring every mirror of the company up to date with QBO.

        Raises:
            RailError: nothing is in step that was not before; the run is recorded as failed.
        """
        lane, patience = _manner_of(strategy)
        actor = f"sync:{strategy.value}"
        return await self._run(RunKind.INCREMENTAL, incremental.refresh, actor=actor, lane=lane, patience=patience)

    async def rescan(self, *entities: str, actor: str) -> PullTally:
        """Read whole again what waits for it and what is named; cut off, the next call goes on there.

        Raises:
            RailError: the run is recorded as failed.
        """

        async def waiting(pull: QBOPull) -> PullTally:
            return await incremental.rescan_waiting(pull, named=entities)

        return await self._run(RunKind.RESCAN, waiting, actor=actor, lane=Lane.BACKFILL, patience=_JOB_PATIENCE)

    async def should_sync(self, strategy: SyncStrategy) -> bool:
        """Whether a refresh on this account is to be made now: the schedule's has come, or a change was announced.

        A person who waits decides by the age of what they read (`fetch`); for them, and for a check, it is always time, once the
        first reading is done.
        """
        if strategy is SyncStrategy.SCHEDULED:
            return await self._timing.is_time_for(self.business_id, self.rail, now=self._clock.now())
        async with self._uow([self.business_id]) as uow:
            states = (await runs.list_states(uow.session, self.business_id, rail=self.rail)).values()
        in_step = [state for state in states if state.synced_through is not None]
        if strategy is SyncStrategy.EVENT:
            return any(state.dirty_since is not None for state in in_step)
        return bool(in_step)

    async def record_sync(self, run_id: UUID, tally: PullTally) -> None:
        """Write down that a run ended well, and what it saw; one that fails is written down as failed and never as this."""
        done = {
            "state": RunState.DONE.value,
            "error": None,
            "calls": tally.calls,
            "seen": tally.seen,
            "changed": tally.changed,
            "finished_at": self._clock.now(),
        }
        async with self._uow([self.business_id]) as uow:
            await runs.change_run(uow.session, self.business_id, run_id=run_id, values=done)

    async def tie_out(self, *, actor: str) -> Reconciled:
        """Compare counts, open A/P and A/R and every balance with QBO's own, and repair what differs.

        Raises:
            RailError: the run is recorded as failed.
        """
        return await self._reconcile(reconciliation.tie_out, actor=actor)

    async def reconcile(self, *, actor: str) -> Reconciled:
        """The night's look: tie out, some of all objects field by field, and what changed in closed books.

        Raises:
            RailError: the run is recorded as failed.
        """
        return await self._reconcile(reconciliation.reconcile, actor=actor)

    async def compare(self, *, actor: str) -> Reconciled:
        """Every object field by field; cut off, the next call goes on there.

        Raises:
            RailError: the run is recorded as failed.
        """
        found: list[Reconciled] = []

        async def whole(pull: QBOPull) -> PullTally:
            found.append(await reconciliation.compare_all(pull))
            return found[0].tally

        await self._run(RunKind.COMPARE, whole, actor=actor, lane=Lane.RECONCILIATION, patience=_JOB_PATIENCE)
        return found[0]

    async def schedule_reconciliation(self) -> None:
        """Ask for a reconciliation as a job."""
        async with self._uow([self.business_id]) as uow:
            uow.enqueue(RECONCILE, str(self.business_id), queue="bulk")

    async def reconcile_action(self, touched: Mapping[str, Sequence[str]], *, actor: str) -> list[Difference]:
        """Read again the objects that an action touched, ids by entity: what differed from the mirror. It is stored and told.

        Raises:
            RailError: the run is recorded as failed.
        """
        found: list[Difference] = []

        async def again(pull: QBOPull) -> PullTally:
            differences, tally = await reconciliation.read_touched(pull, touched)
            found.extend(differences)
            return tally

        await self._run(RunKind.RECONCILIATION, again, actor=actor, lane=Lane.RECONCILIATION, patience=_JOB_PATIENCE)
        return found

    async def _reconcile(self, work: Callable[..., Awaitable[Reconciled]], *, actor: str) -> Reconciled:
        found: list[Reconciled] = []

        async def whole(pull: QBOPull) -> PullTally:
            found.append(await work(pull, today=self.today()))
            return found[0].tally

        await self._run(RunKind.RECONCILIATION, whole, actor=actor, lane=Lane.RECONCILIATION, patience=_JOB_PATIENCE)
        return found[0]

    async def execute_qbo_call(
        self,
        operation: str,
        call: Callable[[QBORawClient], Awaitable[T]],
        *,
        strategy: SyncStrategy = SyncStrategy.ON_DEMAND,
    ) -> T:
        """Ask QBO something that no mirror holds: in the strategy's lane and patience, counted as `operation`.

        Raises:
            RailError: QBO's error as its kind.
        """
        lane, patience = _manner_of(strategy)
        began_at = self._clock.now()
        client = await self._clients(self.business_id, lane, patience)
        try:
            with counted_as(operation):
                return await call(client)
        except QBOError as error:
            raise await self._kind_of(error, began_at=began_at) from error

    async def get_cache(self, key: str) -> Cached | None:
        """The latest answer kept under `key`, and whether it is good still."""
        return await self._cache.find(key)

    async def set_cache(self, key: str, value: Any, *, asked_at: datetime, good_for: timedelta = GOOD_FOR) -> None:
        """Keep an answer that was asked for at `asked_at`; JSON, amounts as texts or Decimal."""
        await self._cache.set(key, value, asked_at=asked_at, good_for=good_for)

    async def get_kpi_data(
        self, as_of: date | None = None, *, days: int = 30, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[KPIData]:
        """What QBO itself makes of the books: earned in the `days` up to and with `as_of` (today), and what stands then."""
        on = as_of or self.today()

        async def ask(client: QBORawClient) -> KPIData:
            return await client.get_kpi_data(on, days=days)

        return await self._cached(f"kpis:{on}:{days}", "kpis", KPIData, ask, freshness)

    async def get_aging_report(
        self, kind: AgingKind, as_of: date | None = None, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AgingReport]:
        """QBO's own ageing of what is owed, or owing, on `as_of` (today)."""
        on = as_of or self.today()

        async def ask(client: QBORawClient) -> AgingReport:
            return await client.get_aging_report(kind, on)

        return await self._cached(f"ageing:{kind.value}:{on}", "ageing", AgingReport, ask, freshness)

    async def get_payment_history(
        self, entity_type: PayingParty, entity_id: str, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[PaymentHistory]:
        """All payments QBO has of a vendor or customer, named by QBO's id."""

        async def ask(client: QBORawClient) -> PaymentHistory:
            return await client.get_payment_history(entity_type, entity_id)

        key = f"payments:{entity_type.value}:{entity_id}"
        return await self._cached(key, "payment_history", PaymentHistory, ask, freshness)

    async def _cached(
        self,
        key: str,
        operation: str,
        model: type[Figures],
        call: Callable[[QBORawClient], Awaitable[Figures]],
        freshness: FreshnessNeed,
    ) -> Fetched[Figures]:
        """The figures under `key`, asked of QBO when they are not good.

        Raises:
            StaleRefused: there are none, or the strategy is `live`, and QBO did not answer in time.
            RailRejected: QBO refused the question.
        """

        async def ask() -> Asked:
            asked_at, clients = self._clock.now(), []

            async def with_client(client: QBORawClient) -> Figures:
                clients.append(client)
                return await call(client)

            figures = await self.execute_qbo_call(operation, with_client, strategy=freshness.strategy)
            return Asked(figures.model_dump(mode="json"), asked_at, calls=clients[0].calls)

        found = await self._cached_reads.get(key, ask, freshness=freshness, max_age=self._oldest(freshness))
        return Fetched(model.model_validate(found.value), found.freshness)

    async def _refresh_calls(self, strategy: SyncStrategy) -> int:
        return (await self.refresh(strategy)).calls

    async def _open_documents(self, entity: str, freshness: FreshnessNeed) -> Fetched[list[Any]]:
        spec = self._specs[entity]
        order = (spec.column("due_on"), spec.column("id"))
        return await self.read(spec, spec.column("balance") > 0, order_by=order, freshness=freshness)

    async def _run(
        self,
        kind: RunKind,
        work: Callable[[QBOPull], Awaitable[PullTally]],
        *,
        actor: str,
        lane: Lane,
        patience: Patience,
    ) -> PullTally:
        client = await self._clients(self.business_id, lane, patience)
        run_id = new_id()
        run = SyncRun(
            business_id=self.business_id,
            id=run_id,
            rail=Rail.QBO.value,
            kind=kind.value,
            state=RunState.RUNNING.value,
            actor=actor,
            started_at=self._clock.now(),
        )
        async with self._uow([self.business_id]) as uow:
            await runs.begin_run(uow.session, run)
        try:
            with counted_as(_feature_of(kind, actor)):
                tally = await work(self._pull(client, actor=actor, run_id=run_id))
        except QBOError as error:
            await self._record_failure(run_id, error)
            raise await self._kind_of(error, began_at=run.started_at) from error
        except (Exception, asyncio.CancelledError) as error:
            await self._record_failure(run_id, error)
            raise
        await self.record_sync(run_id, tally)
        if tally.changed_entities and self._on_changed is not None:
            await self._on_changed(self.business_id, tally.changed_entities)
        return tally

    async def _kind_of(self, error: QBOError, *, began_at: datetime) -> RailError:
        """The kind to raise in its place; where only a person can bring the access back, it is noted."""
        rail_error = to_rail_error(error)
        if isinstance(rail_error, RailNeedsReconnect):
            await self._on_lost_grant(self.business_id, str(rail_error), began_at)
        return rail_error

    def _pull(self, client: QBORawClient, *, actor: str, run_id: UUID) -> QBOPull:
        return QBOPull(
            business_id=self.business_id,
            reads=client,
            specs=self._specs,
            uow=self._uow,
            clock=self._clock,
            actor=actor,
            run_id=run_id,
        )

    async def _record_failure(self, run_id: UUID, error: BaseException) -> None:
        text = words_of(error)
        log.warning("qbo.run.failed", business_id=str(self.business_id), run_id=str(run_id), error=text)
        now = self._clock.now()
        async with self._uow([self.business_id]) as uow:
            failure = {"state": RunState.FAILED.value, "error": text, "finished_at": now}
            await runs.change_run(uow.session, self.business_id, run_id=run_id, values=failure)
            await runs.change_states(
                uow.session,
                self.business_id,
                rail=Rail.QBO,
                entities=list(self._specs),
                values={"last_error": text, "last_error_at": now},
            )


def _feature_of(kind: RunKind, actor: str) -> str:
    """A refresh counts as whoever asked for it, any other run as what it is."""
    return actor.removeprefix("sync:") if kind is RunKind.INCREMENTAL else kind.value


def _manner_of(strategy: SyncStrategy) -> tuple[Lane, Patience]:
    match strategy:
        case SyncStrategy.PAGE | SyncStrategy.ON_DEMAND | SyncStrategy.LIVE:
            return Lane.USER, _READER_PATIENCE
        case SyncStrategy.EVENT:
            return Lane.WEBHOOK, _JOB_PATIENCE
        case SyncStrategy.SCHEDULED | SyncStrategy.RECONCILIATION:
            return Lane.RECONCILIATION, _JOB_PATIENCE
