"""How true the books are: each kind of object with its last signs of life, sums of ours beside QuickBooks' own, what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from domains.cash.cash_service import CashService
from domains.cash.models import AccountType
from domains.core.connection_service import ConnectionService
from domains.core.models import Business
from domains.core.paging import MAX_PAGE
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.money import ZERO
from infra.sync import drift
from infra.sync.drift import DriftFilter, DriftItem, DriftKind
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from infra.sync.mirror_counts import count_live
from infra.sync.runs import RunKind, RunState, SyncRun
from runway.calculators.figures import Figure
from runway.orchestrators.ageing import MirrorAgeing
from runway.orchestrators.sync_progress import EntityProgress, SyncProgress, SyncProgressReport
from runway.registry import MIRROR_SPECS

_MOST_ITEMS = 100


@dataclass(frozen=True)
class EntityHealth:
    """`objects` are those that our copy shows; `counted` is the open difference from QuickBooks' own count, if there is one."""

    progress: EntityProgress
    objects: int
    counted: DriftItem | None


@dataclass(frozen=True)
class ControlTotal:
    """What is open by our documents beside QuickBooks' control account as it was last read; positive is owed.

    `theirs` None: it cannot be told in one currency, or was not read.
    """

    is_payables: bool
    ours: Figure
    theirs: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        return None if self.theirs is None or self.ours.value is None else self.ours.value - self.theirs


@dataclass(frozen=True)
class DataHealth:
    """`checked` is the last check of counts and sums against QuickBooks that came to its end."""

    sync: SyncProgress
    entities: Sequence[EntityHealth]
    totals: Sequence[ControlTotal]
    checked: SyncRun | None
    drift: Sequence[DriftItem]


@dataclass(frozen=True)
class DataHealthReport:
    """Reads what is there; it asks QuickBooks nothing. `today` is the company's."""

    business: Business
    today: date
    bills: BillService
    invoices: InvoiceService
    cash: CashService
    uow: UnitOfWorkFactory
    connections: ConnectionService

    async def get(self, *, freshness: FreshnessNeed) -> Fetched[DataHealth]:
        sync = await self.get_progress()
        fetched = await self._totals(freshness)
        async with self.uow([self.business.id]) as uow:
            counts = await count_live(uow.session, self.business.id, MIRROR_SPECS)
            wanted = DriftFilter(is_open=True, limit=_MOST_ITEMS)
            items = await drift.list_items(uow.session, self.business.id, wanted)
            checked = await self._last_check(uow.session)
        health = DataHealth(sync, _entities(sync, counts, items), fetched.value, checked, items)
        return Fetched(health, fetched.freshness)

    async def get_progress(self) -> SyncProgress:
        """The part that moves while something is read."""
        report = SyncProgressReport(uow=self.uow, connections=self.connections)
        return await report.get(self.business.id)

    async def _totals(self, freshness: FreshnessNeed) -> Fetched[list[ControlTotal]]:
        """Both sides; they are as fresh as the payables, which one refresh brings in with the rest."""
        payables = await self._aged(self.bills, freshness)
        receivables = await self._aged(self.invoices, AS_IT_STANDS)
        owed = await self._control(AccountType.ACCOUNTS_PAYABLE)
        owing = await self._control(AccountType.ACCOUNTS_RECEIVABLE)
        totals = [
            ControlTotal(is_payables=True, ours=payables.value, theirs=None if owed is None else -owed),
            ControlTotal(is_payables=False, ours=receivables.value, theirs=owing),
        ]
        return Fetched(totals, payables.freshness)

    async def _aged(self, side: BillService | InvoiceService, freshness: FreshnessNeed) -> Fetched[Figure]:
        currency, today = self.business.home_currency, self.today
        aged = await MirrorAgeing(side, today=today, home_currency=currency).get(freshness=freshness)
        return Fetched(aged.value.total, aged.freshness)

    async def _control(self, kind: AccountType) -> Decimal | None:
        """The control accounts' balance, as the books sign it."""
        page = await self.cash.list_accounts(account_type=kind, limit=MAX_PAGE, freshness=AS_IT_STANDS)
        accounts = page.value.items
        home = {None, self.business.home_currency}
        if not accounts or any(one.currency not in home or one.current_balance is None for one in accounts):
            return None
        return sum((one.current_balance or ZERO for one in accounts), ZERO)

    async def _last_check(self, session: AsyncSession) -> SyncRun | None:
        run: SyncRun | None = await session.scalar(
            select(SyncRun)
            .where(
                SyncRun.business_id == self.business.id,
                SyncRun.rail == Rail.QBO.value,
                SyncRun.kind == RunKind.RECONCILIATION.value,
                SyncRun.state == RunState.DONE.value,
            )
            .order_by(SyncRun.started_at.desc())
            .limit(1)
        )
        return run


def _entities(sync: SyncProgress, counts: Mapping[str, int], items: Sequence[DriftItem]) -> list[EntityHealth]:
    counted = {item.entity: item for item in items if item.kind == DriftKind.COUNT.value}
    return [EntityHealth(one, counts.get(one.entity, 0), counted.get(one.entity)) for one in sync.entities]
