from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import queries
from domains.core.errors import BusinessNotFound
from domains.core.models import DEFAULT_TIME_ZONE, Business
from infra.ids import new_id


class BusinessService:
    """The companies whose cash we keep."""

    async def create_business(
        self,
        session: AsyncSession,
        name: str,
        *,
        now: datetime,
        home_currency: str = "USD",
        time_zone: str = DEFAULT_TIME_ZONE,
        firm_id: UUID | None = None,
    ) -> Business:
        """Make a business, of the firm that is to keep its books, if one is."""
        business = Business(
            id=new_id(), firm_id=firm_id, name=name, home_currency=home_currency, time_zone=time_zone, created_at=now
        )
        session.add(business)
        # Rows that point at it may follow in this transaction, in any order.
        await session.flush()
        return business

    async def get_business(self, session: AsyncSession, business_id: UUID) -> Business:
        """Read one business.

        Raises:
            BusinessNotFound: no such business.
        """
        business = await queries.find_business(session, business_id)
        if business is None:
            raise BusinessNotFound(business_id)
        return business

    async def list_called(self, session: AsyncSession, name_or_id: str) -> list[Business]:
        """Every business of that name or id, oldest first: a name is not unique."""
        try:
            business_id = UUID(name_or_id)
        except ValueError:
            business_id = None
        return await queries.list_called(session, name_or_id, business_id=business_id)

    async def list_businesses(self, session: AsyncSession, *, limit: int) -> list[Business]:
        """The oldest ones, at most `limit`: to show, not to find one among them."""
        return await queries.list_businesses(session, limit=limit)

    async def follow_preferences(self, session: AsyncSession, business_id: UUID) -> None:
        """Take the home currency from the ledger's own preferences, where it tells one."""
        preferences = await queries.find_preferences(session, business_id)
        business = await self.get_business(session, business_id)
        if preferences is not None and preferences.home_currency:
            business.home_currency = preferences.home_currency
