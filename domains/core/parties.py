"""Vendors and customers: one shape, and the same questions of two mirrors."""

from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Index, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from domains.core.ledger import live
from domains.core.paging import MAX_PAGE, NameCursor, Page, list_by_name, matches_text, page_of
from infra.db.tenancy import TenantAwareService
from infra.errors import NotFound
from infra.qbo.sync_service import QBOSyncService
from infra.qbo.wire.reports import PayingParty, PaymentHistory
from infra.sync.freshness import AS_IT_STANDS, ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.shapes import MirrorRow
from infra.sync.spec import MirrorSpec


class Party(MirrorRow):
    """`balance` is the ledger's own sum of what is open, for comparison with ours."""

    __abstract__ = True

    display_name: Mapped[str]
    company_name: Mapped[str | None]
    balance: Mapped[Decimal | None]
    currency: Mapped[str | None]
    is_active: Mapped[bool]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    terms_external_id: Mapped[str | None]

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        named = f"ix_{cls.__tablename__}_by_name"
        return (Index(named, "business_id", "display_name", "id", postgresql_where=text("deleted_at IS NULL")),)


P = TypeVar("P", bound=Party)


class PartyService(TenantAwareService, Generic[P]):
    """What a domain says of its parties: their mirror, how the rail calls them, and the error of one that is not there."""

    spec: ClassVar[MirrorSpec[Any, Any, Any]]
    kind: ClassVar[PayingParty]
    not_found: ClassVar[type[NotFound]]

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def list_page(
        self,
        *,
        search: str | None = None,
        is_active: bool | None = None,
        after: str | None = None,
        limit: int = 50,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[Page[P]]:
        """One page by name. `search` finds any part of it, ignoring case.

        Raises:
            UnreadableCursor: `after` is none of our cursors.
        """
        most = max(1, min(limit, MAX_PAGE))
        party: type[P] = self.spec.mirror
        conditions = [*live(party, self.business_id)]
        if search:
            conditions.append(matches_text(party.display_name, search))
        if is_active is not None:
            conditions.append(party.is_active == is_active)

        async def page(session: AsyncSession) -> Page[P]:
            rows = await list_by_name(
                session,
                select(party).where(*conditions),
                name=party.display_name,
                row_id=party.id,
                after=NameCursor.decode(after) if after else None,
                limit=most + 1,
            )
            return page_of(rows, most, cursor_of=lambda row: NameCursor(row.display_name, row.id).encode())

        return await self._qbo.fetch([self.spec], page, freshness=freshness)

    async def get(self, party_id: UUID | str, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[P]:
        """One by our id, or by the rail's as text.

        Raises:
            NotFound: the domain's own, none of that id, or deleted.
        """
        column = "id" if isinstance(party_id, UUID) else "external_id"
        found = await self._qbo.read(self.spec, self.spec.column(column) == party_id, freshness=freshness)
        if not found.value:
            raise self.not_found(party_id)
        return Fetched(found.value[0], found.freshness)

    async def get_payment_history(
        self, party_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[PaymentHistory]:
        """Every payment to or from one of them, as QBO has it, the newest first; kept for four hours unless the books change.

        Raises:
            NotFound: the domain's own, none of that id.
            StaleRefused: QBO was never asked before and does not answer now.
        """
        is_it = self.spec.column("id") == party_id
        found = await self._qbo.read(self.spec, is_it, include_deleted=True, freshness=AS_IT_STANDS)
        if not found.value:
            raise self.not_found(party_id)
        return await self._qbo.get_payment_history(self.kind, found.value[0].external_id, freshness=freshness)
