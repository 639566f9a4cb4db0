"""The levers: trouble, simulated time, webhook subscriptions. Under /admin, without a token: no part of QBO."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra import exact_json
from infra.errors import InvalidInput, MalformedJSON
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.background import add_trouble
from infra.qbo.simulator.trouble.mixture import mixed_rules, read_mixture
from infra.qbo.simulator.trouble.rules import read_rules
from infra.qbo.simulator.trouble.trouble import ActiveRule
from infra.qbo.simulator.webhooks.subscription import read_subscription

Endpoint = Callable[[Request], Awaitable[Response]]


class _ClockChange(BaseModel):
    """`now` first, then `advance_seconds`, then `scale`; at least one of them."""

    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime | None = None
    advance_seconds: Annotated[float, Field(ge=0)] | None = None
    scale: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.now is None and self.advance_seconds is None and self.scale is None:
            raise ValueError("give now, advance_seconds or scale")
        return self


def control_routes(simulator: Simulator) -> list[BaseRoute]:
    controls = _Controls(simulator)
    return [
        Route("/admin/clock", controls.clock, methods=["GET"]),
        Route("/admin/clock", _plainly(controls.set_clock), methods=["POST"]),
        Route("/admin/trouble", controls.trouble, methods=["GET"]),
        Route("/admin/trouble", _plainly(controls.add_trouble), methods=["POST"]),
        Route("/admin/trouble", controls.remove_trouble, methods=["DELETE"]),
        Route("/admin/trouble-by-seed", _plainly(controls.mix_trouble), methods=["POST"]),
        Route("/admin/trouble/{name}", controls.remove_trouble, methods=["DELETE"]),
        Route("/admin/webhooks", controls.webhooks, methods=["GET"]),
        Route("/admin/webhooks", _plainly(controls.subscribe), methods=["POST"]),
        Route("/admin/webhooks", controls.unsubscribe, methods=["DELETE"]),
        Route("/admin/webhooks/{name}", controls.unsubscribe, methods=["DELETE"]),
    ]


class _Controls:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def clock(self, _request: Request) -> Response:
        clock = self._simulator.clock
        return answer({"now": clock.now().isoformat(), "scale": clock.scale})

    async def set_clock(self, request: Request) -> Response:
        try:
            change = _ClockChange.model_validate(await read_body(request))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise InvalidInput(f"{place}: {first['msg']}") from error
        clock = self._simulator.clock
        if change.now is not None:
            clock.move_to(change.now)
        if change.advance_seconds is not None:
            clock.advance(change.advance_seconds)
        if change.scale is not None:
            clock.set_scale(change.scale)
        self._simulator.settle(None)
        return await self.clock(request)

    async def trouble(self, _request: Request) -> Response:
        return answer({"rules": [_describe(active) for active in self._simulator.trouble.active.values()]})

    async def add_trouble(self, request: Request) -> Response:
        """One rule, a list of them, or `{"rules": […]}`; all are taken or none."""
        added = add_trouble(self._simulator, read_rules(await read_body(request), source="body"))
        return answer({"added": [active.name for active in added]})

    async def mix_trouble(self, request: Request) -> Response:
        """`{"seed": 7, "share": 0.05, "ends_connections": false}`: rules of every kind."""
        mixed = mixed_rules(read_mixture(await read_body(request)))
        return answer({"added": [active.name for active in add_trouble(self._simulator, mixed)]})

    async def remove_trouble(self, request: Request) -> Response:
        return _removed(self._simulator.trouble.remove(request.path_params.get("name")), request)

    async def webhooks(self, _request: Request) -> Response:
        return answer({"subscriptions": self._simulator.webhooks.describe()})

    async def subscribe(self, request: Request) -> Response:
        return answer({"name": self._simulator.webhooks.subscribe(read_subscription(await read_body(request)))})

    async def unsubscribe(self, request: Request) -> Response:
        return _removed(self._simulator.webhooks.unsubscribe(request.path_params.get("name")), request)


async def read_body(request: Request) -> Any:
    """Raises:
    InvalidInput: not JSON.
    """
    try:
        return exact_json.loads(await request.body())
    except MalformedJSON as error:
        raise InvalidInput(f"body: should be JSON: {error}") from error


def answer(body: dict[str, Any], *, status: int = 200) -> Response:
    return Response(exact_json.dumps(body), status, media_type="application/json")


def _plainly(endpoint: Endpoint) -> Endpoint:
    """What cannot be read is a 400 that says why."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except InvalidInput as error:
            return answer({"error": str(error)}, status=400)

    return guarded


def _removed(names: list[str], request: Request) -> Response:
    wanted = request.path_params.get("name")
    if wanted is not None and not names:
        return answer({"error": f"there is no {wanted}"}, status=404)
    return answer({"removed": names})


def _describe(active: ActiveRule) -> dict[str, Any]:
    shown = active.rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    return shown | {"fitting": active.fitting, "applied": active.applied}
