"""Keys that callers make for themselves: never more than the maker has. Each change and its lines in the log are one transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.access_service import AccessService, Entry, TokenHolder
from domains.core.api_tokens import ApiTokens
from domains.core.errors import BusinessOutOfReach, MoreThanOwn
from domains.core.people import ApiToken, ApiTokenBusiness, User
from domains.core.permissions import Permission


@dataclass(frozen=True)
class HeldToken:
    """A token, the person it acts for (None: a service's), and those of its businesses that the reader may see."""

    token: ApiToken
    user: User | None
    business_ids: tuple[UUID, ...]


class TokenService:
    def __init__(self, access: AccessService) -> None:
        self._access = access
        self._tokens = ApiTokens()

    async def issue(
        self,
        session: AsyncSession,
        caller: Entry,
        *,
        business_ids: Collection[UUID],
        name: str,
        permissions: Collection[Permission],
        lifetime: timedelta,
        origin: Origin,
        now: datetime,
    ) -> tuple[HeldToken, str]:
        """Make a token that acts for the caller's person, or as the service that the caller is. It ends no later than its maker.

        Raises:
            BusinessOutOfReach: the caller cannot enter one of the businesses.
            MoreThanOwn: there is a permission that they lack in one of them, `tokens.manage` counted.
            TokenNameEmpty, TokenOpensNothing.
        """
        doors = {door.business.id: door for door in await self._access.list_entries(session, caller.principal)}
        ordered = sorted(set(business_ids))
        if not doors.keys() >= set(ordered):
            raise BusinessOutOfReach  # before anything is told of the others
        for business_id in ordered:
            if missing := {*permissions, Permission.TOKENS_MANAGE} - doors[business_id].permissions:
                raise MoreThanOwn(f"in the business {business_id} you lack {', '.join(sorted(missing))}")
        principal, expires_at = caller.principal, now + lifetime
        if isinstance(principal, TokenHolder):
            maker = await self._tokens.get_maker(session, principal.token_id)
            expires_at = min(expires_at, maker.expires_at or expires_at)
        token, plaintext = await self._tokens.issue(
            session,
            ordered,
            name=name,
            permissions=permissions,
            user_id=principal.user_id,
            expires_at=expires_at,
            now=now,
            made_by=principal.token_id if isinstance(principal, TokenHolder) else None,
        )
        await note_of_token(session, AccessEvent.TOKEN_CREATED, token, business_ids=ordered, origin=origin)
        user = None if token.user_id is None else await session.get_one(User, token.user_id)
        return HeldToken(token, user, tuple(ordered)), plaintext

    async def list_of_business(self, session: AsyncSession, caller: Entry) -> list[HeldToken]:
        """Every token that opens the caller's business, the newest first; ended ones too."""
        tokens = await self._tokens.list_of_business(session, caller.business.id)
        mine = {door.business.id for door in await self._access.list_entries(session, caller.principal)}
        opened = await _businesses_of(session, [token.id for token in tokens])
        owners = select(User).where(User.id.in_({token.user_id for token in tokens if token.user_id}))
        users = {user.id: user for user in await session.scalars(owners)}
        return [
            HeldToken(
                token,
                users[token.user_id] if token.user_id else None,
                tuple(business_id for business_id in opened[token.id] if business_id in mine),
            )
            for token in tokens
        ]

    async def revoke(
        self, session: AsyncSession, business_id: UUID, *, token_id: UUID, origin: Origin, now: datetime
    ) -> None:
        """End a token that opens this business, and those it made, at once and in all their businesses, each of which reads of it in
        its log.

        Raises:
            TokenNotFound: no token of that id opens the business.
        """
        ended = await self._tokens.revoke(session, business_id, token_id=token_id, now=now)
        opened = await _businesses_of(session, [token.id for token in ended])
        for token in ended:
            await note_of_token(session, AccessEvent.TOKEN_REVOKED, token, business_ids=opened[token.id], origin=origin)


async def note_of_token(
    session: AsyncSession, event: AccessEvent, token: ApiToken, *, business_ids: Iterable[UUID], origin: Origin
) -> None:
    """One line in each business that the token opens."""
    details = {
        "token_id": str(token.id),
        "name": token.name,
        "permissions": token.permissions,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        **({"made_by": str(token.made_by)} if token.made_by else {}),
    }
    for business_id in business_ids:
        await access_log.note(
            session, event, origin=origin, business_id=business_id, user_id=token.user_id, details=details
        )


async def _businesses_of(session: AsyncSession, token_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    opened: dict[UUID, list[UUID]] = {token_id: [] for token_id in token_ids}
    query = (
        select(ApiTokenBusiness).where(ApiTokenBusiness.token_id.in_(token_ids)).order_by(ApiTokenBusiness.business_id)
    )
    for row in await session.scalars(query):
        opened[row.token_id].append(row.business_id)
    return opened
