"""Intuit's token endpoint as far as a refresh goes: each refresh kills the token it was asked with."""

import asyncio
import threading
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class TokenEndpoint:
    """`refusals` counts `invalid_grant`; `trouble` is a status to answer with instead."""

    def __init__(self) -> None:
        self.valid = "R0"
        self.calls = 0
        self.refusals = 0
        self.trouble: int | None = None
        self.rotates = True
        self.delay_seconds = 0.0
        self.revoked: list[str] = []
        self.revoke_trouble: int | None = None
        self._lock = threading.Lock()
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid_configuration", self._discovery),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "revocation_endpoint": f"{base}/revoke",
            }
        )

    async def _token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        await asyncio.sleep(self.delay_seconds)
        with self._lock:
            self.calls += 1
            if self.trouble is not None:
                return Response("<html>trouble</html>", status_code=self.trouble)
            if form["refresh_token"] != [self.valid]:
                self.refusals += 1
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            if self.rotates:
                self.valid = f"R{self.calls}"
            return JSONResponse(
                {
                    "token_type": "bearer",
                    "access_token": f"A{self.calls}",
                    "expires_in": 3600,
                    "refresh_token": self.valid,
                    "x_refresh_token_expires_in": 8726400,
                }
            )

    async def _revoke(self, request: Request) -> Response:
        token = (await request.json())["token"]
        if self.revoke_trouble is not None:
            return Response("<html>trouble</html>", status_code=self.revoke_trouble)
        self.revoked.append(token)
        if token != self.valid:
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        self.valid = ""
        return Response()
