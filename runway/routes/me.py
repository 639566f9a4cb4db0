from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from domains.core.access_service import Entry, Person
from domains.core.permissions import Permission, Role
from runway.routes.access import AllServices
from runway.routes.documentation import documented
from runway.routes.doors import Recognised
from runway.routes.request_proofs import csrf_token, session_token

router = APIRouter(prefix="/api/v1/me", tags=["people"])


class MyBusiness(BaseModel):
    id: UUID = Field(description="Send it as `X-Business-ID`.")
    name: str
    role: Role | None = Field(description="Yours there; null for a service's token.")
    permissions: list[Permission]
    withheld: list[Permission] = Field(description="What your role has, and you only with a second factor.")


class Me(BaseModel):
    kind: Literal["person", "token"]
    id: UUID = Field(description="Of the user, or of the token.")
    user_id: UUID | None = Field(description="Null for a service's token.")
    email: str | None = Field(description="Null for a token.")
    name: str | None = Field(description="Null for a token.")
    proved_at: datetime | None = Field(description="When you last showed who you are; null for a token.")
    csrf_token: str | None = Field(
        description="Send it as `X-CSRF-Token` with every unsafe request of this session; null for a token."
    )
    businesses: list[MyBusiness]


class MeAnswer(BaseModel):
    data: Me


_EXAMPLE = {
    "kind": "person",
    "id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "email": "ada@example.com",
    "name": "Ada Park",
    "proved_at": "2026-03-15T18:55:00Z",
    "csrf_token": "5d41402abc4b2a76b9719d911017c592…",
    "businesses": [
        {
            "id": "0198c7d2-2222-7c1e-9f0e-3b1f0a5d2c11",
            "name": "Corner Bakery",
            "role": "approver",
            "permissions": ["books.read", "books.sync"],
            "withheld": ["bills.approve", "payments.execute"],
        }
    ],
}


@router.get("", summary="Who you are, and what you may do where", responses=documented({"data": _EXAMPLE}))
async def get_me(request: Request, guest: Recognised, services: AllServices) -> MeAnswer:
    """Of a person who is signed in, or of a token. It takes no `X-Business-ID`."""
    who = guest.principal
    async with services.access_uow([]) as uow:
        businesses = [_show(entry) for entry in await services.access.list_entries(uow.session, who)]
    if not isinstance(who, Person):
        me = Me(
            kind="token",
            id=who.token_id,
            user_id=who.user_id,
            email=None,
            name=None,
            proved_at=None,
            csrf_token=None,
            businesses=businesses,
        )
        return MeAnswer(data=me)
    session = session_token(request)
    me = Me(
        kind="person",
        id=who.user_id,
        user_id=who.user_id,
        email=who.email,
        name=who.name,
        proved_at=who.factor_at,
        csrf_token=None if session is None else csrf_token(session),
        businesses=businesses,
    )
    return MeAnswer(data=me)


def _show(entry: Entry) -> MyBusiness:
    return MyBusiness(
        id=entry.business.id,
        name=entry.business.name,
        role=entry.role,
        permissions=sorted(entry.permissions),
        withheld=sorted(entry.withheld),
    )
