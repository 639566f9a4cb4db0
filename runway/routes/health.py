"""For those who watch the installation: load balancers and Prometheus."""

import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from infra.observability.counted import TALLY
from infra.observability.exposition import CONTENT_TYPE, render
from infra.observability.readiness import Standing
from runway.routes.access import AllServices
from runway.routes.doors import Door, is_door
from runway.routes.problems import MEDIA_TYPE, problem_response
from runway.routes.request_proofs import bearer_token

router = APIRouter(tags=["health"])
watch = APIRouter()


class Health(BaseModel):
    status: str


class Ready(BaseModel):
    status: str = Field(description="`ready`, or `degraded`: it serves, and a part that it can do without is away.")
    parts: dict[str, str] = Field(description="`ok`, or what is wrong.")


_READY = {
    "status": "ready",
    "parts": {"database:app": "ok", "database:access": "ok", "database:jobs": "ok", "redis": "ok", "keyring": "ok", "migrations": "ok"},
}  # fmt: skip


@router.get("/healthz", summary="Is the process up?", responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}})  # fmt: skip
async def get_health() -> Health:
    """Answers as soon as the process serves requests; needs no token and asks no other server."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Can the process serve?",
    response_model=Ready,
    responses={
        200: {"content": {"application/json": {"example": _READY}}},
        503: {"description": "A part that it cannot do without is away; `parts` says which.", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
    },
)  # fmt: skip
async def get_readiness(request: Request, services: AllServices) -> Response | Ready:
    """Each database role, the schema, the keyring and Redis, up to a second ago. Without Redis it is `degraded` and serves.

    A schema newer than this process is well: the next release is being brought out.
    """
    standing = await services.readiness.get()
    parts = _told(standing)
    if standing.is_ready:
        return Ready(status="ready" if standing.is_whole else "degraded", parts=parts)
    wrong = "; ".join(f"{part.name}: {part.problem}" for part in standing.parts if part.problem)
    return problem_response(
        request,
        "not-ready",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="This process cannot serve",
        detail=wrong,
        headers={"Retry-After": "1"},
        parts=parts,
    )


@is_door(Door.METRICS)
async def metrics_reader(request: Request, services: AllServices) -> None:
    """Whoever holds OODALOO_METRICS_TOKEN. For anybody else there is nothing at this path."""
    expected, shown = services.settings.edge.metrics_token, bearer_token(request)
    if (
        expected is None
        or shown is None
        or not hmac.compare_digest(shown.encode(), expected.get_secret_value().encode())
    ):
        raise HTTPException(HTTPStatus.NOT_FOUND)


@watch.get("/metrics", include_in_schema=False)
async def get_metrics(_: Annotated[None, Depends(metrics_reader)], services: AllServices) -> Response:
    """Prometheus's text. What was counted is of all processes; only the pools and circuits are of the one that answers."""
    installation = services.installation
    text = render(
        await installation.get(),
        readings=await TALLY.read(services.redis),
        pools=installation.pools(),
        breakers={} if services.qbo is None else services.qbo.breaker.standing(),
    )
    return Response(text, media_type=CONTENT_TYPE)


def _told(standing: Standing) -> dict[str, str]:
    return {part.name: part.problem or "ok" for part in standing.parts}
