"""Taking back what one has asked for oneself, while nothing of it has left: whatever it is, and without the right to call off others'."""

from dataclasses import dataclass
from uuid import UUID

from infra.actions.engine import ActionEngine
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import Conflict


class AskedByAnother(Conflict):
    def __init__(self) -> None:
        super().__init__("Somebody else asked for this. Whoever may record payments can call it off.")


@dataclass(frozen=True)
class TakingBack:
    business_id: UUID
    uow: UnitOfWorkFactory
    actions: ActionEngine

    async def take_back(self, intent_id: UUID, *, actor: str, request_id: str) -> ActionIntent:
        """Cancel it; what is cancelled already stays so.

        Raises:
            IntentNotFound: there is none.
            AskedByAnother: it is not `actor`'s.
            TooLate: it is on its way, or settled.
        """
        async with self.uow([self.business_id]) as uow:
            asked = await IdentityGraph(uow.session, self.business_id).get(intent_id)
            if asked.created_by != actor:
                raise AskedByAnother
            return await self.actions.cancel(uow, self.business_id, intent_id, actor=actor, request_id=request_id)
