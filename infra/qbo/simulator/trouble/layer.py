"""Around the API: each request is described, told to the oracle, and given the trouble that the rules decide."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from infra.qbo.simulator.api.change_capture import LIMIT
from infra.qbo.simulator.oracle.calls import Call, describe_call
from infra.qbo.simulator.oracle.journal import CURRENT
from infra.qbo.simulator.oracle.oracle import SeenRequest
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble import connection, rules
from infra.qbo.simulator.trouble.answers import Headers, make_answer
from infra.qbo.simulator.trouble.late import Postponed
from infra.qbo.simulator.trouble.trouble import ActiveRule, Plan, draw_latency, draw_seconds

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LATE: Final = "late"
TWICE: Final = "twice"
_GATEWAY_TIMEOUT: Final = rules.Answer(do="answer", status=504)


@dataclass(slots=True)
class _Request:
    scope: Scope
    receive: Receive
    send: Send
    body: bytes
    call: Call
    seen: SeenRequest


@dataclass(slots=True)
class _Reply:
    """An answer caught before it was sent."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""


class TroubleLayer:
    def __init__(self, app: App, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator
        simulator.late.begin(self._carry_out)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        call = describe_call(
            scope["method"], scope["path"], scope["query_string"], body=body, headers=dict(scope["headers"])
        )
        if call is None:
            await self._app(scope, _replaying(body, receive), self._settling(send))
            return
        oracle = self._simulator.oracle
        seen = oracle.request(call)
        if call.realm_id:
            oracle.arrived(call.realm_id)
        try:
            await self._answer(_Request(scope, receive, send, body, call, seen))
        finally:
            if call.realm_id:
                oracle.left(call.realm_id)

    async def _answer(self, request: _Request) -> None:
        plan = self._simulator.trouble.decide(request.call)
        request.seen.trouble = plan.names
        for active, effect in plan.others:
            await self._before(request, active, effect)
        if plan.ending is None:
            await self._execute(request.scope, request.body, request.call, seen=request.seen, send=request.send)
        else:
            await self._end(request, plan)
        for active, effect in plan.others:
            await self._after(request, active, effect)

    async def _before(self, request: _Request, active: ActiveRule, effect: rules.Effect) -> None:
        oauth = self._simulator.oauth
        presented = (request.call.authorization or "").partition(" ")[2] or _refresh_token(request.body)
        match effect:
            case rules.Latency():
                await self._simulator.timeline.sleep(draw_latency(active, effect))
            case rules.ExpireToken():
                oauth.expire(presented)
            case rules.RevokeGrant():
                oauth.revoke_quietly(presented)
            case rules.RotateFirst() if request.call.verb == "token":
                oauth.rotate(presented)
            case rules.CutCDC():
                LIMIT.set(effect.at)  # the task ends with the request
            case _:
                return

    async def _after(self, request: _Request, active: ActiveRule, effect: rules.Effect) -> None:
        match effect:
            case rules.Twice():
                scope = _without_request_id(request.scope)
                await self._execute_again(scope, request.body, request.call, who=TWICE, rule=active.name)
            case rules.Edit():
                self._simulator.edit(request.call.realm_id, effect.entity or request.call.entity, edits=effect.edits)
            case _:
                return

    async def _end(self, request: _Request, plan: Plan) -> None:
        ending, active = plan.ending, plan.ended_by
        if isinstance(ending, rules.Answer | rules.Silence | rules.Reset) and ending.executed:
            await self._executed(request)
        match ending:
            case rules.Answer():
                await self._send(request, ending)
            case rules.Silence():
                await self._hold(request, ending.hold_seconds)
            case rules.Reset():
                connection.reset(request.scope)
                await _until_gone(request.receive)
            case rules.Half():
                await self._send_half(request, ending)
            case rules.Slow():
                await self._send_slowly(request, ending)
            case rules.Late() if active is not None:
                seconds = draw_seconds(active, ending.after_seconds)
                self._simulator.late.postpone(request.scope, request.body, seconds=seconds, rule=active.name)
                self._simulator.settle(None)  # kept before the client knows anything
                if ending.answer == "silence":
                    await self._hold(request, ending.hold_seconds)
                else:
                    await self._send(request, _GATEWAY_TIMEOUT)
            case _:
                raise AssertionError(ending)

    def _settling(self, send: Send) -> Send:
        """What an admin or a user at the consent page did lasts before they hear of it."""

        async def settling(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._simulator.settle(None)
            await send(message)

        return settling

    async def _execute(
        self, scope: Scope, body: bytes, call: Call, *, seen: SeenRequest, send: Send, postponed: int | None = None
    ) -> None:
        """What was committed is kept before the first byte of the answer leaves; no await lies between."""
        company = self._simulator.companies.get(call.realm_id)
        self._simulator.settle(company)
        if postponed is not None:
            self._simulator.late.taken_up(postponed)  # in the state: with its commit, in one transaction
        mark = CURRENT.set(seen)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                seen.executed = message["status"] < HTTPStatus.BAD_REQUEST
                self._simulator.settle(company)
            await send(message)

        try:
            await self._app(scope, _replaying(body, None), watched)
        finally:
            self._simulator.settle(company)
            CURRENT.reset(mark)

    async def _executed(self, request: _Request) -> _Reply:
        reply = _Reply()

        async def catch(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], list(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                reply.body += message.get("body", b"")

        await self._execute(request.scope, request.body, request.call, seen=request.seen, send=catch)
        request.seen.status = None
        return reply

    async def _carry_out(self, postponed: Postponed) -> None:
        scope, body = postponed.scope(), postponed.payload
        headers = dict(scope["headers"])
        call = describe_call(scope["method"], scope["path"], scope["query_string"], body=body, headers=headers)
        assert call is not None, "only calls of the API are postponed"  # noqa: S101 - narrows
        await self._execute_again(scope, body, call, who=LATE, rule=postponed.rule, postponed=postponed.nth)

    async def _execute_again(
        self, scope: Scope, body: bytes, call: Call, *, who: str, rule: str, postponed: int | None = None
    ) -> None:
        seen = self._simulator.oracle.request(call, who=who)
        seen.trouble = [rule]

        async def nowhere(_message: Message) -> None:
            return

        await self._execute(scope, body, call, seen=seen, send=nowhere, postponed=postponed)

    async def _send(self, request: _Request, answer: rules.Answer) -> None:
        status, headers, body = make_answer(answer, self._simulator.clock.now())
        request.seen.status = status
        await request.send({"type": "http.response.start", "status": status, "headers": headers})
        await request.send({"type": "http.response.body", "body": body})

    async def _send_half(self, request: _Request, ending: rules.Half) -> None:
        reply = await self._executed(request)
        request.seen.status = reply.status
        await request.send({"type": "http.response.start", "status": reply.status, "headers": _measured(reply)})
        sent = reply.body[: int(len(reply.body) * ending.fraction)]
        await request.send({"type": "http.response.body", "body": sent, "more_body": True})
        connection.close(request.scope)
        await _until_gone(request.receive)

    async def _send_slowly(self, request: _Request, ending: rules.Slow) -> None:
        reply = await self._executed(request)
        request.seen.status = reply.status
        await request.send({"type": "http.response.start", "status": reply.status, "headers": _measured(reply)})
        step = max(1, -(-len(reply.body) // ending.pieces))
        for start in range(0, len(reply.body), step):
            await self._simulator.timeline.sleep(ending.seconds / ending.pieces)
            piece = reply.body[start : start + step]
            await request.send({"type": "http.response.body", "body": piece, "more_body": True})
        await request.send({"type": "http.response.body", "body": b""})

    async def _hold(self, request: _Request, seconds: float) -> None:
        gone = asyncio.ensure_future(_until_gone(request.receive))
        waited = asyncio.ensure_future(self._simulator.timeline.sleep(seconds))
        try:
            await asyncio.wait({gone, waited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, waited):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        connection.close(request.scope)
        await _until_gone(request.receive)


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


def _replaying(body: bytes, receive: Receive | None) -> Receive:
    """The body in one message, as it was read; then what the connection says, if anybody asks."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive() if receive is not None else {"type": "http.disconnect"}

    return replay


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _measured(reply: _Reply) -> Headers:
    length = (b"content-length", str(len(reply.body)).encode())
    return [header for header in reply.headers if header[0].lower() != b"content-length"] + [length]


def _without_request_id(scope: Scope) -> Scope:
    pairs = [
        pair
        for pair in parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        if pair[0].lower() != "requestid"
    ]
    return {**scope, "query_string": urlencode(pairs).encode(), "state": dict(scope.get("state", {}))}


def _refresh_token(body: bytes) -> str:
    return parse_qs(body.decode(errors="replace")).get("refresh_token", [""])[0]
