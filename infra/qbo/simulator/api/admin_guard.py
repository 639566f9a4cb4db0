"""Who may use /admin: anybody who reaches the port, or, with a secret, whoever sends it. A client's token never does."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from infra import exact_json

HEADER: Final = "x-simulator-secret"
_PLACE: Final = "/admin"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class AdminGuard:
    def __init__(self, app: App, secret: str | None) -> None:
        self._app, self._secret = app, secret

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._secret is None or scope["type"] != "http" or not scope["path"].startswith(_PLACE):
            await self._app(scope, receive, send)
            return
        shown = dict(scope["headers"]).get(HEADER.encode(), b"")
        if secrets.compare_digest(shown, self._secret.encode()):
            await self._app(scope, receive, send)
            return
        body = exact_json.dumps({"error": f"/admin wants this simulator's secret in the header {HEADER}"})
        await Response(body, HTTPStatus.UNAUTHORIZED, media_type="application/json")(scope, receive, send)
