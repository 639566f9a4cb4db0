"""The steps of signing in, each in the caller's transaction. The password is checked between two of them: that takes time.

`runway/orchestrators/signing_in.py` puts them in order, with the limit on guesses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import Person
from domains.core.people import User, UserSession
from domains.core.people_service import PeopleService
from domains.core.second_factor import SecondFactors
from domains.core.secrets import hash_of
from domains.core.sessions import Sessions
from domains.core.sign_in_errors import CodeRefused, SignInRefused

_KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Account:
    """What is to be proved. `is_known_here`: somebody signed in to it from this address in the last 90 days."""

    user_id: UUID
    password_hash: str | None
    is_known_here: bool


@dataclass(frozen=True)
class SignedIn:
    """`session` is what the cookie holds. A pending one still needs the second factor."""

    session: SecretStr
    user_id: UUID
    is_pending: bool


class SignInService:
    def __init__(self, *, sessions: Sessions, factors: SecondFactors, people: PeopleService) -> None:
        self._sessions = sessions
        self._factors = factors
        self._people = people

    async def find_account(self, session: AsyncSession, email: str, *, address: str, now: datetime) -> Account | None:
        """The account of that address, unless it is disabled."""
        was_here = exists().where(
            UserSession.user_id == User.id,
            UserSession.address == address,
            UserSession.is_complete,
            UserSession.created_at > now - _KNOWN_FOR,
        )
        query = select(User.id, User.password_hash, was_here).where(
            User.email == email.strip().casefold(), User.disabled_at.is_(None)
        )
        row = (await session.execute(query)).one_or_none()
        return None if row is None else Account(*row)

    async def admit(
        self,
        session: AsyncSession,
        account: Account,
        *,
        origin: Origin,
        user_agent: str,
        shown: str | None,
        now: datetime,
    ) -> SignedIn:
        """Begin a session for who has shown the right password; pending, if there is a second factor.

        `shown` is the session that the browser has: it ends, so that nobody rides on one they placed there.

        Raises:
            SignInRefused: meanwhile the password was changed or the account disabled.
        """
        user = await session.get_one(User, account.user_id, with_for_update=True)
        if user.password_hash != account.password_hash or user.disabled_at is not None:
            raise SignInRefused
        if shown is not None:
            await self._sessions.end_shown(session, shown, now=now)
        is_pending = user.totp_confirmed_at is not None
        if not is_pending:
            await self._note_in(session, user, origin=origin, factor=None)
        plaintext = await self._sessions.begin(
            session, user.id, is_complete=not is_pending, origin=origin, user_agent=user_agent, now=now
        )
        return SignedIn(SecretStr(plaintext), user.id, is_pending)

    async def note_refusal(
        self,
        session: AsyncSession,
        account: Account | None,
        *,
        origin: Origin,
        event: AccessEvent = AccessEvent.SIGN_IN_REFUSED,
    ) -> None:
        """What was typed is not kept: it may be a password in the wrong field."""
        user_id = None if account is None else account.user_id
        await access_log.note(session, event, origin=origin, user_id=user_id, details={"is_user": user_id is not None})

    async def find_pending(self, session: AsyncSession, plaintext: str, *, now: datetime) -> User | None:
        """Who has shown their password in this browser and not yet the second factor."""
        query = (
            select(User)
            .join(UserSession, UserSession.user_id == User.id)
            .where(
                UserSession.token_hash == hash_of(plaintext),
                ~UserSession.is_complete,
                UserSession.ended_at.is_(None),
                UserSession.expires_at > now,
                User.disabled_at.is_(None),
            )
        )
        return (await session.scalars(query)).one_or_none()

    async def admit_with_code(
        self,
        session: AsyncSession,
        plaintext: str,
        *,
        code: SecretStr,
        origin: Origin,
        user_agent: str,
        now: datetime,
    ) -> SignedIn:
        """Begin the session that the pending one leads to, under a new id.

        Raises:
            SignInRefused: there is no pending session.
            CodeRefused: the code is wrong or used.
        """
        user = await self.find_pending(session, plaintext, now=now)
        if user is None:
            raise SignInRefused
        by = origin_of_user(origin, user.id)
        proof = await self._factors.use(session, user, code=code, origin=by, now=now)
        if proof is None:
            raise CodeRefused
        await self._sessions.end_shown(session, plaintext, now=now)
        begun = await self._sessions.begin(
            session, user.id, is_complete=True, origin=origin, user_agent=user_agent, now=now
        )
        await self._note_in(session, user, origin=origin, factor=proof)
        return SignedIn(SecretStr(begun), user.id, is_pending=False)

    async def prove_again(
        self, session: AsyncSession, person: Person, *, code: SecretStr | None, origin: Origin, now: datetime
    ) -> SecretStr:
        """The person has shown their password once more: their session gets a new id, and is freshly proved.

        Raises:
            CodeRefused: there is a second factor, and the code is wrong, used or missing.
        """
        user = await self._people.get(session, person.user_id)
        if user.totp_confirmed_at is not None:
            proof = None if code is None else await self._factors.use(session, user, code=code, origin=origin, now=now)
            if proof is None:
                raise CodeRefused
        await access_log.note(session, AccessEvent.PROVED_AGAIN, origin=origin, user_id=user.id)
        return SecretStr(await self._sessions.renew(session, person.session_id, now=now, factor_at=now))

    async def sign_out(self, session: AsyncSession, person: Person, *, origin: Origin, now: datetime) -> None:
        if await self._sessions.end(session, person.user_id, session_id=person.session_id, now=now):
            await access_log.note(session, AccessEvent.SIGNED_OUT, origin=origin, user_id=person.user_id)

    async def end_session(
        self, session: AsyncSession, person: Person, *, session_id: UUID, origin: Origin, now: datetime
    ) -> bool:
        """End one of the person's own sessions; False when there is no such living one."""
        is_ended = await self._sessions.end(session, person.user_id, session_id=session_id, now=now)
        if is_ended:
            details = {"session_id": str(session_id)}
            await access_log.note(
                session, AccessEvent.SIGNED_OUT, origin=origin, user_id=person.user_id, details=details
            )
        return is_ended

    async def sign_out_everywhere(self, session: AsyncSession, user_id: UUID, *, origin: Origin, now: datetime) -> int:
        """End every session of a person, this one too; how many."""
        ended = await self._sessions.end_all(session, user_id, now=now)
        await access_log.note(
            session,
            AccessEvent.SIGNED_OUT_EVERYWHERE,
            origin=origin,
            user_id=user_id,
            details={"sessions_ended": ended},
        )
        return ended

    async def start_afresh(
        self, session: AsyncSession, user_id: UUID, *, origin: Origin, user_agent: str, now: datetime
    ) -> SecretStr:
        """After a change of password or second factor: every session ends, and this browser gets a new one."""
        await self._sessions.end_all(session, user_id, now=now)
        begun = await self._sessions.begin(
            session, user_id, is_complete=True, origin=origin, user_agent=user_agent, now=now
        )
        return SecretStr(begun)

    async def _note_in(self, session: AsyncSession, user: User, *, origin: Origin, factor: str | None) -> None:
        await access_log.note(
            session,
            AccessEvent.SIGNED_IN,
            origin=origin_of_user(origin, user.id),
            user_id=user.id,
            details={"second_factor": factor},
        )


def origin_of_user(origin: Origin, user_id: UUID) -> Origin:
    """The same request, once it is known whose it is."""
    return Origin(actor=f"user:{user_id}", address=origin.address, request_id=origin.request_id)
