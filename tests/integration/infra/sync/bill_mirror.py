"""One business's bills, delivered by hand, and what the database then holds of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import undefer

from domains.ap.mirrors import BILLS_FROM_QBO
from domains.ap.models import Bill, BillTransactionLog
from infra.db.unit_of_work import unit_of_work_factory
from infra.ids import new_id
from infra.sync import mirror_store
from infra.sync.mirror_store import StoreOutcome
from infra.sync.shapes import LogSource
from infra.sync.spec import Delivery, RailDeletion, RailRecord
from infra.sync.transaction_log import AsOf, TransactionLogService
from tests.unit.domains.bodies import make_bill

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def bill(external_id: str = "7", *, version: int | None = 0, updated: float = 0, **fields: Any) -> RailRecord:
    """A state of a bill; `updated` in seconds after START."""
    body = make_bill(external_id, **fields)
    body["SyncToken"] = str(version)
    body["MetaData"] = body["MetaData"] | {"LastUpdatedTime": at(updated).isoformat()}
    return RailRecord(external_id, version=version, updated_at=at(updated), payload=body)


def gone(external_id: str = "7", *, updated: float) -> RailDeletion:
    return RailDeletion(external_id, updated_at=at(updated))


class BillMirror:
    def __init__(self, engine: AsyncEngine) -> None:
        self.business_id = new_id()
        self.uow = unit_of_work_factory(engine)

    def delivery(self, *records: RailRecord, deletions: Sequence[RailDeletion] = (), fetched: float = 100) -> Delivery:
        return Delivery(
            business_id=self.business_id,
            records=records,
            deletions=deletions,
            fetched_at=at(fetched),
            source=LogSource.QBO,
            actor="test",
            request_id="run-1",
        )

    async def put(
        self, *records: RailRecord, deletions: Sequence[RailDeletion] = (), fetched: float = 100
    ) -> StoreOutcome:
        async with self.uow([self.business_id]) as uow:
            delivery = self.delivery(*records, deletions=deletions, fetched=fetched)
            return await mirror_store.store(uow.session, BILLS_FROM_QBO, delivery)

    async def get(self, external_id: str = "7") -> Bill:
        async with self.uow([self.business_id]) as uow:
            query = select(Bill).where(Bill.external_id == external_id).options(undefer(Bill.payload))
            return (await uow.session.scalars(query)).one()

    async def balance(self, external_id: str = "7") -> Decimal:
        return (await self.get(external_id)).balance

    async def list_all(self) -> dict[str, Bill]:
        async with self.uow([self.business_id]) as uow:
            rows = await uow.session.scalars(select(Bill).options(undefer(Bill.payload)))
            return {row.external_id: row for row in rows}

    async def log(self, external_id: str = "7") -> Sequence[BillTransactionLog]:
        entity_id = (await self.get(external_id)).id
        async with self.uow([self.business_id]) as uow:
            return await TransactionLogService(uow.session).history(
                BILLS_FROM_QBO, self.business_id, entity_id=entity_id
            )

    async def log_types(self, external_id: str = "7") -> list[str]:
        rows = await self.log(external_id)
        assert [row.version for row in rows] == list(range(1, len(rows) + 1))
        return [row.transaction_type for row in rows]

    async def as_of(self, instant: datetime, external_id: str = "7") -> AsOf[Bill] | None:
        entity_id = (await self.get(external_id)).id
        async with self.uow([self.business_id]) as uow:
            log = TransactionLogService(uow.session)
            return await log.as_of(BILLS_FROM_QBO, self.business_id, entity_id=entity_id, instant=instant)

    async def physical_rows(self) -> list[tuple[Any, ...]]:
        """Where each row lies and which transaction wrote it: any write at all shows."""
        async with self.uow([self.business_id]) as uow:
            query = text("SELECT external_id, ctid::text, xmin::text, synced_at FROM bill ORDER BY external_id")
            return [tuple(row) for row in await uow.session.execute(query)]

    async def texts(self) -> list[str]:
        """The JSON of every row of mirror and log, as it is stored."""
        async with self.uow([self.business_id]) as uow:
            query = text("SELECT payload::text FROM bill UNION ALL SELECT snapshot::text FROM bill_transaction_log")
            return list(await uow.session.scalars(query))

    async def log_count(self) -> int:
        async with self.uow([self.business_id]) as uow:
            return int((await uow.session.execute(text("SELECT count(*) FROM bill_transaction_log"))).scalar_one())
