"""A simulated company on a real port and what tells it: one way for writes as the process has it, or as impatient as a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from infra import exact_json
from infra.actions.rail import WriteAnswer
from infra.clock import SystemClock
from infra.config import QBOSettings
from infra.ids import new_id
from infra.qbo.errors import QBOAccessRevoked
from infra.qbo.http_client import open_http
from infra.qbo.raw_client import QBORawClient
from infra.qbo.simulator.oracle.oracle import SeenRequest
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.transport import Call, Patience
from infra.qbo.writing import WHOLE_CALL, QBOWriting
from infra.ratelimit.breaker import RailBreaker, Way
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Limits
from tests.integration.infra.qbo.company_rig import WIDE, qbo_settings
from tests.integration.infra.qbo.troubled_simulator import Rig, small_simulator, troubled
from tests.unit.infra.qbo.simulator.small_company import REALM

PATIENT = httpx.Timeout(connect=3.0, write=5.0, read=30.0, pool=1.0)


@dataclass
class Grant:
    """Tokens of the simulator's: a new one for each refresh, none once it is `gone`."""

    simulator: Simulator
    client_id: str
    is_gone: bool = False
    refreshes: list[str] = field(default_factory=list)
    token: str = ""

    async def access_token(self) -> SecretStr:
        self.token = self.token or self._new()
        return SecretStr(self.token)

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        self.refreshes.append(after_rejected.get_secret_value())
        if self.is_gone:
            raise QBOAccessRevoked("gone", code="invalid_grant")
        self.token = self._new()
        return SecretStr(self.token)

    def _new(self) -> str:
        return str(self.simulator.oauth.grant(REALM, client_id=self.client_id)["access_token"])


class Teller:
    def __init__(self, rig: Rig, *, redis: Redis, http: httpx.AsyncClient, settings: QBOSettings) -> None:
        self.rig = rig
        self.company = rig.simulator.companies[REALM]
        self.grant = Grant(rig.simulator, rig.info.client_id)
        self.settings = settings
        self.breaker = RailBreaker(None, rail="qbo")
        self.counted: list[bool] = []
        self._redis = redis
        self._http = http

    def writing(
        self,
        *,
        limits: Limits = WIDE,
        timeouts: httpx.Timeout = PATIENT,
        whole_call: timedelta = WHOLE_CALL,
        settings: QBOSettings | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> QBOWriting:
        return QBOWriting(
            REALM,
            http=http or self._http,
            settings=settings or self.settings,
            tokens=self.grant,
            limiter=RailLimiter(self._redis, rail="qbo", limits=limits),
            clock=SystemClock(),
            breaker=self.breaker,
            count=self.counted.append,
            timeouts=timeouts,
            whole_call=whole_call,
        )

    def client(self) -> QBORawClient:
        return QBORawClient(
            REALM,
            http=self._http,
            settings=self.settings,
            tokens=self.grant,
            limiter=RailLimiter(self._redis, rail="qbo", limits=WIDE),
            clock=SystemClock(),
            lane=Lane.PAYMENT,
            patience=Patience(wait_for_limit=timedelta(seconds=5), retry_waits=()),
        )

    async def tell(
        self,
        entity: str,
        body: dict[str, Any],
        *,
        request_id: str | None = None,
        writing: QBOWriting | None = None,
        **options: str,
    ) -> WriteAnswer:
        call = Call("write", f"/{entity.lower()}", entity=entity, params=options, way=Way.WRITE)
        content = exact_json.dumps(body)
        return await (writing or self.writing()).write(call, content, request_id=request_id or str(new_id()))

    def writes(self) -> list[SeenRequest]:
        """What came to the books to be written, oldest first, by the simulator's own account."""
        return [one for one in self.rig.simulator.oracle.requests if one.verb in {"create", "update", "void", "send"}]

    def executed(self) -> int:
        """How many changes were committed through the API."""
        return len(self.rig.simulator.oracle.commits)


@asynccontextmanager
async def telling(redis_url: str) -> AsyncIterator[Teller]:
    async with troubled(small_simulator()) as rig, Redis.from_url(redis_url) as redis:
        settings = qbo_settings(rig.info)
        async with open_http(settings) as http:
            yield Teller(rig, redis=redis, http=http, settings=settings)
