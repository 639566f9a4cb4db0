"""Row-level security's side of the application: which businesses a transaction may see."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_SET_BUSINESSES = text("SELECT set_config('app.business_ids', :business_ids, true)")


async def set_businesses(session: AsyncSession, business_ids: Sequence[UUID]) -> None:
    """Limit the running transaction to `business_ids`. Ends with the transaction, so a pooled connection cannot leak it."""
    await session.execute(_SET_BUSINESSES, {"business_ids": as_array(business_ids)})


def as_array(business_ids: Sequence[UUID]) -> str:
    """The setting's text."""
    return "{" + ",".join(map(str, business_ids)) + "}"


class TenantAwareService:
    """A domain service of one business. Every query it makes filters by `business_id` besides what the database enforces."""

    def __init__(self, business_id: UUID) -> None:
        self.business_id = business_id
