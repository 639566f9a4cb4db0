"""Whether a business's connection works, asked of the rail itself: past mirror, sync and breaker."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.connection_service import ConnectionService, ProbedCompany
from domains.core.errors import ConnectionNotFound
from domains.core.models import Connection, ConnectionState
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError, RailNeedsReconnect
from infra.redaction import words_of
from infra.security.rail_tokens import RailGrant, RailTokenStore
from infra.sync import runs


@dataclass(frozen=True)
class LastError:
    """What the latest sync that failed met, however long ago."""

    text: str
    at: datetime


@dataclass(frozen=True)
class ConnectionHealth:
    """`reachable` is None where there was nothing to ask with. No token is in it, only until when one is good."""

    checked_at: datetime
    state: ConnectionState | None
    reachable: bool | None
    latency_ms: float | None
    company_name: str | None
    external_account_id: str | None
    token_valid_until: datetime | None
    grant_valid_until: datetime | None
    needs_reconnect: bool
    error: str | None
    last_error: LastError | None


class ConnectionCheck:
    """`tokens` tell until when the grant is good; nobody here sees it."""

    def __init__(
        self, *, uow: UnitOfWorkFactory, connections: ConnectionService, tokens: RailTokenStore, clock: Clock
    ) -> None:
        self._uow = uow
        self._connections = connections
        self._tokens = tokens
        self._clock = clock

    async def get(self, business_id: UUID) -> ConnectionHealth:
        """At most ten seconds. It changes nothing but a token that has run out, as every call does."""
        async with self._uow([business_id]) as uow:
            connection = await self._find(uow.session, business_id)
            last_error = await self._last_error(uow.session, business_id)
        state = None if connection is None else ConnectionState(connection.state)
        company, error, needs_reconnect = None, None, state is not ConnectionState.ACTIVE
        if state is ConnectionState.ACTIVE:
            company, error, needs_reconnect = await self._ask(business_id)
        grant = await self._find_grant(business_id)
        return ConnectionHealth(
            checked_at=self._clock.now(),
            state=state,
            reachable=None if state is not ConnectionState.ACTIVE else company is not None,
            latency_ms=None if company is None else round(company.took.total_seconds() * 1000, 1),
            company_name=None if company is None else company.name,
            external_account_id=None if connection is None else connection.external_account_id,
            token_valid_until=None if grant is None else grant.expires_at,
            grant_valid_until=None if grant is None else grant.refresh_expires_at,
            needs_reconnect=needs_reconnect,
            error=error if connection is None or error else connection.reason,
            last_error=last_error,
        )

    async def _ask(self, business_id: UUID) -> tuple[ProbedCompany | None, str | None, bool]:
        """The company, or why there is none, and whether only a person can change that."""
        try:
            return await self._connections.probe(business_id), None, False
        except OodalooError as error:
            return None, words_of(error), isinstance(error, RailNeedsReconnect)

    async def _find(self, session: AsyncSession, business_id: UUID) -> Connection | None:
        try:
            return await self._connections.get_connection(session, business_id)
        except ConnectionNotFound:
            return None

    async def _last_error(self, session: AsyncSession, business_id: UUID) -> LastError | None:
        states = (await runs.list_states(session, business_id, rail=self._connections.rail)).values()
        failed = [
            LastError(one.last_error, one.last_error_at) for one in states if one.last_error and one.last_error_at
        ]
        return max(failed, key=lambda one: one.at, default=None)

    async def _find_grant(self, business_id: UUID) -> RailGrant | None:
        """Read after the call, which may have renewed it. A grant that this keyring cannot open tells nothing."""
        try:
            return await self._tokens.get(business_id, self._connections.rail)
        except OodalooError:
            return None
