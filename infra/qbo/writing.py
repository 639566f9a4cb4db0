"""One request that changes QBO's books: circuit, permit, token, HTTP, and what its answer proves.

It is sent once. The one exception is a token that QBO does not take (401): that request was not looked at, so it goes again, the same
to the byte and under the same id, after one refresh. Whatever else happens is told and left to whoever remembers the request.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import httpx
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from infra.actions.rail import AnswerKind, SendStage, WriteAnswer
from infra.clock import Clock
from infra.config import QBOSettings
from infra.errors import OodalooError, RailRateLimited
from infra.logging import get_logger
from infra.observability.realm_calls import QBO_CALLS
from infra.qbo import refusals
from infra.qbo.errors import QBOAccessRevoked
from infra.qbo.faults import DEFAULT_RETRY_AFTER_SECONDS
from infra.qbo.stages import StageWatch
from infra.qbo.tokens import TokenSource
from infra.qbo.transport import MINOR_VERSION, Call, CountCall
from infra.qbo.write_answers import Told, read_told, refuses_token
from infra.ratelimit.breaker import CircuitOpen, RailBreaker
from infra.ratelimit.lanes import Lane
from infra.ratelimit.limiter import RailLimiter
from infra.redaction import cut_out

WHOLE_CALL = timedelta(seconds=44)
"""From asking for a token to the answer's last byte: less than whoever sends waits for it, so that an answer tells how far it got."""

_WAIT_FOR_LIMIT_SECONDS = 10.0
_LEAST_SHARE = 0.25  # of the whole call: with less left nothing is sent any more
_TIMEOUTS = httpx.Timeout(connect=3.0, write=5.0, read=30.0, pool=1.0)
_LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
_JSON, _NOTHING = "application/json", "application/octet-stream"
_NO_TOKEN = (OodalooError, SQLAlchemyError, TimeoutError)
_NEVER_BEGAN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Request:
    call: Call
    body: bytes
    request_id: str
    until: float
    least_seconds: float

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.until - monotonic())

    @property
    def is_late(self) -> bool:
        """Sent now, it would most likely be cut off, and so be doubtful for nothing."""
        return self.seconds_left < self.least_seconds


class QBOWriting:
    """Writes of one company, all in the lane of payments."""

    def __init__(
        self,
        realm_id: str,
        *,
        http: httpx.AsyncClient,
        settings: QBOSettings,
        tokens: TokenSource,
        limiter: RailLimiter,
        clock: Clock,
        breaker: RailBreaker,
        count: CountCall,
        timeouts: httpx.Timeout = _TIMEOUTS,
        whole_call: timedelta = WHOLE_CALL,
    ) -> None:
        self._realm_id = realm_id
        self._http = http
        self._base = f"{str(settings.api_url).rstrip('/')}/v3/company/{realm_id}"
        self._tokens = tokens
        self._limiter = limiter
        self._clock = clock
        self._breaker = breaker
        self._count = count
        self._timeouts = timeouts
        self._whole_call = whole_call

    async def write(self, call: Call, body: bytes, *, request_id: str) -> WriteAnswer:
        """Send it, and say what is proved."""
        started, whole = monotonic(), self._whole_call.total_seconds()
        request = _Request(call, body, request_id, until=started + whole, least_seconds=whole * _LEAST_SHARE)
        answer = await self._authorised(request)
        log.info(
            call.event(answer.kind.value),
            realm_id=self._realm_id,
            entity=call.entity,
            stage=answer.stage.value,
            status=answer.status,
            fault=answer.code,
            intuit_tid=answer.trace_id,
            ms=round((monotonic() - started) * 1000),
        )
        return answer

    async def _authorised(self, request: _Request) -> WriteAnswer:
        try:
            async with asyncio.timeout(request.seconds_left):
                token = await self._tokens.access_token()
        except QBOAccessRevoked as error:
            return self._unsent(AnswerKind.ACCESS_GONE, refusals.ACCESS_GONE, code=error.code)
        except _NO_TOKEN as error:
            log.warning("qbo.write.no_token", realm_id=self._realm_id, error=type(error).__name__)
            return self._unsent(AnswerKind.NOT_SENT, refusals.NOT_LET_IN)
        answer = await self._permitted(request, token)
        if not refuses_token(answer):
            return answer
        refused = replace(answer, retry_after_seconds=DEFAULT_RETRY_AFTER_SECONDS)
        try:
            async with asyncio.timeout(request.seconds_left):
                fresh = await self._tokens.refresh(after_rejected=token)
        except QBOAccessRevoked:
            return replace(answer, kind=AnswerKind.ACCESS_GONE, words=refusals.ACCESS_GONE)
        except _NO_TOKEN as error:
            log.warning("qbo.write.no_token", realm_id=self._realm_id, error=type(error).__name__)
            return refused
        answer = await self._permitted(request, fresh)
        return replace(answer, retry_after_seconds=DEFAULT_RETRY_AFTER_SECONDS) if refuses_token(answer) else answer

    async def _permitted(self, request: _Request, token: SecretStr) -> WriteAnswer:
        await self._breaker.hear(self._realm_id, way=request.call.way)
        wait = self._breaker.wait_seconds(self._realm_id, request.call.way)
        if wait > 0:
            return self._held_back("breaker", wait)
        longest = timedelta(seconds=min(_WAIT_FOR_LIMIT_SECONDS, request.seconds_left))
        try:
            async with self._limiter.permit(
                self._realm_id, lane=Lane.PAYMENT, max_wait=longest, bucket=request.call.bucket
            ):
                if request.is_late:
                    return self._held_back("late", 0.0)
                answer = await self._watched(request, token)
        except CircuitOpen as error:
            return self._held_back("breaker", error.retry_after_seconds)
        except RailRateLimited as error:
            return self._held_back("limit", error.retry_after_seconds)
        if answer.kind is AnswerKind.NOT_EXECUTED and answer.retry_after_seconds is not None:
            await self._limiter.block(self._realm_id, seconds=answer.retry_after_seconds)
        return answer

    async def _watched(self, request: _Request, token: SecretStr) -> WriteAnswer:
        async with self._breaker.watch(self._realm_id, way=request.call.way, has_heard=True) as watched:
            told = await self._exchange(request, token)
            if told.is_outage:
                watched.failed()
            else:
                watched.succeeded()
        return read_told(told, request.call.entity, now=self._clock.now())

    async def _exchange(self, request: _Request, token: SecretStr) -> Told:
        """One request on the wire. Raises nothing but a cancellation from outside, which nobody may take for an answer."""
        told, watch = Told(self._clock.now()), StageWatch()
        self._count(request.call.is_metered)
        try:
            async with asyncio.timeout(request.seconds_left):
                await self._send(request, token, told=told, watch=watch)
        except (httpx.HTTPError, TimeoutError) as error:
            # The error's own text may hold the URL; its class says what is needed.
            told.failure = type(error).__name__
            told.is_unsent = watch.has_surely_not_sent or (
                isinstance(error, _NEVER_BEGAN) and watch.stage is SendStage.NOT_CONNECTED
            )
        finally:
            QBO_CALLS.note_call(self._realm_id, Lane.PAYMENT.value, told.status or 0)
        if told.status is not None:
            watch.reached(SendStage.HEADERS if told.failure else SendStage.BODY)
        told.stage = watch.stage
        told.body = cut_out(told.body, token)
        return told

    async def _send(self, request: _Request, token: SecretStr, *, told: Told, watch: StageWatch) -> None:
        headers = {
            "Authorization": f"Bearer {token.get_secret_value()}",
            "Accept": _JSON,
            "Content-Type": _JSON if request.body else _NOTHING,
        }
        async with self._http.stream(
            "POST",
            self._base + request.call.path,
            params={**request.call.params, "requestid": request.request_id, "minorversion": MINOR_VERSION},
            content=request.body,
            headers=headers,
            timeout=self._timeouts,
            extensions={"trace": watch},
        ) as response:
            told.status, told.headers = response.status_code, response.headers
            async for chunk in response.aiter_bytes():
                told.body += chunk
                if len(told.body) > _LARGEST_ANSWER_BYTES:
                    raise httpx.DecodingError("The answer is larger than we read.")

    def _held_back(self, reason: str, seconds: float) -> WriteAnswer:
        QBO_CALLS.note_held_back(self._realm_id, Lane.PAYMENT.value, reason)
        return self._unsent(AnswerKind.NOT_SENT, refusals.HELD_BACK, retry_after_seconds=seconds)

    def _unsent(
        self, kind: AnswerKind, words: str, *, code: str | None = None, retry_after_seconds: float | None = None
    ) -> WriteAnswer:
        return WriteAnswer(
            kind,
            SendStage.NOT_CONNECTED,
            answered_at=self._clock.now(),
            code=code,
            words=words,
            retry_after_seconds=retry_after_seconds,
        )
