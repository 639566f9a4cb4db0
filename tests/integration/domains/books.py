"""A business whose mirrors a test fills directly. They count as just synced: a read that asks QBO fails the test."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from domains.core.business_service import BusinessService
from infra.config import Rail
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.qbo.raw_client import QBORawClient
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.transport import Patience
from infra.qbo.wire import record_of
from infra.ratelimit.lanes import Lane
from infra.sync import mirror_store, runs
from infra.sync.in_flight import RefreshesInFlight
from infra.sync.shapes import LogSource
from infra.sync.spec import Delivery, RailDeletion, RailRecord
from runway.registry import MIRROR_SPECS
from tests.unit.domains.bodies import Body

TODAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 15, 19, 0, tzinfo=UTC)

_SPECS = {spec.entity: spec for spec in MIRROR_SPECS}


class FixedClock:
    def now(self) -> datetime:
        return NOW


async def _no_client(business_id: UUID, lane: Lane, patience: Patience) -> QBORawClient:
    raise AssertionError(f"a fresh mirror of {business_id} asked QBO ({lane}, {patience})")


async def _no_lost_grant(business_id: UUID, reason: str, _seen_at: datetime) -> None:
    raise AssertionError(f"the grant of {business_id} was lost: {reason}")


class Books:
    def __init__(self, business_id: UUID, uow: UnitOfWorkFactory, reads: Reads) -> None:
        self.business_id = business_id
        self.uow = uow
        self.reads = reads
        self.qbo = QBOSyncService(
            business_id,
            specs=MIRROR_SPECS,
            clients=_no_client,
            uow=uow,
            reads=reads,
            clock=FixedClock(),
            in_flight=RefreshesInFlight(),
            time_zone=ZoneInfo("America/Los_Angeles"),
            on_lost_grant=_no_lost_grant,
        )

    @classmethod
    async def open(cls, uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, reads: Reads) -> "Books":
        async with access_uow([]) as unit:
            business = await BusinessService().create_business(unit.session, "Dune Works", now=NOW)
        books = cls(business.id, uow, reads)
        async with uow([business.id]) as unit:
            await runs.ensure_states(unit.session, business.id, rail=Rail.QBO, entities=list(_SPECS))
            fresh = {"last_synced_at": NOW, "synced_through": NOW}
            await runs.change_states(unit.session, business.id, rail=Rail.QBO, entities=list(_SPECS), values=fresh)
        return books

    async def put(self, entity: str, *bodies: Body) -> None:
        await self._store(entity, records=[record_of(body, entity) for body in bodies])

    async def delete(self, entity: str, external_id: str) -> None:
        await self._store(entity, deletions=[RailDeletion(external_id, NOW)])

    async def _store(
        self, entity: str, *, records: Sequence[RailRecord] = (), deletions: Sequence[RailDeletion] = ()
    ) -> None:
        delivery = Delivery(
            business_id=self.business_id,
            records=records,
            deletions=deletions,
            fetched_at=NOW,
            source=LogSource.QBO,
            actor="test",
            request_id="test",
        )
        async with self.uow([self.business_id]) as unit:
            await mirror_store.store(unit.session, _SPECS[entity], delivery)
