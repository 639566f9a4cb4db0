"""QBOSyncService: one company's books, from the mirror or from QBO by freshness. The only door to the raw client."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from infra.actions.rail import ActionRail, Write, WriteAnswer
from infra.clock import Clock
from infra.config import Rail
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailError, RailNeedsReconnect
from infra.qbo import incremental, reconciliation
from infra.qbo.action_rail import CHECK_PATIENCE, LOOK_PATIENCE, QBOActionRail
from infra.qbo.asked_jobs import RECONCILE, TIE_OUT, ask_about
from infra.qbo.cached_figures import CachedFigures
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.manners import READER_PATIENCE, manner_of
from infra.qbo.mirror_reads import QBOMirrorReads
from infra.qbo.raw_client import QBORawClient
from infra.qbo.reading import PullTally
from infra.qbo.reconciliation import Reconciled
from infra.qbo.recorded_runs import Changed, RecordedRuns
from infra.qbo.transport import Patience
from infra.qbo.whole_reading import alone, read_whole
from infra.qbo.wire.reports import AgingKind, AgingReport, KPIData, PayingParty, PaymentHistory
from infra.ratelimit.lanes import Lane
from infra.sync import runs
from infra.sync.cache import GOOD_FOR, Cached, SyncCache
from infra.sync.call_counts import counted_as
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed, SyncStrategy
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.reconciliation import Difference
from infra.sync.refresh_lease import RefreshLeases
from infra.sync.runs import RunKind
from infra.sync.spec import AnySpec
from infra.sync.timing import SyncTimingManager

T = TypeVar("T")
Figures = TypeVar("Figures", bound=BaseModel)
ClientFactory = Callable[[UUID, Lane, Patience], Awaitable[QBORawClient]]
LostGrant = Callable[[UUID, str, datetime], Awaitable[None]]

_COUNTED_AS = {KPIData: "kpis", AgingReport: "ageing", PaymentHistory: "payment_history"}


class QBOSyncService(QBOMirrorReads):
    """Named reads over the mirrors, and the runs that fill them. Whatever runs raises RailError, and is recorded as failed then.

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
        self._specs = {spec.entity: spec for spec in specs}
        self._clients = clients
        self._on_lost_grant = on_lost_grant
        self._on_changed = on_changed
        self._timing = timing or SyncTimingManager(uow)

    # Made when asked for: most requests only read a mirror.
    @cached_property
    def _cache(self) -> SyncCache:
        return SyncCache(self.business_id, Rail.QBO, uow=self._uow, clock=self._clock)

    @cached_property
    def _figures(self) -> CachedFigures[QBORawClient]:
        return CachedFigures(
            self.business_id,
            execute=self.execute_qbo_call,
            find=self.get_cache,
            keep=self.set_cache,
            uow=self._uow,
            clock=self._clock,
            in_flight=self._in_flight,
            check_grant=self._check_grant,
            rest_seconds=self._rest_seconds,
        )

    @cached_property
    def _runs(self) -> RecordedRuns:
        return RecordedRuns(
            self.business_id,
            specs=self._specs,
            clients=self._clients,
            uow=self._uow,
            clock=self._clock,
            kind_of=self._kind_of,
            on_ended=self.record_sync,
            on_changed=self._on_changed,
        )

    async def backfill(self, *, actor: str) -> PullTally:
        """Read the whole company, then what changed meanwhile; cut off, the next call goes on there."""
        tally = await self._runs.run(RunKind.BACKFILL, read_whole, actor=actor, lane=Lane.BACKFILL)
        if tally.changed:
            async with self._uow([self.business_id]) as uow:
                uow.enqueue(TIE_OUT, str(self.business_id), queue="bulk")
        return tally

    async def backfill_alone(self, *, actor: str) -> PullTally:
        """As `backfill`, by one process at a time.

        Raises:
            BackfillElsewhere: another process does, or died doing it some seconds ago.
        """
        leases = RefreshLeases(self._uow, self.business_id, self.rail, purpose="backfill")
        return await alone(partial(self.backfill, actor=actor), leases=leases, clock=self._clock)

    async def refresh(self, strategy: SyncStrategy) -> PullTally:
        """Bring every mirror of the company up to date with QBO; where that fails, none is in step that was not before."""
        lane, patience = manner_of(strategy)
        actor = f"sync:{strategy.value}"
        return await self._runs.run(RunKind.INCREMENTAL, incremental.refresh, actor=actor, lane=lane, patience=patience)

    async def rescan(self, *entities: str, actor: str) -> PullTally:
        """Read whole again what waits for it and what is named; cut off, the next call goes on there."""
        waiting = partial(incremental.rescan_waiting, named=entities)
        return await self._runs.run(RunKind.RESCAN, waiting, actor=actor, lane=Lane.BACKFILL)

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
        await self._runs.record_success(run_id, tally)

    async def tie_out(self, *, actor: str) -> Reconciled:
        """Compare counts, open A/P and A/R and every balance with QBO's own, and repair what differs."""
        return await self._runs.reconcile(partial(reconciliation.tie_out, today=self.today()), actor=actor)

    async def reconcile(self, *, actor: str) -> Reconciled:
        """The night's look: tie out, some of all objects field by field, and what changed in closed books."""
        return await self._runs.reconcile(partial(reconciliation.reconcile, today=self.today()), actor=actor)

    async def compare(self, *, actor: str) -> Reconciled:
        """Every object field by field; cut off, the next call goes on there."""
        return await self._runs.reconcile(reconciliation.compare_all, actor=actor, kind=RunKind.COMPARE)

    async def schedule_reconciliation(self, touched: Mapping[str, Sequence[str]] | None = None) -> None:
        """Ask for a reconciliation as a job: of everything, or of what an action `touched` (ids by entity), in two minutes."""
        async with self._uow([self.business_id]) as uow:
            if touched is None:
                uow.enqueue(RECONCILE, str(self.business_id), queue="bulk")
            else:
                ask_about(uow, self.business_id, touched)

    async def reconcile_action(self, touched: Mapping[str, Sequence[str]], *, actor: str) -> list[Difference]:
        """Read again the objects that an action touched, ids by entity: what differed from the mirror. It is stored and told."""
        reread = await self._runs.reconcile(partial(reconciliation.read_touched, touched=touched), actor=actor)
        return reread.differences

    async def action_rail(self, *, is_check: bool = False) -> ActionRail:
        """QBO as the action engine looks at it and tells it; `is_check`: to look again at what is settled, which waits for users.

        Raises:
            RailNeedsReconnect: there is no grant.
        """
        lane, patience = (Lane.WEBHOOK, CHECK_PATIENCE) if is_check else (Lane.PAYMENT, LOOK_PATIENCE)
        return QBOActionRail(
            self.business_id,
            books=await self._clients(self.business_id, lane, patience),
            specs=self._specs,
            clock=self._clock,
            kind_of=self._kind_of,
            on_lost=partial(self._on_lost_grant, self.business_id),
        )

    async def create_payment_immediate(self, payment: bytes, *, request_id: str) -> WriteAnswer:
        """Tell QBO now that bills were paid: a BillPayment's JSON. What is not remembered first (infra/actions) may happen twice.

        Raises:
            RailNeedsReconnect: there is no grant.
        """
        return await (await self.action_rail()).write(Write("BillPayment", payment, request_id))

    async def record_payment(self, payment: bytes, *, request_id: str) -> WriteAnswer:
        """As `create_payment_immediate`, of what a customer paid: a Payment's JSON."""
        return await (await self.action_rail()).write(Write("Payment", payment, request_id))

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
        lane, patience = manner_of(strategy)
        began_at = self._clock.now()
        client = await self._clients(self.business_id, lane, patience)
        try:
            with counted_as(operation):
                return await call(client)
        except QBOError as error:
            raise await self._kind_of(error, began_at) from error

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
        return await self._cached(f"kpis:{on}:{days}", KPIData, lambda qbo: qbo.get_kpi_data(on, days=days), freshness)

    async def get_aging_report(
        self, kind: AgingKind, as_of: date | None = None, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AgingReport]:
        """QBO's own ageing of what is owed, or owing, on `as_of` (today)."""
        on = as_of or self.today()
        key = f"ageing:{kind.value}:{on}"
        return await self._cached(key, AgingReport, lambda qbo: qbo.get_aging_report(kind, on), freshness)

    async def get_payment_history(
        self, entity_type: PayingParty, entity_id: str, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[PaymentHistory]:
        """All payments QBO has of a vendor or customer, named by QBO's id."""
        key = f"payments:{entity_type.value}:{entity_id}"
        return await self._cached(
            key, PaymentHistory, lambda qbo: qbo.get_payment_history(entity_type, entity_id), freshness
        )

    async def _cached(
        self,
        key: str,
        model: type[Figures],
        ask: Callable[[QBORawClient], Awaitable[Figures]],
        freshness: FreshnessNeed,
    ) -> Fetched[Figures]:
        operation = _COUNTED_AS[model]
        oldest = self._oldest(freshness)
        return await self._figures.get(key, model, ask, operation=operation, freshness=freshness, max_age=oldest)

    async def _check_grant(self) -> None:
        await self._clients(self.business_id, Lane.USER, READER_PATIENCE)

    async def _refresh_calls(self, strategy: SyncStrategy) -> int:
        return (await self.refresh(strategy)).calls

    async def _kind_of(self, error: QBOError, began_at: datetime) -> RailError:
        """The kind to raise in its place; where only a person can bring the access back, it is noted."""
        rail_error = to_rail_error(error)
        if isinstance(rail_error, RailNeedsReconnect):
            await self._on_lost_grant(self.business_id, str(rail_error), began_at)
        return rail_error
