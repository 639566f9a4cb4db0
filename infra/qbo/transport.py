"""One call to QBO: circuit, permit, token, HTTP, status and body to answer or error.

What may be repeated is decided here and nowhere else: a read, when QBO was out of order, while the caller's budget and the
process's allowance of repetitions last. Writes have their own way (writing.py), on which nothing is repeated.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import SecretStr
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_any, stop_before_delay

from infra.clock import Clock
from infra.config import QBOSettings
from infra.errors import RailRateLimited
from infra.logging import get_logger
from infra.observability.realm_calls import QBO_CALLS
from infra.qbo.answers import CallCost, answered_at
from infra.qbo.errors import QBOAuthExpired, QBOCircuitOpen, QBOError, QBORateLimited, QBOUnavailable
from infra.qbo.faults import error_from_answer
from infra.qbo.http_client import content_of, read_body
from infra.qbo.tokens import TokenSource
from infra.ratelimit.breaker import CircuitOpen, RailBreaker, Watched, Way
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.ratelimit.limits import Bucket
from infra.redaction import cut_out

MINOR_VERSION = "75"
_OPEN = "QuickBooks has been failing and is not asked again for {} s."

log = get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take.

    Attributes:
        budget: everything together: waiting for a permit, attempts, pauses between them.
        wait_for_limit: how much of it may go into waiting for our own limit or sitting out a 429.
        retry_waits: pauses in seconds before the second, third … attempt of a read, each varied by a quarter.
    """

    budget: timedelta = timedelta(seconds=30)
    wait_for_limit: timedelta = timedelta(milliseconds=150)
    retry_waits: Sequence[float] = (1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `name` and `entity` are for the log; `way` says whether it may be repeated, and what is counted."""

    name: str
    path: str
    entity: str = ""
    params: dict[str, str] = field(default_factory=dict)
    statement: str | None = None  # goes as the body of a POST when it is too long for a URL
    way: Way = Way.READ
    bucket: Bucket = Bucket.CALL

    @property
    def is_metered(self) -> bool:
        """Intuit counts what it gives out, not what it takes in."""
        return self.way is Way.READ

    def event(self, outcome: str) -> str:
        return f"qbo.{self.name}.{outcome}"


@dataclass(frozen=True, slots=True)
class Answer:
    content: dict[str, Any]
    asked_at: datetime
    answered_at: datetime
    cost: CallCost


@dataclass(slots=True)
class _Spent:
    limit: asyncio.Timeout
    calls: int = 0
    waited_seconds: float = 0.0
    http_seconds: float = 0.0


CountCall = Callable[[bool], None]
"""Told of each call that is sent: whether it is metered."""


class QBOTransport:
    """Sends reads for one company. Knows no entity."""

    def __init__(
        self,
        realm_id: str,
        *,
        http: httpx.AsyncClient,
        settings: QBOSettings,
        tokens: TokenSource,
        limiter: RailLimiter,
        lane: Lane,
        clock: Clock,
        patience: Patience,
        breaker: RailBreaker,
        count: CountCall,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._realm_id = realm_id
        self._http = http
        self._base = f"{str(settings.api_url).rstrip('/')}/v3/company/{realm_id}"
        self._tokens = tokens
        self._limiter = limiter
        self._lane = lane
        self._clock = clock
        self._patience = patience
        self._breaker = breaker
        self._count = count
        self._sleep = sleep

    async def read(self, call: Call) -> Answer:
        """Send a read, repeating it while QBO is unavailable and the budget lasts.

        Raises:
            QBOCircuitOpen: nothing was sent.
            QBOError: the last attempt's.
        """
        spent = _Spent(asyncio.timeout(self._patience.budget.total_seconds()))
        started = time.monotonic()
        try:
            return await self._within_budget(call, spent)
        except QBOError as error:
            log.warning(
                call.event("failed"),
                realm_id=self._realm_id,
                entity=call.entity,
                error=type(error).__name__,
                status=error.status,
                fault=error.code,
                intuit_tid=error.intuit_tid,
                calls=spent.calls,
                ms=_milliseconds_since(started),
            )
            raise

    async def _within_budget(self, call: Call, spent: _Spent) -> Answer:
        budget = self._patience.budget.total_seconds()
        is_over = stop_any(stop_after_attempt(len(self._patience.retry_waits) + 1), stop_before_delay(budget))
        attempts = AsyncRetrying(
            retry=retry_if_exception(lambda error: _may_be_repeated(call, error)),
            stop=lambda state: is_over(state) or not self._breaker.retries.spend(),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            async with spent.limit:
                return await attempts(self._authorised, call, spent)
        except TimeoutError as error:
            raise QBOUnavailable(f"QuickBooks did not answer within {budget:g} s.") from error

    def _pause(self, state: RetryCallState) -> float:
        wait = self._patience.retry_waits[state.attempt_number - 1 : state.attempt_number]
        return sum(wait) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, guards nothing

    async def _authorised(self, call: Call, spent: _Spent) -> Answer:
        token = await self._tokens.access_token()
        try:
            return await self._permitted(call, token, spent=spent)
        except QBOAuthExpired:
            fresh = await self._tokens.refresh(after_rejected=token)
        return await self._permitted(call, fresh, spent=spent)

    async def _permitted(self, call: Call, token: SecretStr, *, spent: _Spent) -> Answer:
        while True:
            await self._breaker.hear(self._realm_id, way=call.way)
            self._refuse_if_open(call)
            left = self._patience.wait_for_limit.total_seconds() - spent.waited_seconds
            try:
                async with self._limiter.permit(
                    self._realm_id,
                    lane=self._lane,
                    max_wait=timedelta(seconds=max(left, 0.0)),
                    bucket=call.bucket,
                ) as permit:
                    spent.waited_seconds += permit.waited_seconds
                    return await self._watched(call, token, spent=spent)
            except CircuitOpen as error:
                QBO_CALLS.note_held_back(self._realm_id, self._lane.value, "breaker")
                raise QBOCircuitOpen(_OPEN.format(max(1, round(error.retry_after_seconds)))) from error
            except RailRateLimited as error:
                QBO_CALLS.note_held_back(self._realm_id, self._lane.value, "limit")
                raise QBORateLimited(str(error), retry_after_seconds=error.retry_after_seconds) from error
            except QBORateLimited as error:
                await self._limiter.block(self._realm_id, seconds=error.retry_after_seconds)
                if error.retry_after_seconds > self._patience.wait_for_limit.total_seconds() - spent.waited_seconds:
                    raise

    def _refuse_if_open(self, call: Call) -> None:
        wait = self._breaker.wait_seconds(self._realm_id, call.way)
        if wait > 0:
            QBO_CALLS.note_held_back(self._realm_id, self._lane.value, "breaker")
            raise QBOCircuitOpen(_OPEN.format(max(1, round(wait))))

    async def _watched(self, call: Call, token: SecretStr, *, spent: _Spent) -> Answer:
        async with self._breaker.watch(self._realm_id, way=call.way, has_heard=True) as watched:
            try:
                answer = await self._once(call, token, spent=spent)
            except BaseException as error:
                _conclude(watched, error, is_out_of_time=spent.limit.expired())
                raise
            watched.succeeded()
            return answer

    async def _once(self, call: Call, token: SecretStr, *, spent: _Spent) -> Answer:
        spent.calls += 1
        self._count(call.is_metered)
        asked_at, started, status = self._clock.now(), time.monotonic(), 0
        try:
            response, body = await self._exchange(call, token)
            status = response.status_code
        except httpx.HTTPError as error:
            # The error's own text may hold the URL; its class says what is needed.
            raise QBOUnavailable(f"QuickBooks could not be reached ({type(error).__name__}).") from error
        finally:
            spent.http_seconds += time.monotonic() - started
            QBO_CALLS.note_call(self._realm_id, self._lane.value, status)
        body = cut_out(body, token)
        log.info(
            call.event("done"),
            realm_id=self._realm_id,
            entity=call.entity,
            status=response.status_code,
            ms=_milliseconds_since(started),
            bytes=len(body),
            intuit_tid=response.headers.get("intuit_tid"),
        )
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise error_from_answer(response.status_code, response.headers, body, now=self._clock.now())
        started = time.monotonic()
        content = content_of(response, body, now=self._clock.now())
        cost = CallCost(
            calls=spent.calls,
            byte_count=len(body),
            http_seconds=spent.http_seconds,
            parse_seconds=time.monotonic() - started,
        )
        return Answer(content, asked_at=asked_at, answered_at=answered_at(content, asked_at), cost=cost)

    async def _exchange(self, call: Call, token: SecretStr) -> tuple[httpx.Response, bytes]:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}", "Accept": "application/json"}
        if call.statement is not None:
            headers["Content-Type"] = "application/text"
        async with self._http.stream(
            "GET" if call.statement is None else "POST",
            self._base + call.path,
            params={**call.params, "minorversion": MINOR_VERSION},
            content=call.statement,
            headers=headers,
        ) as response:
            is_error = response.status_code >= HTTPStatus.MULTIPLE_CHOICES
            return response, await read_body(response, is_error=is_error)


def _may_be_repeated(call: Call, error: BaseException) -> bool:
    return call.way is Way.READ and isinstance(error, QBOUnavailable) and not isinstance(error, QBOCircuitOpen)


def _conclude(watched: Watched, error: BaseException, *, is_out_of_time: bool) -> None:
    """What an error says about QBO: a refusal is an answer, a caller who goes away says nothing."""
    if isinstance(error, QBOUnavailable) or (isinstance(error, asyncio.CancelledError) and is_out_of_time):
        watched.failed()
    elif isinstance(error, QBOError):
        watched.succeeded()


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
