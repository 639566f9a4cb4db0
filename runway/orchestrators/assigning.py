from dataclasses import dataclass
from uuid import UUID

from domains.core import assignees
from domains.core.access_service import AccessService
from domains.core.decision_errors import OwnerNotMember
from domains.core.models import Business
from infra.db.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True)
class Assigning:
    """Says who looks after a business."""

    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    access: AccessService

    async def assign(self, business: Business, user_id: UUID | None, *, actor: str, request_id: str) -> None:
        """Somebody who belongs to it; None: nobody.

        Raises:
            OwnerNotMember: they do not belong to it.
        """
        if user_id is not None:
            async with self.access_uow([]) as uow:
                theirs = await self.access.list_businesses(uow.session, user_id)
            if business.id not in {one.id for one, _ in theirs}:
                raise OwnerNotMember
        async with self.uow([business.id]) as uow:
            await assignees.assign(uow.session, business.id, user_id, actor=actor, request_id=request_id)
