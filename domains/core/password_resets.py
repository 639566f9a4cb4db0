"""A new password by a mailed link, which works once and for half an hour."""

from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.passwords import HashedPassword
from domains.core.people import PasswordReset, User
from domains.core.people_service import PeopleService
from domains.core.secrets import hash_of, new_secret
from domains.core.sign_in_errors import LinkGone

RESET_FOR = timedelta(minutes=30)
PREFIX = "oo_reset_"  # what begins with oo_ is cut out of every log line, a path's too


class PasswordResets:
    def __init__(self, people: PeopleService) -> None:
        self._people = people

    async def ask(
        self, session: AsyncSession, email: str, *, origin: Origin, now: datetime
    ) -> tuple[User, SecretStr] | None:
        """Who is to get a letter, and the link's secret; None when nobody is. An earlier link stops working."""
        user = await self._people.find(session, email)
        if user is None or user.disabled_at is not None:
            return None
        await session.execute(
            update(PasswordReset)
            .where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        secret = new_secret(PREFIX)
        session.add(
            PasswordReset(token_hash=hash_of(secret), user_id=user.id, created_at=now, expires_at=now + RESET_FOR)
        )
        await access_log.note(session, AccessEvent.PASSWORD_RESET_ASKED, origin=origin, user_id=user.id)
        return user, SecretStr(secret)

    async def find(self, session: AsyncSession, secret: str, *, now: datetime) -> User:
        """Whose password this link sets.

        Raises:
            LinkGone: unknown, used, too old, or of a person who is disabled.
        """
        query = (
            select(User)
            .join(PasswordReset, PasswordReset.user_id == User.id)
            .where(
                PasswordReset.token_hash == hash_of(secret),
                PasswordReset.used_at.is_(None),
                PasswordReset.expires_at > now,
                User.disabled_at.is_(None),
            )
        )
        user = (await session.scalars(query)).one_or_none()
        if user is None:
            raise LinkGone
        return user

    async def use(
        self, session: AsyncSession, secret: str, *, password: HashedPassword, origin: Origin, now: datetime
    ) -> User:
        """Set the password; every session of theirs ends. The second factor stays.

        Raises:
            LinkGone: as `find`; of two at once one gets through.
        """
        user = await self.find(session, secret, now=now)
        used = await session.execute(
            update(PasswordReset)
            .where(PasswordReset.token_hash == hash_of(secret), PasswordReset.used_at.is_(None))
            .values(used_at=now)
            .returning(PasswordReset.user_id)
            .execution_options(synchronize_session=False)
        )
        if used.first() is None:
            raise LinkGone
        await self._people.set_password(session, user, password=password, origin=origin, now=now)
        return user
