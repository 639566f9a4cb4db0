from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.decision_errors import ScenarioNameTaken, ScenarioNotFound, TooManyScenarios
from domains.core.decision_models import SavedScenario
from infra.db.tenancy import TenantAwareService
from infra.ids import new_id

MOST = 50
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('saved_scenarios:' || :business_id, 0))")


class SavedScenarios(TenantAwareService):
    """The questions that a business keeps. What a step means is the calculators' matter."""

    async def list_saved(self, session: AsyncSession) -> list[SavedScenario]:
        """By name."""
        query = select(SavedScenario).where(SavedScenario.business_id == self.business_id)
        return list(await session.scalars(query.order_by(func.lower(SavedScenario.name), SavedScenario.id)))

    async def get(self, session: AsyncSession, scenario_id: UUID) -> SavedScenario:
        """One by its id.

        Raises:
            ScenarioNotFound: none of that id.
        """
        found = await session.get(SavedScenario, (self.business_id, scenario_id))
        if found is None:
            raise ScenarioNotFound
        return found

    async def save(
        self, session: AsyncSession, name: str, steps: Sequence[dict[str, Any]], *, actor: str, now: datetime
    ) -> SavedScenario:
        """Keep it; the same name with the same steps is the one that is there.

        Raises:
            ScenarioNameTaken: the name stands for other steps.
            TooManyScenarios: there are fifty.
        """
        await session.execute(_LOCK, {"business_id": str(self.business_id)})
        held = await self.list_saved(session)
        for one in held:
            if one.name.casefold() == name.casefold():
                if one.steps == list(steps):
                    return one
                raise ScenarioNameTaken(one.name)
        if len(held) >= MOST:
            raise TooManyScenarios(MOST)
        row = SavedScenario(
            business_id=self.business_id, id=new_id(), name=name, steps=list(steps), actor=actor, saved_at=now
        )
        session.add(row)
        await session.flush()
        return row

    async def remove(self, session: AsyncSession, scenario_id: UUID) -> None:
        """Forget it.

        Raises:
            ScenarioNotFound: none of that id.
        """
        gone = await session.execute(
            delete(SavedScenario)
            .where(SavedScenario.business_id == self.business_id, SavedScenario.id == scenario_id)
            .returning(SavedScenario.id)
        )
        if gone.first() is None:
            raise ScenarioNotFound
