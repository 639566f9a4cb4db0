from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from domains.core.permissions import Permission
from domains.core.token_service import HeldToken, TokenService
from runway.routes.access import AllServices, ManagesTokens
from runway.routes.asked import Strict
from runway.routes.documentation import documented, documented_without_answer

router = APIRouter(prefix="/api/v1/tokens", tags=["people"])

MOST_DAYS = 365
_DAYS = 90


class TokenUser(BaseModel):
    id: UUID
    name: str
    email: str


class TokenOut(BaseModel):
    id: UUID
    name: str
    user: TokenUser | None = Field(description="The person it acts for; null for a service's.")
    permissions: list[Permission] = Field(
        description="At the most: a person's token never does more than the person may."
    )
    businesses: list[UUID] = Field(description="Those that it opens and you may enter.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Right to the minute.")

    @classmethod
    def of(cls, held: HeldToken) -> "TokenOut":
        token, user = held.token, held.user
        return cls(
            id=token.id,
            name=token.name,
            user=None if user is None else TokenUser(id=user.id, name=user.name, email=user.email),
            permissions=[Permission(permission) for permission in token.permissions],
            businesses=list(held.business_ids),
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
            last_used_at=token.last_used_at,
        )


class TokensAnswer(BaseModel):
    data: list[TokenOut]


class MadeToken(TokenOut):
    token: str = Field(description="The token itself. It is shown this once.", examples=["oo_…"])


class MadeTokenAnswer(BaseModel):
    data: MadeToken


class NewToken(Strict):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="What it is for.", examples=["nightly report"]
    )
    permissions: list[Permission] = Field(min_length=1, max_length=len(Permission), description="Of your own.")
    businesses: list[UUID] | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Where you may manage tokens; left out: this one alone.",
    )
    expires_in_days: int = Field(
        default=_DAYS, ge=1, le=MOST_DAYS, description="One that a token makes ends no later than that token."
    )


_EXAMPLE = {
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "name": "nightly report",
    "user": {"id": "0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11", "name": "Ada Park", "email": "ada@example.com"},
    "permissions": ["books.read"],
    "businesses": ["0198c7d2-2222-7c1e-9f0e-3b1f0a5d2c11"],
    "created_at": "2026-03-15T18:55:00Z",
    "expires_at": "2026-06-13T18:55:00Z",
    "revoked_at": None,
    "last_used_at": None,
}


@router.get("", summary="The tokens that open the business", responses=documented({"data": [_EXAMPLE]}))
async def list_tokens(caller: ManagesTokens, services: AllServices) -> TokensAnswer:
    """Everybody's, the newest first, ended ones too. The tokens themselves are kept nowhere."""
    async with services.access_uow([]) as uow:
        held = await TokenService(services.access).list_of_business(uow.session, caller.entry)
    return TokensAnswer(data=[TokenOut.of(one) for one in held])


@router.post(
    "",
    summary="Make a token",
    status_code=HTTPStatus.CREATED,
    responses=documented({"data": {**_EXAMPLE, "token": "oo_…"}}, status=HTTPStatus.CREATED),
)
async def create_token(
    caller: ManagesTokens, services: AllServices, wanted: NewToken, response: Response
) -> MadeTokenAnswer:
    """It acts for you, with these of your permissions in these of your businesses; what you lose, it loses. A service's token
    makes tokens of that service, with no more than it has.
    """
    async with services.access_uow([]) as uow:
        held, plaintext = await TokenService(services.access).issue(
            uow.session,
            caller.entry,
            business_ids=wanted.businesses or [caller.business.id],
            name=wanted.name,
            permissions=frozenset(wanted.permissions),
            lifetime=timedelta(days=wanted.expires_in_days),
            origin=caller.origin,
            now=services.clock.now(),
        )
    response.headers["Cache-Control"] = "no-store"
    return MadeTokenAnswer(data=MadeToken(**dict(TokenOut.of(held)), token=plaintext))


@router.delete(
    "/{token_id}",
    summary="End a token",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=documented_without_answer("It opens nothing any more."),
)
async def revoke_token(caller: ManagesTokens, services: AllServices, token_id: UUID) -> None:
    """At once, with all that it made, and in every business that they open. One that has ended already stays so."""
    async with services.access_uow([]) as uow:
        await TokenService(services.access).revoke(
            uow.session, caller.business.id, token_id=token_id, origin=caller.origin, now=services.clock.now()
        )
