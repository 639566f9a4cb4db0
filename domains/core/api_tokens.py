from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import queries
from domains.core.errors import TokenNameEmpty
from domains.core.models import ApiToken
from domains.core.secrets import hash_of, new_secret
from infra.ids import new_id

PREFIX = "oo_"

# A use is noted at most this often, so that reads stay reads.
_USE_NOTED_EVERY = timedelta(hours=1)


class ApiTokens:
    """Keys to one business each. The plaintext exists once, in `issue`'s answer."""

    async def issue(
        self, session: AsyncSession, business_id: UUID, *, name: str, expires_at: datetime | None, now: datetime
    ) -> str:
        """Make a token and return its plaintext.

        Raises:
            TokenNameEmpty: a token must say what it is for.
        """
        if not name.strip():
            raise TokenNameEmpty
        plaintext = new_secret(PREFIX)
        session.add(
            ApiToken(
                business_id=business_id,
                id=new_id(),
                name=name.strip(),
                token_hash=hash_of(plaintext),
                created_at=now,
                expires_at=expires_at,
            )
        )
        return plaintext

    async def find_business_for_token(self, session: AsyncSession, plaintext: str, *, now: datetime) -> UUID | None:
        """The business a living token opens; None for a token that is unknown, expired or revoked."""
        if not plaintext.startswith(PREFIX):
            return None
        token = await queries.find_living_token(session, hash_of(plaintext), now=now)
        return token.business_id if token else None

    async def note_use(self, session: AsyncSession, plaintext: str, *, now: datetime) -> None:
        """Keep `last_used_at` right to the hour."""
        await session.execute(
            update(ApiToken)
            .where(
                ApiToken.token_hash == hash_of(plaintext),
                or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - _USE_NOTED_EVERY),
            )
            .values(last_used_at=now)
            .execution_options(synchronize_session=False)
        )

    async def revoke(self, session: AsyncSession, business_id: UUID, *, token_id: UUID, now: datetime) -> None:
        """End a token at once; one that is ended already keeps its first time."""
        await session.execute(
            update(ApiToken)
            .where(ApiToken.business_id == business_id, ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )
