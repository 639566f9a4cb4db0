"""The reads that have a name: each over one of the mirrors that QBO fills."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from infra.db.reads import Read
from infra.sync.books_mark import MarkedBooks, books_marks
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.smart_sync import SmartSyncService
from infra.sync.spec import AnySpec


class QBOMirrorReads(SmartSyncService):
    _specs: dict[str, AnySpec]
    """By QBO's name of the entity; QBOSyncService is given them."""

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

    async def get_bills_for_digest(
        self, external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Any]]:
        """The few bills that a digest names, with their numbers, in order of id."""
        return await self._named("Bill", external_ids, freshness)

    async def get_invoices_for_digest(
        self, external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[Any]]:
        """The few invoices that a digest names, with their numbers, in order of id."""
        return await self._named("Invoice", external_ids, freshness)

    async def get_company_info(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Any]:
        """The company's own record, None before it was first synced."""
        fetched = await self.read(self._specs["CompanyInfo"], limit=1, freshness=freshness)
        return Fetched(fetched.value[0] if fetched.value else None, fetched.freshness)

    async def get_books_mark(self, *beside: Read[Any], freshness: FreshnessNeed = ON_DEMAND) -> Fetched[MarkedBooks]:
        """What is another text once any mirror of the company may have changed, and what else is read in the same round trip."""
        fetched = await self.select_each(
            list(self._specs.values()), books_marks([self.business_id], self.rail), *beside, freshness=freshness
        )
        [(_, mark)], *rows = fetched.value
        return Fetched(MarkedBooks(mark, rows), fetched.freshness)

    async def _named(self, entity: str, external_ids: Sequence[str], freshness: FreshnessNeed) -> Fetched[list[Any]]:
        spec = self._specs[entity]
        named = spec.column("external_id").in_(sorted(set(external_ids)))
        return await self.read(spec, named, order_by=(spec.column("external_id"),), freshness=freshness)

    async def _open_documents(self, entity: str, freshness: FreshnessNeed) -> Fetched[list[Any]]:
        spec = self._specs[entity]
        order = (spec.column("due_on"), spec.column("id"))
        return await self.read(spec, spec.column("balance") > 0, order_by=order, freshness=freshness)
