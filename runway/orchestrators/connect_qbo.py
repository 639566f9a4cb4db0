"""Connecting a business to its QuickBooks company: out to Intuit's consent page and back.

The `realmId` that comes back is whatever the browser was made to send, so the company is read with the new token before anything
is kept. The tokens of a connect that ends in any other way are revoked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr, ValidationError

from domains.core.connection_service import ConnectionService, PendingConnect
from domains.core.errors import AccountNotOpened
from infra.actions.waking import wake
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.logging import get_logger
from infra.qbo.answers import Payload
from infra.qbo.asked_jobs import BACKFILL
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOAccessRevoked, QBOAuthExpired, QBOError, QBOValidationFault, to_rail_error
from infra.qbo.oauth import IntuitOAuth, TokenGrant
from infra.qbo.wire import QBOCompanyInfo
from infra.sync.refresh_lease import end_pause

BACKFILL_JOB = BACKFILL

# Reads the CompanyInfo of a realm with an access token that is not kept yet. Raises QBOError.
CompanyProbe = Callable[[str, SecretStr], Awaitable[Payload]]

log = get_logger()


@dataclass(frozen=True)
class ConnectedCompany:
    """The business that is connected now, and its company in the ledger's own words, where it has them."""

    business_id: UUID
    realm_id: str
    name: str | None
    country: str | None


class ConnectQBO:
    """Both halves of the connect. No transaction is open during a call to Intuit."""

    def __init__(
        self,
        *,
        uow: UnitOfWorkFactory,
        access_uow: UnitOfWorkFactory,
        connections: ConnectionService,
        oauth: IntuitOAuth,
        auth: QBOAuth,
        probe: CompanyProbe,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._access_uow = access_uow
        self._connections = connections
        self._oauth = oauth
        self._auth = auth
        self._probe = probe
        self._clock = clock

    async def begin(self, business_id: UUID, *, redirect_uri: str, session_binding: bytes | None = None) -> str:
        """Where to send the user's browser; with `session_binding` only the same session can end what it begins.

        Raises:
            RailError: Intuit's discovery document cannot be read.
        """
        async with self._uow([business_id]) as uow:
            state = await self._connections.start_connect(
                uow.session,
                business_id,
                redirect_uri=redirect_uri,
                now=self._clock.now(),
                session_binding=session_binding,
            )
        try:
            return await self._oauth.authorize_url(state, redirect_uri=redirect_uri)
        except QBOError as error:
            raise to_rail_error(error) from error

    async def finish(
        self, state: str, *, code: SecretStr, realm_id: str, session_binding: bytes | None = None
    ) -> ConnectedCompany:
        """Trade the code, see that it opens the company, keep the tokens sealed and ask for the first backfill.

        Raises:
            UnknownConnectState: nothing was changed.
            ConnectRefused: the token does not open this company, or it is active under another business.
            OtherAccountConnected: the business keeps another company's books.
            RailError: Intuit did not take the code, or did not answer; begin again.
        """
        pending = await self._consume(state, session_binding)
        business_id = pending.business_id
        try:
            grant = await self._oauth.exchange(code, redirect_uri=pending.redirect_uri)
        except QBOError as error:
            raise to_rail_error(error) from error
        try:
            company = await self._opened_company(business_id, realm_id, grant=grant)
            await self._claim(business_id, realm_id, grant=grant)
        except Exception as error:
            log.warning(
                "qbo.connect.refused", business_id=str(business_id), realm_id=realm_id, reason=type(error).__name__
            )
            await self._revoke(grant)
            if isinstance(error, QBOError):
                raise to_rail_error(error) from error
            raise
        return company

    async def decline(self, state: str, *, session_binding: bytes | None = None) -> None:
        """The user said no at Intuit: the state is used up and nothing else happens."""
        await self._consume(state, session_binding)

    async def _consume(self, state: str, session_binding: bytes | None) -> PendingConnect:
        async with self._access_uow([]) as uow:
            return await self._connections.consume_state(
                uow.session, state, now=self._clock.now(), session_binding=session_binding
            )

    async def _opened_company(self, business_id: UUID, realm_id: str, *, grant: TokenGrant) -> ConnectedCompany:
        try:
            payload = await self._probe(realm_id, grant.access_token)
        except (QBOAuthExpired, QBOAccessRevoked, QBOValidationFault) as error:
            raise AccountNotOpened(self._connections.rail.value) from error
        try:
            company = QBOCompanyInfo.model_validate(payload)
        except ValidationError:  # it opens; what it is called, its first reading tells
            return ConnectedCompany(business_id, realm_id, name=None, country=None)
        return ConnectedCompany(business_id, realm_id, name=company.company_name, country=company.country)

    async def _claim(self, business_id: UUID, realm_id: str, *, grant: TokenGrant) -> None:
        """The company is claimed, its tokens kept and its first reading asked for in one transaction: a process that dies
        leaves no company connected that nobody reads, and a company active elsewhere leaves nothing behind.
        """

        async def claim_and_ask(uow: UnitOfWork) -> None:
            await self._connections.finish_connect(
                uow.session, business_id, external_account_id=realm_id, now=self._clock.now()
            )
            await end_pause(uow.session, business_id, self._connections.rail)
            await wake(uow, business_id, self._connections.rail)
            uow.enqueue(BACKFILL_JOB, str(business_id), queue="bulk")

        await self._auth.connect(business_id, realm_id, grant=grant, also=claim_and_ask)

    async def _revoke(self, grant: TokenGrant) -> None:
        """Nobody holds these tokens any more; where Intuit does not answer they end with their time."""
        try:
            await self._oauth.revoke(grant.refresh_token)
        except QBOError as error:
            log.warning("qbo.connect.not_revoked", error=type(error).__name__)
