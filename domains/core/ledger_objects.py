from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.paging import MAX_PAGE
from infra.db.tenancy import TenantAwareService
from infra.errors import NotFound
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed
from infra.sync.shapes import LogRow, MirrorRow
from infra.sync.spec import MirrorSpec
from infra.sync.transaction_log import AsOf, TransactionLogService

M = TypeVar("M", bound=MirrorRow)
L = TypeVar("L", bound=LogRow)


class LedgerObjects(TenantAwareService, Generic[M, L]):
    """One kind of the ledger's objects, each by our id: as it is, as it was, and how it came to be.

    `absent` makes the domain's own error for an id that is not there.
    """

    def __init__(
        self,
        business_id: UUID,
        qbo: QBOSyncService,
        *,
        spec: MirrorSpec[Any, M, L],
        absent: Callable[[UUID], NotFound],
    ) -> None:
        super().__init__(business_id)
        self._qbo = qbo
        self._spec = spec
        self._absent = absent

    async def get(self, object_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[M]:
        """The object with its payload.

        Raises:
            NotFound: none of that id, or it is deleted.
        """
        is_asked_for = self._spec.mirror.id == object_id
        found = await self._qbo.read(self._spec, is_asked_for, with_payload=True, freshness=freshness)
        if not found.value:
            raise self._absent(object_id)
        return Fetched(found.value[0], found.freshness)

    async def get_as_of(
        self, object_id: UUID, instant: datetime, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[AsOf[M]]:
        """The object as we knew it at `instant`, deleted or not.

        Raises:
            NotFound: none of that id, or we had not seen it by then.
        """

        async def state(session: AsyncSession) -> AsOf[M] | None:
            log = TransactionLogService(session)
            return await log.as_of(self._spec, self.business_id, entity_id=object_id, instant=instant)

        found = await self._qbo.fetch([self._spec], state, freshness=freshness)
        if found.value is None:
            raise self._absent(object_id)
        return Fetched(found.value, found.freshness)

    async def get_history(
        self, object_id: UUID, *, after_version: int = 0, limit: int = 100, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[L]]:
        """The object's log rows in order of version, a deleted object's too.

        Raises:
            NotFound: none of that id.
        """

        async def rows(session: AsyncSession) -> list[L]:
            log = TransactionLogService(session)
            found = await log.history(
                self._spec,
                self.business_id,
                entity_id=object_id,
                after_version=after_version,
                limit=min(limit, MAX_PAGE),
            )
            return list(found)

        history = await self._qbo.fetch([self._spec], rows, freshness=freshness)
        if not history.value and after_version == 0:
            raise self._absent(object_id)
        return history
