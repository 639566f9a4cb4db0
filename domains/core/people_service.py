"""Users: who they are and what their password is. Each change and its line in the access log are one transaction."""

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.passwords import HashedPassword
from domains.core.people import PasswordReset, User
from domains.core.sessions import Sessions
from domains.core.sign_in_errors import EmailMalformed, EmailTaken, NameEmpty, UserNotFound
from infra.ids import new_id

_EMAIL = re.compile(r"[^@\s\x00-\x1f<>\"',;:\\()\[\]]{1,64}@[^@\s\x00-\x1f<>\"',;:\\()\[\]]{1,190}")
_LONGEST_NAME = 200


def read_email(text: str) -> str:
    """The address as we keep it: trimmed and folded.

    Raises:
        EmailMalformed: it is none.
    """
    email = text.strip().casefold()
    if not _EMAIL.fullmatch(email):
        raise EmailMalformed
    return email


def read_name(text: str) -> str:
    """The name as we keep it: one line.

    Raises:
        NameEmpty: nothing is left of it.
    """
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_LONGEST_NAME]
    if not name:
        raise NameEmpty
    return name


class PeopleService:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def create(
        self,
        session: AsyncSession,
        *,
        email: str,
        name: str,
        password: HashedPassword | None,
        origin: Origin,
        now: datetime,
    ) -> User:
        """A new user. Without a password nobody signs in as them until a reset or an invitation sets one.

        Raises:
            EmailMalformed, NameEmpty, EmailTaken.
        """
        user = User(
            id=new_id(),
            email=read_email(email),
            name=read_name(name),
            password_hash=password,
            password_changed_at=None if password is None else now,
            created_at=now,
        )
        try:
            async with session.begin_nested():
                session.add(user)
        except IntegrityError:
            raise EmailTaken from None
        await access_log.note(
            session, AccessEvent.USER_CREATED, origin=origin, user_id=user.id, details={"email": user.email}
        )
        return user

    async def find(self, session: AsyncSession, email: str) -> User | None:
        """The user of that address, disabled or not."""
        return (await session.scalars(select(User).where(User.email == email.strip().casefold()))).one_or_none()

    async def get(self, session: AsyncSession, user_id: UUID) -> User:
        """The user of that id.

        Raises:
            UserNotFound: there is none.
        """
        user = await session.get(User, user_id)
        if user is None:
            raise UserNotFound
        return user

    async def disable(self, session: AsyncSession, user_id: UUID, *, origin: Origin, now: datetime) -> None:
        """From now on nobody signs in as them; their sessions end, and no token of theirs works.

        Raises:
            UserNotFound: there is none.
        """
        user = await self.get(session, user_id)
        if user.disabled_at is not None:
            return
        user.disabled_at = now
        await self._sessions.end_all(session, user_id, now=now)
        await access_log.note(session, AccessEvent.USER_DISABLED, origin=origin, user_id=user_id)

    async def enable(self, session: AsyncSession, user_id: UUID, *, origin: Origin) -> None:
        """Undo `disable`; what it ended stays ended.

        Raises:
            UserNotFound: there is none.
        """
        user = await self.get(session, user_id)
        if user.disabled_at is None:
            return
        user.disabled_at = None
        await access_log.note(session, AccessEvent.USER_ENABLED, origin=origin, user_id=user_id)

    async def set_password(
        self, session: AsyncSession, user: User, *, password: HashedPassword, origin: Origin, now: datetime
    ) -> None:
        """Ends every session of theirs, the asking one too, and every reset that was under way."""
        user.password_hash, user.password_changed_at = password, now
        ended = await self._sessions.end_all(session, user.id, now=now)
        await session.execute(
            update(PasswordReset)
            .where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        await access_log.note(
            session,
            AccessEvent.PASSWORD_CHANGED,
            origin=origin,
            user_id=user.id,
            details={"sessions_ended": ended},
        )
