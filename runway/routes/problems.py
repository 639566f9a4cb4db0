"""Every error leaves as problem details (RFC 9457): one shape, and no sentence that shows our insides."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from infra import exact_json

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:oodaloo:problem:"


class FieldProblem(BaseModel):
    """One part of the request that cannot be read."""

    where: str = Field(description="Path of the part: `query.limit`, `path.bill_id`.", examples=["query.limit"])
    problem: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable name of the kind of problem.", examples=[f"{TYPE_PREFIX}not-found"])
    title: str = Field(description="The kind in words; the same for every occurrence.", examples=["Not found"])
    status: int = Field(description="The HTTP status once more.", examples=[404])
    detail: str = Field(description="What happened this time.", examples=["There is no such bill."])
    instance: str = Field(description="The path that was asked.", examples=["/api/v1/bills"])
    request_id: str = Field(description="Give it to support: our log knows it.", examples=["0198c7d2-…"])
    errors: list[FieldProblem] | None = Field(default=None, description="Set for a malformed request.")
    reconnect: str | None = Field(default=None, description="Where to connect QuickBooks again, when that is needed.")
    limit: str | None = Field(default=None, description="Which limit of requests is used up.")
    duplicates: list[dict[str, Any]] | None = Field(
        default=None, description="What a bill looks like, where that is in the way."
    )
    changed: dict[str, list[str | None]] | None = Field(
        default=None, description="What is not as it was seen: field → [then, now]."
    )
    code: str | None = Field(
        default=None, description="The refusal's own name, which stays.", examples=["more_than_open"]
    )
    action: str | None = Field(default=None, description="The action that is in the way, or that the key stands for.")
    rail_code: str | None = Field(default=None, description="The rail's own code of its refusal.")


def problem_response(
    request: Request,
    kind: str,
    *,
    status: int,
    title: str | None = None,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """`kind` is the end of the problem's type; `more` are the members that only some problems have."""
    body = {
        "type": TYPE_PREFIX + kind,
        "title": title or HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.url.path,
        "request_id": request.state.request_id,
        **more,
    }
    return Response(exact_json.dumps(body), int(status), headers=headers, media_type=MEDIA_TYPE)
