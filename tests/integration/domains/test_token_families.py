"""A token that is ended while it makes another, or while one that it made does: what was made is ended too."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domains.core.api_tokens import ApiTokens
from domains.core.business_service import BusinessService
from domains.core.errors import TokenUnknown
from domains.core.people import ApiToken
from domains.core.permissions import Permission
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory

NOW = datetime(2026, 3, 15, 19, 0, tzinfo=UTC)
TOKENS = ApiTokens()


async def issue(uow: UnitOfWork, business_id: UUID, *, made_by: UUID | None = None) -> UUID:
    if made_by is not None:
        await TOKENS.get_maker(uow.session, made_by)
    token, _ = await TOKENS.issue(
        uow.session, [business_id], name="t", permissions=[Permission.BOOKS_READ], user_id=None, expires_at=None, now=NOW,
        made_by=made_by,
    )  # fmt: skip
    return token.id


async def revoke(access_uow: UnitOfWorkFactory, business_id: UUID, token_id: UUID) -> list[UUID]:
    async with access_uow([]) as uow:
        return [one.id for one in await TOKENS.revoke(uow.session, business_id, token_id=token_id, now=NOW)]


@pytest.mark.parametrize("generations", [1, 2])
async def test_what_is_being_made_meanwhile_ends_too(access_uow: UnitOfWorkFactory, generations: int) -> None:
    async with access_uow([]) as uow:
        business = await BusinessService().create_business(uow.session, "Tokens", now=NOW)
        line = [await issue(uow, business.id)]
    for _ in range(generations - 1):
        async with access_uow([]) as uow:
            line.append(await issue(uow, business.id, made_by=line[-1]))
    async with access_uow([]) as uow:
        late = await issue(uow, business.id, made_by=line[-1])
        ending = asyncio.create_task(revoke(access_uow, business.id, line[0]))
        await asyncio.sleep(0.2)
        assert not ending.done(), "it waits for the maker"
    assert set(await ending) == {*line, late}
    async with access_uow([]) as uow:
        with pytest.raises(TokenUnknown):
            await issue(uow, business.id, made_by=late)
    async with access_uow([]) as uow:
        assert (await uow.session.get_one(ApiToken, late)).revoked_at == NOW
    assert await revoke(access_uow, business.id, line[0]) == []
