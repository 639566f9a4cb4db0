"""Who calls, which business, and what they may do there: one query a request. Sessions are of the role oodaloo_access."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.access_queries import (
    ANY_BY_SESSION,
    BY_NAME,
    LIVING_SESSION,
    LIVING_TOKEN,
    NAMED_BY_SESSION,
    OPENED_BY_TOKEN,
    Opened,
    SessionHolder,
    is_living,
    of_person,
    of_tokens,
    opened,
)
from domains.core.errors import BusinessNotNamed, BusinessOutOfReach, SessionUnknown, TokenUnknown
from domains.core.models import Business
from domains.core.people import ApiToken, ApiTokenUse, FirmAdmin, UserSession
from domains.core.permissions import MAY, WITH_SECOND_FACTOR, Permission, Role
from domains.core.secrets import hash_of
from infra.db.reads import Reads

SESSION_IDLE = timedelta(minutes=30)
PROOF_FOR = timedelta(minutes=5)
SESSION_SEEN_EVERY = timedelta(minutes=1)
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Person:
    """A browser that is signed in. `factor_at`: when they last showed who they are.

    `lacks_second_factor`: they have none where one is asked for, so that they do without what is in WITH_SECOND_FACTOR.
    """

    user_id: UUID
    session_id: UUID
    email: str
    name: str
    factor_at: datetime
    last_seen_at: datetime
    lacks_second_factor: bool

    @property
    def actor(self) -> str:
        return f"user:{self.user_id}"

    def is_noted_at(self, now: datetime) -> bool:
        """Whether `last_seen_at` is right to the minute."""
        return self.last_seen_at > now - SESSION_SEEN_EVERY

    def is_freshly_proved(self, now: datetime) -> bool:
        return self.factor_at > now - PROOF_FOR


@dataclass(frozen=True)
class TokenHolder:
    """A program with a token; `user_id` is the person it acts for, if it acts for one."""

    token_id: UUID
    user_id: UUID | None
    last_used_at: datetime | None

    @property
    def actor(self) -> str:
        return f"token:{self.token_id}"

    def is_noted_at(self, now: datetime) -> bool:
        """Whether `last_used_at` is right to the minute."""
        return self.last_used_at is not None and self.last_used_at > now - USE_NOTED_EVERY


@dataclass(frozen=True)
class Entry:
    """An open door: this principal, in this business, with these permissions.

    `role` is the person's, None for a service's token. `approval_limit` is in the business's home currency; None is no limit.
    A token of a person has the person's. `withheld` is what the role has and a missing second factor keeps back.
    """

    principal: Person | TokenHolder
    business: Business
    role: Role | None
    permissions: frozenset[Permission]
    approval_limit: Decimal | None
    withheld: frozenset[Permission] = frozenset()


class AccessService:
    """Recognises callers. What it finds is true at this moment only: nothing of it is kept."""

    def __init__(self, *, needs_second_factor: bool = True) -> None:
        self._needs_second_factor = needs_second_factor

    async def enter_with_token(self, reads: Reads, plaintext: str, *, business_id: UUID | None, now: datetime) -> Entry:
        """The business that a token opens; `business_id` chooses where it opens several. `reads` are of oodaloo_access.

        Raises:
            TokenUnknown: unknown, expired, revoked, or of a person who is disabled.
            BusinessOutOfReach: it does not open that business, or its person does not belong there any more.
            BusinessNotNamed: it opens several.
        """
        asked = {"token_hash": hash_of(plaintext), "now": now, "business_id": business_id}
        rows = await reads.one(OPENED_BY_TOKEN.with_(**asked))
        if not rows:
            living = await reads.one(LIVING_TOKEN.with_(token_hash=asked["token_hash"], now=now))
            raise BusinessOutOfReach if living else TokenUnknown
        return self._entry_of_token(_only(rows))

    async def enter_with_session(
        self, reads: Reads, plaintext: str, *, business_id: UUID | None, now: datetime
    ) -> Entry:
        """The business that a signed-in person asks for, or their only one. `reads` are of oodaloo_access.

        Raises:
            SessionUnknown: unknown, ended, expired, idle for too long, or without its second factor.
            BusinessOutOfReach: the person does not belong to that business, or to none.
            BusinessNotNamed: they belong to several.
        """
        asked = _asked_session(plaintext, now)
        if business_id is None:
            rows = await reads.one(ANY_BY_SESSION.with_(**asked))
        else:
            rows = await reads.one(NAMED_BY_SESSION.with_(**asked, business_id=business_id))
        if not rows:
            await self.find_person(reads, plaintext, now=now)
            raise BusinessOutOfReach
        holder, business, role, limit = _only(rows)
        return _entry_of_person(self._person(holder), business, role, limit)

    async def find_person(self, reads: Reads, plaintext: str, *, now: datetime) -> Person:
        """The person whose browser shows this session.

        Raises:
            SessionUnknown: as `enter_with_session`.
        """
        rows = await reads.one(LIVING_SESSION.with_(**_asked_session(plaintext, now)))
        if not rows:
            raise SessionUnknown
        return self._person(rows[0])

    async def note_seen(self, session: AsyncSession, person: Person, *, now: datetime) -> None:
        """Keep `last_seen_at` right to the minute: the session of somebody who is there does not go idle."""
        await session.execute(
            update(UserSession)
            .where(UserSession.id == person.session_id)
            .values(last_seen_at=func.greatest(UserSession.last_seen_at, now))
            .execution_options(synchronize_session=False)
        )

    async def find_holder(self, session: AsyncSession, plaintext: str, *, now: datetime) -> TokenHolder:
        """Whose token this is, whatever it opens.

        Raises:
            TokenUnknown: as `enter_with_token`.
        """
        token = await session.scalar(select(ApiToken).where(is_living(hash_of(plaintext), now=now)))
        if token is None:
            raise TokenUnknown
        return TokenHolder(token.id, token.user_id, token.last_used_at)

    async def list_entries(self, session: AsyncSession, principal: Person | TokenHolder) -> list[Entry]:
        """Every door that is open to this principal now, by the business's name."""
        if isinstance(principal, TokenHolder):
            query = of_tokens().where(ApiToken.id == principal.token_id)
            rows = await session.execute(query.order_by(*BY_NAME))
            return [self._entry_of_token(opened(*row)) for row in rows]
        query = of_person(principal.user_id).order_by(*BY_NAME)
        return [_entry_of_person(principal, *row) for row in await session.execute(query)]

    async def list_businesses(self, session: AsyncSession, user_id: UUID) -> list[tuple[Business, Role]]:
        """Every business a person belongs to, by name."""
        rows = await session.execute(of_person(user_id).order_by(*BY_NAME))
        return [(business, Role(role)) for business, role, _ in rows]

    async def must_set_up_second_factor(self, session: AsyncSession, person: Person) -> bool:
        """Whether a role of theirs may pay, and does not yet for want of a second factor."""
        if not person.lacks_second_factor:
            return False
        is_admin = select(FirmAdmin.user_id).where(FirmAdmin.user_id == person.user_id).limit(1)
        if await session.scalar(is_admin) is not None:
            return True
        return any(entry.withheld for entry in await self.list_entries(session, person))

    async def note_token_use(self, session: AsyncSession, holder: TokenHolder, *, address: str, now: datetime) -> bool:
        """Keep `last_used_at` right to the minute; true for the token's first use from this address today (UTC)."""
        if not holder.is_noted_at(now):
            await session.execute(
                update(ApiToken)
                .where(ApiToken.id == holder.token_id)
                .values(last_used_at=func.greatest(ApiToken.last_used_at, now))
                .execution_options(synchronize_session=False)
            )
        today: date = now.date()
        noted = await session.execute(
            insert(ApiTokenUse)
            .values(token_id=holder.token_id, used_on=today, address=address)
            .on_conflict_do_nothing()
            .returning(ApiTokenUse.token_id)
        )
        return noted.first() is not None

    def _person(self, holder: SessionHolder) -> Person:
        return Person(
            holder.user_id,
            holder.session_id,
            holder.email,
            holder.name,
            holder.factor_at,
            holder.last_seen_at,
            lacks_second_factor=self._needs_second_factor and not holder.has_factor,
        )

    def _entry_of_token(self, opened: Opened) -> Entry:
        holder = TokenHolder(opened.token_id, opened.user_id, opened.last_used_at)
        of_token = _permissions(tuple(opened.permissions))
        if opened.role is None or opened.user_id is None:
            return Entry(holder, opened.business, None, of_token, None)
        lacks_factor = self._needs_second_factor and not opened.has_factor
        role = Role(opened.role)
        may, withheld = _held_back(of_token & MAY[role], lacks_factor=lacks_factor)
        return Entry(holder, opened.business, role, may, opened.approval_limit, withheld)


def _asked_session(plaintext: str, now: datetime) -> dict[str, Any]:
    return {"token_hash": hash_of(plaintext), "now": now, "seen_since": now - SESSION_IDLE}


@lru_cache(maxsize=1024)
def _permissions(names: tuple[str, ...]) -> frozenset[Permission]:
    return frozenset(map(Permission, names))


def _entry_of_person(person: Person, business: Business, role: str, limit: Decimal | None) -> Entry:
    may, withheld = _held_back(MAY[Role(role)], lacks_factor=person.lacks_second_factor)
    return Entry(person, business, Role(role), may, limit, withheld)


def _held_back(
    permissions: frozenset[Permission], *, lacks_factor: bool
) -> tuple[frozenset[Permission], frozenset[Permission]]:
    """What is left, and what is withheld, of permissions that stand on a person."""
    withheld = permissions & WITH_SECOND_FACTOR if lacks_factor else frozenset()
    return permissions - withheld, withheld


def _only(rows: Sequence[Any]) -> Any:
    if len(rows) > 1:
        raise BusinessNotNamed
    return rows[0]
