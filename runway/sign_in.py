"""The development sign-in: one token for one business, made on the machine itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.api_tokens import ApiTokens
from domains.core.business_service import BusinessService
from domains.core.permissions import Permission
from infra.clock import SystemClock
from infra.config import ServerSettings, load
from infra.db.engine import create_engine
from infra.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from infra.embedded.servers import servers
from infra.errors import InvalidInput
from runway.schema import bring_to_head

CLI = Origin(actor="cli", address="local", request_id="cli")


class NameMissing(InvalidInput):
    def __init__(self) -> None:
        super().__init__("The business needs a name; this one is blank.")


@dataclass(frozen=True)
class IssuedToken:
    business_id: UUID
    token: str
    expires_at: datetime


async def issue_token_here(business_name: str, *, name: str, lifetime: timedelta) -> IssuedToken:
    """`issue_token` on the database that the environment names, or the bundled one."""
    settings = load(ServerSettings)
    with servers(settings) as addresses:
        bring_to_head(settings, addresses)
        engine = create_engine(addresses.database_access_url, pool_size=1)
        try:
            return await issue_token(unit_of_work_factory(engine), business_name, name=name, lifetime=lifetime)
        finally:
            await engine.dispose()


async def issue_token(
    uow_factory: UnitOfWorkFactory, business_name: str, *, name: str, lifetime: timedelta
) -> IssuedToken:
    """Make a token for the (oldest) business of that name or id, and the business where there is none.

    Raises:
        NameMissing: the name is blank.
    """
    business_name = business_name.strip()
    if not business_name:
        raise NameMissing
    now = SystemClock().now()
    businesses, tokens = BusinessService(), ApiTokens()
    async with uow_factory([]) as uow:
        known = await businesses.list_called(uow.session, business_name)
        business = known[0] if known else await businesses.create_business(uow.session, business_name, now=now)
        expires_at = now + lifetime
        token, plaintext = await tokens.issue(
            uow.session,
            [business.id],
            name=name,
            permissions=frozenset(Permission),
            user_id=None,
            expires_at=expires_at,
            now=now,
        )
        await access_log.note(
            uow.session,
            AccessEvent.TOKEN_CREATED,
            origin=CLI,
            business_id=business.id,
            details={"token_id": str(token.id), "name": token.name, "permissions": token.permissions},
        )
    return IssuedToken(business.id, plaintext, expires_at)
