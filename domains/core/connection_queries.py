"""Connections of several businesses at once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.models import Connection, ConnectionState
from infra.db.many import is_one_of


async def list_latest(session: AsyncSession, business_ids: Sequence[UUID]) -> list[Connection]:
    """The living one of each business and rail, else the last that was. A business that was never connected has none."""
    is_gone = case((Connection.state == ConnectionState.DISCONNECTED.value, 1), else_=0)
    query = (
        select(Connection)
        .where(is_one_of(Connection.business_id, business_ids))
        .order_by(is_gone, Connection.state_changed_at.desc())
    )
    latest: dict[tuple[UUID, str], Connection] = {}
    for connection in await session.scalars(query):
        latest.setdefault((connection.business_id, connection.rail), connection)
    return list(latest.values())
