"""Connecting a business to its QuickBooks company: out to Intuit's consent page and back."""

from uuid import UUID

from pydantic import SecretStr

from domains.core.connection_service import ConnectionService
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.oauth import IntuitOAuth

BACKFILL_JOB = "qbo.backfill"


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
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._access_uow = access_uow
        self._connections = connections
        self._oauth = oauth
        self._auth = auth
        self._clock = clock

    async def begin(self, business_id: UUID, *, redirect_uri: str) -> str:
        """Where to send the user's browser.

        Raises:
            RailError: Intuit's discovery document cannot be read.
        """
        async with self._uow([business_id]) as uow:
            state = await self._connections.start_connect(
                uow.session, business_id, redirect_uri=redirect_uri, now=self._clock.now()
            )
        try:
            return await self._oauth.authorize_url(state, redirect_uri=redirect_uri)
        except QBOError as error:
            raise to_rail_error(error) from error

    async def finish(self, state: str, *, code: SecretStr, realm_id: str) -> UUID:
        """Trade the code, keep the tokens sealed and ask for the first backfill; the business that is now connected.

        The company is claimed, its tokens kept and its first reading asked for in one transaction: a process that dies
        leaves no company connected that nobody reads, and a company active elsewhere leaves nothing behind.

        Raises:
            UnknownConnectState, AccountConnectedElsewhere, OtherAccountConnected: nothing was changed.
            RailError: Intuit did not take the code; begin again.
        """
        async with self._access_uow([]) as uow:
            pending = await self._connections.consume_state(uow.session, state, now=self._clock.now())
        business_id = pending.business_id

        async def claim_and_ask(uow: UnitOfWork) -> None:
            await self._connections.finish_connect(
                uow.session, business_id, external_account_id=realm_id, now=self._clock.now()
            )
            uow.enqueue(BACKFILL_JOB, str(business_id), queue="bulk")

        try:
            grant = await self._oauth.exchange(code, redirect_uri=pending.redirect_uri)
            await self._auth.connect(business_id, realm_id, grant=grant, also=claim_and_ask)
        except QBOError as error:
            raise to_rail_error(error) from error
        return business_id

    async def decline(self, state: str) -> None:
        """The user said no at Intuit: the state is used up and nothing else happens."""
        async with self._access_uow([]) as uow:
            await self._connections.consume_state(uow.session, state, now=self._clock.now())
