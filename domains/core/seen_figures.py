"""The figures that somebody had before them: kept for as long as a decision may still name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.decision_errors import SeenFiguresNotFound
from domains.core.decision_models import SeenFigures
from infra.db.tenancy import TenantAwareService
from infra.ids import new_id

KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Viewer:
    """Who was shown the figures, in which request."""

    actor: str
    request_id: str


class SeenFiguresService(TenantAwareService):
    async def keep(
        self, session: AsyncSession, figures: Mapping[str, Any], *, by: Viewer, now: datetime
    ) -> SeenFigures:
        row = SeenFigures(
            business_id=self.business_id,
            id=new_id(),
            shown_at=now,
            actor=by.actor,
            request_id=by.request_id,
            figures=dict(figures),
        )
        session.add(row)
        return row

    async def freeze(self, session: AsyncSession, seen_id: UUID) -> dict[str, Any]:
        """What a log row keeps of them: the figures themselves, so that nothing need be looked up years later.

        Raises:
            SeenFiguresNotFound: none of that id here, or they are older than a week.
        """
        row: SeenFigures | None = await session.scalar(
            select(SeenFigures).where(SeenFigures.business_id == self.business_id, SeenFigures.id == seen_id)
        )
        if row is None:
            raise SeenFiguresNotFound(seen_id)
        return {
            "id": str(row.id),
            "shown_at": row.shown_at.isoformat(),
            "shown_to": row.actor,
            "figures": row.figures,
        }


async def forget_old(session: AsyncSession, *, now: datetime) -> int:
    """Remove what no decision should rest on any more, of the businesses that the session sees."""
    gone = await session.execute(delete(SeenFigures).where(SeenFigures.shown_at < now - KEPT).returning(SeenFigures.id))
    return len(gone.all())
