"""Firms and the businesses they keep. Sessions are of the role oodaloo_access."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.business_service import BusinessService
from domains.core.errors import FirmNotFound, FirmNotNamed, NotFirmAdmin
from domains.core.models import Business
from domains.core.people import Firm, FirmAdmin
from domains.core.permissions import Role
from domains.core.sign_in_errors import AlreadyMember
from infra.ids import new_id


class FirmService:
    def __init__(self, businesses: BusinessService) -> None:
        self._businesses = businesses

    async def create_firm(self, session: AsyncSession, name: str, *, origin: Origin, now: datetime) -> Firm:
        firm = Firm(id=new_id(), name=name, created_at=now)
        session.add(firm)
        await session.flush()  # what points at it may follow in this transaction
        details = {"firm_id": str(firm.id), "name": name}
        await access_log.note(session, AccessEvent.FIRM_CREATED, origin=origin, details=details)
        return firm

    async def add_admin(
        self, session: AsyncSession, firm: Firm, *, user_id: UUID, origin: Origin, now: datetime
    ) -> None:
        """Let a person into every business of the firm.

        Raises:
            AlreadyMember: they are an admin of it.
        """
        if await session.get(FirmAdmin, (firm.id, user_id)) is not None:
            raise AlreadyMember
        session.add(FirmAdmin(firm_id=firm.id, user_id=user_id, created_at=now))
        details = {"firm_id": str(firm.id), "role": Role.FIRM_ADMIN.value}
        await access_log.note(session, AccessEvent.JOINED, origin=origin, user_id=user_id, details=details)

    async def list_firms(self, session: AsyncSession) -> list[Firm]:
        """Every firm of this installation, oldest first."""
        return list(await session.scalars(select(Firm).order_by(Firm.created_at, Firm.id)))

    async def list_of_admin(self, session: AsyncSession, user_id: UUID) -> list[Firm]:
        """The firms whose admin this person is."""
        query = select(Firm).join(FirmAdmin, FirmAdmin.firm_id == Firm.id).where(FirmAdmin.user_id == user_id)
        return list(await session.scalars(query.order_by(Firm.name, Firm.id)))

    async def firm_of_admin(self, session: AsyncSession, user_id: UUID, *, firm_id: UUID | None) -> Firm:
        """The firm that an admin means: the named one, or their only one.

        Raises:
            NotFirmAdmin: they are no firm's admin.
            FirmNotFound: not of the named one.
            FirmNotNamed: of several.
        """
        firms = await self.list_of_admin(session, user_id)
        if not firms:
            raise NotFirmAdmin
        meant = [firm for firm in firms if firm_id in {None, firm.id}]
        if not meant:
            raise FirmNotFound
        if len(meant) > 1:
            raise FirmNotNamed
        return meant[0]

    async def create_business(
        self,
        session: AsyncSession,
        name: str,
        *,
        firm_id: UUID | None,
        home_currency: str,
        time_zone: str,
        origin: Origin,
        now: datetime,
    ) -> Business:
        """A new business, its line in the log with it."""
        business = await self._businesses.create_business(
            session, name, now=now, home_currency=home_currency, time_zone=time_zone, firm_id=firm_id
        )
        details = {"name": name, "firm_id": None if firm_id is None else str(firm_id)}
        await access_log.note(
            session, AccessEvent.BUSINESS_CREATED, origin=origin, business_id=business.id, details=details
        )
        return business
