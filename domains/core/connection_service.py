"""Linking a business to its company on a rail. The OAuth exchange itself is the rail's; tokens are sealed by infra/security."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import queries
from domains.core.errors import (
    AccountConnectedElsewhere,
    ConnectionNotFound,
    OtherAccountConnected,
    UnknownConnectState,
)
from domains.core.models import Connection, ConnectionState, OAuthState
from domains.core.secrets import hash_of, new_secret
from infra.config import Rail
from infra.errors import RailUnavailable
from infra.ids import new_id

STATE_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class PendingConnect:
    """Who began the connect that a rail's redirect now ends. The code is exchanged with the very same `redirect_uri`."""

    business_id: UUID
    redirect_uri: str


@dataclass(frozen=True)
class ProbedCompany:
    """What a rail answered just now, straight: the company's name as the rail has it, and how long it took."""

    name: str | None
    took: timedelta


Probe = Callable[[UUID], Awaitable[ProbedCompany]]


async def _no_probe(_business_id: UUID) -> ProbedCompany:
    raise RailUnavailable("This process cannot ask the rail.")


class ConnectionService:
    """Connections of one rail.

    Connecting takes three transactions with the rail's calls between them, never inside: `start_connect`, then the user's
    consent; `consume_state`, then the exchange of the code; `finish_connect` with the sealed tokens and the wish for the backfill.
    """

    def __init__(self, rail: Rail, *, probe: Probe = _no_probe) -> None:
        self.rail = rail
        self._probe = probe

    async def start_connect(
        self,
        session: AsyncSession,
        business_id: UUID,
        *,
        redirect_uri: str,
        now: datetime,
        session_binding: bytes | None = None,
    ) -> str:
        """Begin a connect and return the `state` for the rail's authorize page, good once, for ten minutes.

        With `session_binding`, which is what the browser's session is known by, only that browser can end it.
        """
        state = new_secret()
        session.add(
            OAuthState(
                state_hash=hash_of(state),
                business_id=business_id,
                rail=self.rail.value,
                redirect_uri=redirect_uri,
                session_hash=_binding_hash(session_binding),
                created_at=now,
                expires_at=now + STATE_LIFETIME,
            )
        )
        return state

    async def consume_state(
        self, session: AsyncSession, state: str, *, now: datetime, session_binding: bytes | None = None
    ) -> PendingConnect:
        """Recognise the `state` that the rail's redirect brought back, and use it up.

        Raises:
            UnknownConnectState: we did not issue it, it was used, it is too old, another rail's, or another browser's.
        """
        used = await queries.use_oauth_state(
            session, hash_of(state), rail=self.rail, now=now, session_hash=_binding_hash(session_binding)
        )
        if used is None:
            raise UnknownConnectState
        return PendingConnect(*used)

    async def finish_connect(
        self, session: AsyncSession, business_id: UUID, *, external_account_id: str, now: datetime
    ) -> Connection:
        """Link the business to the company it consented for. Again for the same company: a reconnect.

        Raises:
            OtherAccountConnected: the business keeps another company's books.
            AccountConnectedElsewhere: the company is active under another business.
        """
        connection = await queries.find_connection(session, business_id, rail=self.rail, is_to_change=True)
        if connection is not None and connection.external_account_id != external_account_id:
            raise OtherAccountConnected(business_id, self.rail.value)
        try:
            # A savepoint, flushed: the unique index speaks now, and the caller's transaction survives its refusal.
            async with session.begin_nested():
                if connection is None:
                    connection = Connection(
                        business_id=business_id,
                        id=new_id(),
                        rail=self.rail.value,
                        external_account_id=external_account_id,
                    )
                    session.add(connection)
                connection.state = ConnectionState.ACTIVE.value
                connection.reason = None
                connection.connected_at = connection.state_changed_at = now
        except IntegrityError as error:
            raise AccountConnectedElsewhere(self.rail.value) from error
        return connection

    async def mark_needs_reconnect(
        self, session: AsyncSession, business_id: UUID, *, reason: str, now: datetime, seen_at: datetime | None = None
    ) -> bool:
        """Say that only a person can bring the grant back. The first reason stays.

        Args:
            session: of the application's role.
            business_id: whose.
            reason: the rail's words.
            now: the clock's.
            seen_at: when whoever saw it began. False, and nothing changed, where a person has connected since.

        Raises:
            ConnectionNotFound: there is no connection.
        """
        connection = await self._to_change(session, business_id)
        if seen_at is not None and connection.connected_at > seen_at:
            return False
        if connection.state == ConnectionState.ACTIVE.value:
            self._change(connection, ConnectionState.NEEDS_RECONNECT, reason=reason, now=now)
        return True

    async def disconnect(self, session: AsyncSession, business_id: UUID, *, reason: str, now: datetime) -> None:
        """End the link; the mirror stays and the same company may be connected again.

        Raises:
            ConnectionNotFound: there is no connection.
        """
        connection = await self._to_change(session, business_id)
        if connection.state != ConnectionState.DISCONNECTED.value:
            self._change(connection, ConnectionState.DISCONNECTED, reason=reason, now=now)

    async def get_connection(self, session: AsyncSession, business_id: UUID) -> Connection:
        """The business's connection, whatever its state.

        Raises:
            ConnectionNotFound: it was never connected.
        """
        connection = await queries.find_connection(session, business_id, rail=self.rail)
        if connection is None:
            raise ConnectionNotFound(business_id, self.rail.value)
        return connection

    async def probe(self, business_id: UUID) -> ProbedCompany:
        """Ask the rail itself, past mirror and sync, whatever failed before.

        Raises:
            RailError: why it does not answer, or not to us.
        """
        return await self._probe(business_id)

    async def find_by_account(self, session: AsyncSession, external_account_id: str) -> Connection | None:
        """The connection that syncs this company of the rail; as a role that sees them all."""
        return await queries.find_active_connection(session, external_account_id, rail=self.rail)

    async def list_active(self, session: AsyncSession) -> list[Connection]:
        """Every business that syncs on this rail."""
        return await queries.list_active_connections(session, rail=self.rail)

    async def _to_change(self, session: AsyncSession, business_id: UUID) -> Connection:
        connection = await queries.find_connection(session, business_id, rail=self.rail, is_to_change=True)
        if connection is None:
            raise ConnectionNotFound(business_id, self.rail.value)
        return connection

    def _change(self, connection: Connection, state: ConnectionState, *, reason: str, now: datetime) -> None:
        connection.state = state.value
        connection.reason = reason
        connection.state_changed_at = now


def _binding_hash(session_binding: bytes | None) -> bytes | None:
    return None if session_binding is None else sha256(b"oauth_state" + session_binding).digest()
