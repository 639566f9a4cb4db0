"""Every SELECT over businesses, connections and connects under way."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.ledger import LEDGER
from domains.core.models import Business, CompanyPreferences, Connection, ConnectionState, OAuthState
from infra.config import Rail
from infra.db.reads import Statement, read_in


async def find_business(session: AsyncSession, business_id: UUID) -> Business | None:
    return await session.get(Business, business_id)


async def find_preferences(session: AsyncSession, business_id: UUID) -> CompanyPreferences | None:
    """The company's preferences in its ledger, None before they were first read."""
    preferences: CompanyPreferences | None = await session.scalar(
        select(CompanyPreferences)
        .where(CompanyPreferences.business_id == business_id, CompanyPreferences.rail == LEDGER.value)
        .where(CompanyPreferences.deleted_at.is_(None))
        .limit(1)
    )
    return preferences


_CLOSED_THROUGH = Statement(
    select(CompanyPreferences.book_close_on)
    .where(
        CompanyPreferences.business_id == bindparam("business_id", type_=Uuid), CompanyPreferences.rail == LEDGER.value
    )
    .where(CompanyPreferences.deleted_at.is_(None))
    .limit(1),
    lambda day: day,
)


async def find_closed_through(session: AsyncSession, business_id: UUID) -> date | None:
    """The day through which the books are closed; None while they are open, and before the preferences were first read."""
    (found,) = await read_in(session, _CLOSED_THROUGH.with_(business_id=business_id))
    return found[0] if found else None


async def list_businesses(session: AsyncSession, *, limit: int) -> list[Business]:
    return list(await session.scalars(select(Business).order_by(Business.created_at, Business.id).limit(limit)))


async def list_called(session: AsyncSession, name: str, *, business_id: UUID | None) -> list[Business]:
    is_called = Business.name == name
    condition = is_called if business_id is None else or_(is_called, Business.id == business_id)
    return list(await session.scalars(select(Business).where(condition).order_by(Business.created_at, Business.id)))


async def find_connection(
    session: AsyncSession, business_id: UUID, *, rail: Rail, is_to_change: bool = False
) -> Connection | None:
    """The business's connection; one that is to change is locked until the transaction ends."""
    query = (
        select(Connection)
        .where(Connection.business_id == business_id, Connection.rail == rail.value)
        .order_by(Connection.connected_at.desc())
        .limit(1)
    )
    connection: Connection | None = await session.scalar(query.with_for_update() if is_to_change else query)
    return connection


async def list_active_connections(session: AsyncSession, *, rail: Rail) -> list[Connection]:
    return list(
        await session.scalars(
            select(Connection)
            .where(Connection.rail == rail.value, Connection.state == ConnectionState.ACTIVE.value)
            .order_by(Connection.business_id)
        )
    )


async def find_active_connection(session: AsyncSession, external_account_id: str, *, rail: Rail) -> Connection | None:
    connection: Connection | None = await session.scalar(
        select(Connection).where(
            Connection.rail == rail.value,
            Connection.external_account_id == external_account_id,
            Connection.state == ConnectionState.ACTIVE.value,
        )
    )
    return connection


async def use_oauth_state(
    session: AsyncSession, state_hash: bytes, *, rail: Rail, now: datetime, session_hash: bytes | None
) -> tuple[UUID, str] | None:
    """Mark the state as used and return its business and redirect address; None unless it was waiting. One statement: used once.

    One that a browser's session began is waiting for that session alone.
    """
    row = (
        await session.execute(
            update(OAuthState)
            .where(
                OAuthState.state_hash == state_hash,
                OAuthState.rail == rail.value,
                OAuthState.used_at.is_(None),
                OAuthState.expires_at > now,
                or_(OAuthState.session_hash.is_(None), OAuthState.session_hash == session_hash),
            )
            .values(used_at=now)
            .returning(OAuthState.business_id, OAuthState.redirect_uri)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return (row.business_id, row.redirect_uri) if row else None
