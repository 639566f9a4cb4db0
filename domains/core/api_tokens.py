from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.errors import TokenNameEmpty, TokenNotFound, TokenOpensNothing, TokenUnknown
from domains.core.people import ApiToken, ApiTokenBusiness
from domains.core.permissions import Permission
from domains.core.secrets import hash_of, new_secret
from infra.ids import new_id

PREFIX = "oo_"


class ApiTokens:
    """Keys to businesses. The plaintext exists once, in `issue`'s answer. Sessions are of the role oodaloo_access."""

    async def issue(
        self,
        session: AsyncSession,
        business_ids: Sequence[UUID],
        *,
        name: str,
        permissions: Collection[Permission],
        user_id: UUID | None,
        expires_at: datetime | None,
        now: datetime,
        made_by: UUID | None = None,
    ) -> tuple[ApiToken, str]:
        """Make a token and return it with its plaintext. `user_id` is the person it acts for; without, it is a service's.
        `made_by` is the token that asks for it.

        Raises:
            TokenNameEmpty: a token must say what it is for.
            TokenOpensNothing: no business, or no permission.
        """
        if not name.strip():
            raise TokenNameEmpty
        if not business_ids or not permissions:
            raise TokenOpensNothing
        plaintext = new_secret(PREFIX)
        token = ApiToken(
            id=new_id(),
            user_id=user_id,
            name=name.strip(),
            token_hash=hash_of(plaintext),
            permissions=sorted(permission.value for permission in permissions),
            created_at=now,
            expires_at=expires_at,
            made_by=made_by,
        )
        session.add(token)
        await session.flush()  # its businesses point at it
        session.add_all(ApiTokenBusiness(business_id=business_id, token_id=token.id) for business_id in business_ids)
        return token, plaintext

    async def list_of_business(self, session: AsyncSession, business_id: UUID) -> list[ApiToken]:
        """Every token that opens the business, the newest first; ended ones too."""
        opening = select(ApiTokenBusiness.token_id).where(ApiTokenBusiness.business_id == business_id)
        query = select(ApiToken).where(ApiToken.id.in_(opening)).order_by(ApiToken.created_at.desc(), ApiToken.id)
        return list(await session.scalars(query))

    async def get_maker(self, session: AsyncSession, token_id: UUID) -> ApiToken:
        """A token that is about to make another. Whoever ends it meanwhile waits, and ends both.

        Raises:
            TokenUnknown: it was ended since it was let in.
        """
        maker = await session.get_one(ApiToken, token_id, with_for_update={"read": True}, populate_existing=True)
        if maker.revoked_at is not None:
            raise TokenUnknown
        return maker

    async def revoke(
        self, session: AsyncSession, business_id: UUID, *, token_id: UUID, now: datetime
    ) -> list[ApiToken]:
        """End a token that opens this business, and all that it made, at once and everywhere; those that ended now.

        Raises:
            TokenNotFound: no token of that id opens the business.
        """
        opens = select(ApiTokenBusiness).where(
            ApiTokenBusiness.business_id == business_id, ApiTokenBusiness.token_id == token_id
        )
        if (await session.scalars(opens)).first() is None:
            raise TokenNotFound(token_id)
        family = select(ApiToken.id).where(ApiToken.id == token_id).cte(recursive=True)
        family = family.union_all(select(ApiToken.id).where(ApiToken.made_by == family.c.id))
        end = (
            update(ApiToken)
            .where(ApiToken.id.in_(select(family.c.id)), ApiToken.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(ApiToken.id)
            .execution_options(synchronize_session=False)
        )
        ended: list[UUID] = []
        # Again until nothing is left: one of them may have been making another while we waited for it.
        while found := list(await session.scalars(end)):
            ended += found
        query = select(ApiToken).where(ApiToken.id.in_(ended)).order_by(ApiToken.created_at, ApiToken.id)
        return list(await session.scalars(query.execution_options(populate_existing=True)))
