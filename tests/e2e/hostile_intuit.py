"""An Intuit that hands out recognisable secrets, fails in every way, and repeats in its answers what it was sent."""

import asyncio
from html import escape
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

CLIENT_SECRET = "CANARYclientsecret"
CODE = "CANARYcode"
REALM = "4620816365"
HANG_SECONDS = 1.5

# How an endpoint may answer. The names of the troubles are what a test goes through.
TROUBLES = (
    "401", "403", "403-page", "400-fault", "429", "500", "502-page", "200-fault", "200-malformed", "200-page",
    "200-other-shape", "302", "hang", "cut",
)  # fmt: skip
OAUTH_TROUBLES = (*TROUBLES, "invalid_grant", "odd-code")


class HostileIntuit:
    """`token` and `api` say how those endpoints answer; `ok` is the right way."""

    def __init__(self) -> None:
        self.token = "ok"
        self.api = "ok"
        self.revoke = "ok"
        self.given = 0
        self.repeated = 0
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid_configuration", self._discovery),
                Route("/mode/{endpoint}/{mode}", self._set_mode),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
                Route("/v3/company/{realm}/{rest:path}", self._api, methods=["GET", "POST"]),
            ]
        )

    async def _set_mode(self, request: Request) -> Response:
        setattr(self, request.path_params["endpoint"], request.path_params["mode"])
        return PlainTextResponse("ok")

    async def _discovery(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        names = {"authorization": "authorize", "token": "token", "revocation": "revoke"}
        return JSONResponse({f"{name}_endpoint": f"{base}/{path}" for name, path in names.items()})

    async def _token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        sent = " ".join(values[0] for name, values in form.items() if name in {"code", "refresh_token"})
        if self.token != "ok":
            return await self._trouble(self.token, f"{sent} {request.headers['authorization']}")
        self.given += 1
        return JSONResponse(
            {
                "access_token": f"CANARYaccess{self.given}",
                "refresh_token": f"CANARYrefresh{self.given}",
                "expires_in": 3600,
                "x_refresh_token_expires_in": 8726400,
            }
        )

    async def _revoke(self, request: Request) -> Response:
        sent = (await request.json())["token"]
        return Response() if self.revoke == "ok" else await self._trouble(self.revoke, sent)

    async def _api(self, request: Request) -> Response:
        if self.api != "ok":
            return await self._trouble(self.api, request.headers["authorization"])
        if "companyinfo" in request.url.path:
            return JSONResponse({"CompanyInfo": {"Id": "1", "CompanyName": "Canary & Co", "Country": "US"}})
        return JSONResponse({"QueryResponse": {}, "time": "2026-03-01T12:00:00.000-08:00"})

    async def _trouble(self, mode: str, sent: str) -> Response:
        """Whatever the trouble, the answer says `sent` again."""
        self.repeated += 1
        status, _, form = mode.partition("-")
        page = f"<html><head><title>{escape(sent)}</title></head><body>{escape(sent)}</body></html>"
        fault = {"Fault": {"Error": [{"Message": sent, "Detail": f"it was {sent}", "code": "4000"}], "type": sent}}
        match mode:
            case "hang":
                await asyncio.sleep(HANG_SECONDS)
                answer = Response(status_code=504)
            case "cut":
                answer = Response(sent, headers={"Content-Length": "100000"})
            case "302":
                answer = Response(status_code=302, headers={"Location": f"http://127.0.0.1:9/?token={sent}"})
            case "invalid_grant" | "odd-code":
                code = mode if mode == "invalid_grant" else sent
                answer = JSONResponse({"error": code, "error_description": sent}, 400)
            case "200-malformed":
                answer = Response(f'{{"access_token": "{sent}", ', media_type="application/json")
            case "200-other-shape":
                answer = JSONResponse([{"access_token": sent, "refresh_token": sent}])
            case _ if form == "page":
                answer = Response(page, int(status), media_type="text/html")
            case _:
                answer = JSONResponse(fault, int(status))
        return answer
