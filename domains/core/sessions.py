"""Signed-in browsers. The plaintext of a session is in its cookie alone. Sessions of the database are of the role oodaloo_access."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.access_log import Origin
from domains.core.access_service import SESSION_IDLE
from domains.core.people import UserSession
from domains.core.secrets import hash_of, new_secret
from infra.ids import new_id

SESSION_ABSOLUTE = timedelta(hours=12)
PENDING_FOR = timedelta(minutes=10)  # between the password and the second factor
PREFIX = "oo_s_"
_LONGEST_AGENT = 300


class Sessions:
    async def begin(
        self, session: AsyncSession, user_id: UUID, *, is_complete: bool, origin: Origin, user_agent: str, now: datetime
    ) -> str:
        """A new session and its plaintext. A pending one (not `is_complete`) opens nothing but the second factor's step."""
        plaintext = new_secret(PREFIX)
        session.add(
            UserSession(
                id=new_id(),
                user_id=user_id,
                token_hash=hash_of(plaintext),
                is_complete=is_complete,
                created_at=now,
                last_seen_at=now,
                factor_at=now,
                expires_at=now + (SESSION_ABSOLUTE if is_complete else PENDING_FOR),
                address=origin.address,
                user_agent=user_agent[:_LONGEST_AGENT],
            )
        )
        return plaintext

    async def renew(
        self, session: AsyncSession, session_id: UUID, *, now: datetime, factor_at: datetime | None = None
    ) -> str:
        """Give a living session a new id, since what it may do has changed; it does not live longer for it."""
        plaintext = new_secret(PREFIX)
        held = await session.get_one(UserSession, session_id)
        held.token_hash, held.last_seen_at = hash_of(plaintext), now
        held.factor_at = factor_at or held.factor_at
        return plaintext

    async def list_living(self, session: AsyncSession, user_id: UUID, *, now: datetime) -> list[UserSession]:
        """The newest first."""
        query = select(UserSession).where(*_living(user_id, now=now), UserSession.is_complete)
        return list(await session.scalars(query.order_by(UserSession.last_seen_at.desc(), UserSession.id)))

    async def end(self, session: AsyncSession, user_id: UUID, *, session_id: UUID, now: datetime) -> bool:
        """End one session of this person; False when there is no such living one."""
        return await _end(session, UserSession.user_id == user_id, UserSession.id == session_id, now=now) == 1

    async def end_shown(self, session: AsyncSession, plaintext: str, *, now: datetime) -> None:
        """End the session that a browser shows, pending or not, if it lives."""
        await _end(session, UserSession.token_hash == hash_of(plaintext), now=now)

    async def end_all(
        self, session: AsyncSession, user_id: UUID, *, now: datetime, except_id: UUID | None = None
    ) -> int:
        """End every session of this person (but one, if it is named), pending ones too; how many."""
        others = [] if except_id is None else [UserSession.id != except_id]
        return await _end(session, UserSession.user_id == user_id, *others, now=now)


def _living(user_id: UUID, *, now: datetime) -> tuple[Any, ...]:
    return (
        UserSession.user_id == user_id,
        UserSession.ended_at.is_(None),
        UserSession.expires_at > now,
        UserSession.last_seen_at > now - SESSION_IDLE,
    )


async def _end(session: AsyncSession, *which: Any, now: datetime) -> int:
    ended = await session.execute(
        update(UserSession)
        .where(UserSession.ended_at.is_(None), *which)
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", ended).rowcount
