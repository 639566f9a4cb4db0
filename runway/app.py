"""Builds the FastAPI application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from http import HTTPStatus

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from infra.clock import Clock
from infra.embedded.servers import ServerAddresses, servers
from infra.garbage import WHILE_ANSWERING, long_lived
from infra.logging import configure_logging
from runway.routes import API, ROUTERS, errors
from runway.routes.documentation import DESCRIPTION, TITLE, VERSION, describe, operation_id
from runway.routes.edge import EdgeRules, RequestEdge
from runway.routes.route_index import RouteIndex
from runway.schema import bring_to_head
from runway.services import Services
from runway.settings import Settings
from runway.web import ROUTERS as WEB
from runway.wiring import open_services

ServicesOpener = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(settings: Settings, addresses: ServerAddresses, *, clock: Clock | None = None) -> FastAPI:
    """The application on servers that run already, at the newest schema."""
    return _build(lambda: open_services(settings, addresses, clock=clock))


def create_app_from_environment() -> FastAPI:
    """The application of `uvicorn main:app`: settings are read and servers entered when it starts."""
    return _build(_open_from_environment)


def _build(opener: ServicesOpener) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opener() as services:
            app.state.services = services
            app.state.edge = EdgeRules.of(services.settings, services.redis)
            with long_lived(WHILE_ANSWERING):
                yield
            await app.state.edge.rates.limiter.close()

    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,  # routes/api_page.py has it, and can leave it out
        docs_url=None,  # FastAPI's own pages fetch their script from elsewhere
        redoc_url=None,
        # We have our own, and each request would ask for these.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    routes = list(_routes_of((*ROUTERS, *WEB)))
    app.router.routes += [RouteIndex(routes), *routes]
    errors.install(app, (*ROUTERS, *WEB))
    app.add_middleware(RequestEdge)
    app.openapi = lambda: describe(app, API)  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app


def _routes_of(routers: Iterable[APIRouter]) -> Iterator[BaseRoute]:
    """`include_router` would make each route anew at the first request, which takes a second, and search every router for it."""
    routes = [route for router in routers for route in router.routes]
    for route in routes:
        if isinstance(route, APIRoute):
            route.unique_id = operation_id(route)
    words = _words_among_ids(routes)
    yield from (route for route in routes if isinstance(route, Route) and route.path in words)
    yield from (Route(path, _TakesNoOther(), include_in_schema=False) for path in sorted(words))
    yield from (route for route in routes if not (isinstance(route, Route) and route.path in words))


def _words_among_ids(routes: Iterable[BaseRoute]) -> set[str]:
    """The paths that would be an id of another one, but for being named: `/scenarios/compare` is no scenario, whatever is asked of it."""
    known = [route for route in routes if isinstance(route, Route)]
    general = [route.path_regex for route in known if route.param_convertors]
    return {
        route.path for route in known if not route.param_convertors and any(one.match(route.path) for one in general)
    }


class _TakesNoOther:
    """What is left of a path once its own methods are taken."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)


@asynccontextmanager
async def _open_from_environment() -> AsyncIterator[Services]:
    settings = Settings.from_environment()
    configure_logging(level=settings.web.log_level, as_json=settings.web.log_json)
    with ExitStack() as stack:
        # In a thread: starting the bundled servers and migrating block for up to some seconds.
        addresses = await asyncio.to_thread(lambda: stack.enter_context(servers(settings.servers)))
        await asyncio.to_thread(bring_to_head, settings.servers, addresses)
        async with open_services(settings, addresses) as services:
            yield services
