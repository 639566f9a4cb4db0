"""A route that is called directly answers as FastAPI's own does, to whatever is asked."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.responses import JSONResponse, Response

from runway.routes import read_route
from runway.routes.asked import AskedPage, Strict
from runway.routes.bills import AskedBills
from runway.routes.read_route import ReadRoute


async def find_caller(request: Request) -> str:
    if "stranger" in request.headers:
        raise PermissionError
    return request.headers.get("caller", "nobody")


Caller = Annotated[str, Depends(find_caller)]


class AskedTags(Strict):
    tags: list[str] | None = Field(default=None)


def answered(caller: str, asked: Any) -> JSONResponse:
    return JSONResponse(
        {"caller": caller, "asked": asked.model_dump(mode="json"), "set": sorted(asked.model_fields_set)}
    )


def router_of(route_class: type[APIRoute]) -> APIRouter:
    router = APIRouter(route_class=route_class)

    @router.get("/bills")
    async def bills(request: Request, caller: Caller, asked: Annotated[AskedBills, Query()]) -> Response:
        assert request.url.path == "/bills"
        return answered(caller, asked)

    @router.get("/pages")
    async def pages(asked: Annotated[AskedPage, Query()], sent: Request, who: Caller) -> Response:
        assert sent.url.path == "/pages"
        return answered(who, asked)

    @router.get("/tags")
    async def tags(_request: Request, caller: Caller, asked: Annotated[AskedTags, Query()]) -> Response:
        return answered(caller, asked)

    @router.get("/of/{one}")
    async def one(_request: Request, caller: Caller, one: int, asked: Annotated[AskedPage, Query()]) -> Response:
        return answered(f"{caller} {one}", asked)

    @router.get("/model")
    async def model(_request: Request, _caller: Caller, asked: Annotated[AskedPage, Query()]) -> AskedPage:
        return asked

    return router


def app_of(router: APIRouter) -> FastAPI:
    """It tells of an error what the product does."""
    app = FastAPI()
    app.router.routes += router.routes  # as the product does

    @app.exception_handler(PermissionError)
    async def refuse(_request: Request, _error: Exception) -> Response:
        return Response(status_code=403)

    @app.exception_handler(RequestValidationError)
    async def tell(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return JSONResponse([[item["loc"], item["msg"]] for item in error.errors()], status_code=422)

    return app


ROUTER = router_of(ReadRoute)
OURS, THEIRS = app_of(ROUTER), app_of(router_of(APIRoute))
QUERIES = [
    "", "limit=50", "limit=0", "limit=x", "limit=201&status=none", "limit=5&limit=7", "status=paid&vendor=31",
    "unknown=1", "unknown=1&unknown=2", "vendor=", "search=%00", "max_age=live", "due_from=2026-02-30", "due_within=-1&due_from=x",
    "limit", "tags=1", "tags=1&tags=2", "LIMIT=5", "cursor=a%20b", "%", "limit=%31", "limit= 5", "a[]=1", "&&&", "limit=5&&cursor=",
]  # fmt: skip


async def asked_of(app: FastAPI, path: str, **headers: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://oodaloo.test") as client:
        answer = await client.get(path, headers=headers)
        return answer.status_code, answer.text


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", ["/bills", "/pages", "/tags", "/of/7", "/of/x", "/model"])
async def test_an_answer_and_a_refusal_are_those_of_fastapi(path: str, query: str) -> None:
    ours, theirs = [await asked_of(app, f"{path}?{query}", caller="dune") for app in (OURS, THEIRS)]
    assert ours == theirs


async def test_who_may_not_is_told_so_before_what_is_wrong_with_the_query() -> None:
    assert await asked_of(OURS, "/bills?limit=x", stranger="yes") == (403, "")


def test_both_are_documented_alike() -> None:
    assert OURS.openapi() == THEIRS.openapi()


def test_functions_that_take_more_are_fastapis_to_call() -> None:
    direct = {
        route.path
        for route in ROUTER.routes
        if isinstance(route, ReadRoute) and read_route.takes_caller_and_query(route)
    }
    assert direct == {"/bills", "/pages"}
