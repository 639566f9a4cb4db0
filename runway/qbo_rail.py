"""What reaching QuickBooks takes, shared by all businesses of a process."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from httpx import AsyncClient
from pydantic import SecretStr

from domains.core.connection_service import ProbedCompany
from infra.clock import Clock
from infra.config import QBOSettings, Rail
from infra.errors import RailNeedsReconnect
from infra.qbo.answers import Payload
from infra.qbo.auth import QBOAuth
from infra.qbo.errors import QBOError, to_rail_error
from infra.qbo.oauth import IntuitOAuth
from infra.qbo.raw_client import QBORawClient
from infra.qbo.tokens import OneToken
from infra.qbo.transport import Patience
from infra.ratelimit.breaker import RailBreaker
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.security.rail_tokens import NotConnected, RailTokenStore
from infra.sync.call_budget import CallBudget
from infra.sync.call_counts import CallTally, counted_as

_MOST_REALMS = 100_000
# A person looks at an empty page meanwhile; an answer that does not come they can ask for again.
_HEALTH_PATIENCE = Patience(budget=timedelta(seconds=10), wait_for_limit=timedelta(seconds=2), retry_waits=())
HEALTH_FEATURE = "health"
_PROBE_PATIENCE = Patience(budget=timedelta(seconds=10), wait_for_limit=timedelta(seconds=5), retry_waits=(0.5, 1.0))


@dataclass(frozen=True)
class QBORail:
    """What reaching QBO takes, shared by all businesses of the process. `realms` are those that this process has met."""

    oauth: IntuitOAuth
    auth: QBOAuth
    tokens: RailTokenStore
    limiter: RailLimiter
    settings: QBOSettings
    clock: Clock
    http: AsyncClient
    breaker: RailBreaker
    calls: CallTally
    budget: CallBudget
    realms: dict[UUID, str] = field(default_factory=dict)

    def rest_seconds(self, business_id: UUID) -> float | None:
        """How long QuickBooks is not asked for this business, because it kept failing; 0: it may be tried. None: all is well."""
        return self.breaker.rest_seconds(self.realms.get(business_id, ""))

    async def read_company(self, realm_id: str, access_token: SecretStr) -> Payload:
        """CompanyInfo, read with a token that is not kept yet: whether it opens this realm.

        Raises:
            QBOError: it does not, or QuickBooks does not answer.
        """
        client = QBORawClient(
            realm_id,
            http=self.http,
            settings=self.settings,
            tokens=OneToken(access_token),
            limiter=self.limiter,
            clock=self.clock,
            patience=_PROBE_PATIENCE,
        )
        return await client.get_company_info_from_qbo()

    async def probe(self, business_id: UUID) -> ProbedCompany:
        """CompanyInfo, asked straight, whatever failed before.

        Raises:
            RailError: QuickBooks does not answer, or not to us.
        """
        client = await self.client(business_id, Lane.USER, _HEALTH_PATIENCE, RailBreaker(None, rail=Rail.QBO.value))
        try:
            with counted_as(HEALTH_FEATURE):
                answer = await client.company_info()
        except QBOError as error:
            raise to_rail_error(error) from error
        return ProbedCompany(answer.payload.get("CompanyName"), timedelta(seconds=answer.cost.http_seconds))

    async def client(
        self, business_id: UUID, lane: Lane, patience: Patience, breaker: RailBreaker | None = None
    ) -> QBORawClient:
        """The raw client of a business; `breaker` in place of the process's own.

        Raises:
            RailNeedsReconnect: the business was never connected, or its grant is gone; no call was made.
        """
        try:
            grant = await self.tokens.get(business_id, Rail.QBO)
        except NotConnected as error:
            raise RailNeedsReconnect("This business is not connected to QuickBooks yet.") from error
        if grant.needs_reconnect_at is not None:
            raise RailNeedsReconnect(f"QuickBooks must be connected again ({grant.reconnect_reason}).")
        if len(self.realms) >= _MOST_REALMS:
            self.realms.clear()
        self.realms[business_id] = grant.external_account_id
        return QBORawClient(
            grant.external_account_id,
            http=self.http,
            settings=self.settings,
            tokens=self.auth.tokens_of(business_id),
            limiter=self.limiter,
            lane=lane,
            patience=patience,
            clock=self.clock,
            breaker=breaker or self.breaker,
            count=self.calls.counter(business_id, Rail.QBO, otherwise=lane.value),
        )
