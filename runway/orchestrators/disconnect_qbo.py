"""Ending a business's connection: no call from that moment on, the grant revoked at Intuit, the tokens deleted. The mirror stays."""

from dataclasses import dataclass
from uuid import UUID

from domains.core.connection_service import ConnectionService
from domains.core.models import Connection
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOError, to_rail_error

REVOKE_JOB = "qbo.revoke"
_REASON = "disconnected here"


@dataclass(frozen=True)
class Disconnected:
    """`is_revoked` is false while Intuit has not answered: a job asks again until it does."""

    connection: Connection
    is_revoked: bool


class DisconnectQBO:
    def __init__(self, *, uow: UnitOfWorkFactory, connections: ConnectionService, auth: QBOAuth, clock: Clock) -> None:
        self._uow = uow
        self._connections = connections
        self._auth = auth
        self._clock = clock

    async def disconnect(self, business_id: UUID) -> Disconnected:
        """End it; again is no error.

        Raises:
            ConnectionNotFound: the business was never connected.
            RailError: a token is being refreshed and that takes too long; nothing was changed.
        """

        async def end_and_ask(uow: UnitOfWork) -> None:
            await self._connections.disconnect(uow.session, business_id, reason=_REASON, now=self._clock.now())
            uow.enqueue(REVOKE_JOB, str(business_id))

        try:
            is_revoked = await self._auth.disconnect(business_id, also=end_and_ask)
        except QBOError as error:
            raise to_rail_error(error) from error
        async with self._uow([business_id]) as uow:
            connection = await self._connections.get_connection(uow.session, business_id)
        return Disconnected(connection, is_revoked)

    async def revoke(self, business_id: UUID) -> None:
        """Make up for a revocation that Intuit did not answer.

        Raises:
            RailError: it still does not.
        """
        try:
            await self._auth.revoke_disconnected(business_id)
        except QBOError as error:
            raise to_rail_error(error) from error
