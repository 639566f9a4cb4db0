"""What people did with items of the tray: whose they are, what was set aside and until when, what the client was asked."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.decision_models import TrayMark
from infra.db.many import is_one_of
from infra.db.tenancy import TenantAwareService


class SetAside(StrEnum):
    SNOOZED = "snoozed"
    DISMISSED = "dismissed"


class TrayMarks(TenantAwareService):
    """Each verb is one statement in the caller's transaction, and leaves what the others said of the item."""

    async def assign(
        self, session: AsyncSession, item: str, owner_id: UUID | None, *, actor: str, now: datetime
    ) -> TrayMark:
        return await self._mark(session, item, {"owner_id": owner_id}, actor=actor, now=now)

    async def snooze(
        self, session: AsyncSession, item: str, until: date, *, state: str, actor: str, now: datetime
    ) -> TrayMark:
        """Away until that day begins, or until it is no more what it is now (`state`)."""
        said = {"set_aside": SetAside.SNOOZED.value, "until": until, "state": state}
        return await self._mark(session, item, said, actor=actor, now=now)

    async def dismiss(self, session: AsyncSession, item: str, *, state: str, actor: str, now: datetime) -> TrayMark:
        """Away until it is no more what it is now (`state`)."""
        said = {"set_aside": SetAside.DISMISSED.value, "until": None, "state": state}
        return await self._mark(session, item, said, actor=actor, now=now)

    async def ask(self, session: AsyncSession, item: str, question: str, *, actor: str, now: datetime) -> TrayMark:
        """It waits for the client; it stays where it is."""
        return await self._mark(session, item, {"question": question, "asked_at": now}, actor=actor, now=now)

    async def restore(self, session: AsyncSession, item: str, *, actor: str, now: datetime) -> TrayMark:
        """Back, and waiting for nobody; whose it is stays."""
        said = dict.fromkeys(("set_aside", "until", "state", "question", "asked_at"))
        return await self._mark(session, item, said, actor=actor, now=now)

    async def _mark(
        self, session: AsyncSession, item: str, said: Mapping[str, Any], *, actor: str, now: datetime
    ) -> TrayMark:
        told = {**said, "actor": actor, "changed_at": now}
        return (
            await session.scalars(
                insert(TrayMark)
                .values(business_id=self.business_id, item=item, **told)
                .on_conflict_do_update(index_elements=["business_id", "item"], set_=told)
                .returning(TrayMark),
                execution_options={"populate_existing": True},
            )
        ).one()


async def list_marks(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, dict[str, TrayMark]]:
    """Of several businesses at once: business → item → what was done with it."""
    found: dict[UUID, dict[str, TrayMark]] = defaultdict(dict)
    for mark in await session.scalars(select(TrayMark).where(is_one_of(TrayMark.business_id, business_ids))):
        found[mark.business_id][mark.item] = mark
    return found
