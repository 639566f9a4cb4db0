"""A lane's rail: the product's own client, with an eye on every write and now and then a lie in its answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.proofs.payments.hours import HERE
from infra import exact_json
from infra.actions.rail import ActionRail, AnswerKind, Payload, SendStage, Write, WriteAnswer
from infra.clock import SystemClock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import RailRateLimited
from infra.qbo.simulator.books.company import Company
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import Permit, RailLimiter
from infra.ratelimit.limits import Bucket, Limits

_NOT_ON_ITS_WAY: Final = frozenset({"requested", "claimed", "retry_wait", "blocked", "cancelled", "failed"})
_DURABLE = text("SELECT state FROM action_intent WHERE business_id = :business AND rail_request_id = :request")


@dataclass
class Watched:
    """What left for the rail in one history. `lies`: how the next success is told (`Plan.lies`)."""

    lies: str = ""
    faults: list[str] = field(default_factory=list)
    sent: dict[str, set[tuple[str, bytes]]] = field(default_factory=dict)
    """Request ids and digests of bodies, by mark."""

    def note(self, request: Write) -> None:
        mark = mark_in(request.body)
        ways = self.sent.setdefault(mark, set())
        ways.add((request.request_id, sha256(request.body).digest()))
        if len(ways) > 1:
            self.faults.append(f"{mark} was sent with another request id or another body (I4)")


def mark_in(body: bytes | str) -> str:
    """Our mark in a note or body; empty without."""
    shown = body.decode() if isinstance(body, bytes) else body
    at = shown.find("LP-")
    return shown[at : at + 19] if at >= 0 else ""


@dataclass
class WatchedRail:
    """`uow` is for looking whether the word that something is sent is durable before it is."""

    rail: ActionRail
    business_id: UUID
    watched: Watched
    uow: UnitOfWorkFactory
    company: Company

    async def read(self, entity: str, external_id: str) -> Payload | None:
        return await self.rail.read(entity, external_id)

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        return await self.rail.find(entity, *conditions)

    async def write(self, request: Write) -> WriteAnswer:
        is_again = mark_in(request.body) in self.watched.sent
        self.watched.note(request)
        async with self.uow([self.business_id]) as uow:
            values = {"business": self.business_id, "request": request.request_id}
            state = (await uow.session.execute(_DURABLE, values)).scalar_one_or_none()
        if state is None or state in _NOT_ON_ITS_WAY:
            self.watched.faults.append(f"a call was made whose action was {state} (I5)")
        if self.watched.lies == "nothing":
            self.watched.lies = ""
            return _invented(request)
        if self.watched.lies == "refusal" and is_again:
            self.watched.lies = ""
            return WriteAnswer(AnswerKind.REFUSED, SendStage.BODY, SystemClock().now(), status=400, code="6190")
        answer = await self.rail.write(request)
        if answer.kind is AnswerKind.DONE and self.watched.lies == "other" and answer.payload is not None:
            records = self.company.stores["BillPayment"].records.values()
            others = [record.body for record in records if record.id != answer.payload["Id"]]
            if others:
                self.watched.lies = ""
                return replace(answer, payload=others[-1])
        return answer

    async def keep(
        self,
        session: AsyncSession,
        seen: Mapping[str, Sequence[Payload]],
        *,
        fetched_at: datetime,
        actor: str,
        request_id: str,
    ) -> None:
        await self.rail.keep(session, seen, fetched_at=fetched_at, actor=actor, request_id=request_id)


def _invented(request: Write) -> WriteAnswer:
    """A success of which QuickBooks knows nothing."""
    payload = {**exact_json.loads(request.body), "Id": str(10**9 + uuid4().int % 10**9), "SyncToken": "0"}
    return WriteAnswer(AnswerKind.DONE, SendStage.BODY, SystemClock().now(), payload=payload)


class LaneLimiter(RailLimiter):
    """As wide as the quick time needs it; a 429's rest is by the lane's time."""

    def __init__(self, redis: Redis) -> None:
        limits = Limits(per_minute=1_000_000, burst=100_000, per_second=10_000, in_flight=64, batches=None)
        super().__init__(redis, rail=Rail.QBO.value, limits=limits, app="proof")
        self._until: dict[str, float] = {}

    @asynccontextmanager
    async def permit(
        self, realm_id: str, *, lane: Lane, max_wait: timedelta, bucket: Bucket = Bucket.CALL
    ) -> AsyncIterator[Permit]:
        time = HERE.get()
        rest = 0.0 if time is None else self._until.get(realm_id, 0.0) - time.now()
        if rest > 0:
            raise RailRateLimited("The shared limit has no room (blocked).", retry_after_seconds=rest)
        async with super().permit(realm_id, lane=lane, max_wait=max_wait, bucket=bucket) as permit:
            yield permit

    async def block(self, realm_id: str, *, seconds: float) -> None:
        time = HERE.get()
        if time is not None:
            self._until[realm_id] = time.now() + seconds
