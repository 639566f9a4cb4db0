from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from domains.core.models import ConnectionState
from runway.orchestrators.connection_health import ConnectionCheck
from runway.routes.access import ReadsBooks
from runway.routes.documentation import documented
from runway.routes.edge import NamedLimit, charge
from runway.routes.errors import CONNECT_PATH

router = APIRouter(tags=["connection"])
short = APIRouter()  # the path that the specification names, beside the versioned one


class LastErrorOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    text: str
    at: datetime


class ConnectionHealthOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    checked_at: datetime
    state: ConnectionState | None = Field(description="Null when no company was ever connected.")
    reachable: bool | None = Field(description="Whether QuickBooks answered just now; null when it was not asked.")
    latency_ms: float | None = Field(description="Milliseconds that QuickBooks took.")
    company_name: str | None = Field(description="As QuickBooks has it.")
    external_account_id: str | None = Field(description="The company's id at the rail: QuickBooks' realm.")
    token_valid_until: datetime | None = Field(description="It is renewed before then.")
    grant_valid_until: datetime | None = Field(description="Unless it is used, it must be connected again then.")
    needs_reconnect: bool = Field(description=f"Only a person can bring it back, at `{CONNECT_PATH}`.")
    error: str | None = Field(description="Why QuickBooks did not answer, or was not asked.")
    last_error: LastErrorOut | None = Field(description="What the latest sync that failed met, however long ago.")


class ConnectionHealthAnswer(BaseModel):
    data: ConnectionHealthOut


_EXAMPLE = {
    "checked_at": "2026-03-15T18:55:00Z",
    "state": "active",
    "reachable": True,
    "latency_ms": 212.4,
    "company_name": "Corner Bakery",
    "external_account_id": "9341454000000001",
    "token_valid_until": "2026-03-15T19:48:02Z",
    "grant_valid_until": "2026-06-24T18:48:02Z",
    "needs_reconnect": False,
    "error": None,
    "last_error": {"text": "QuickBooks did not answer within 20 s.", "at": "2026-03-14T02:11:09Z"},
}


@short.get("/qbo_setup/{business_id}/health", include_in_schema=False)
@router.get(
    "/api/v1/qbo_setup/{business_id}/health",
    summary="Does the connection work?",
    responses=documented({"data": _EXAMPLE}),
)
async def get_connection_health(business_id: UUID, request: Request, caller: ReadsBooks) -> ConnectionHealthAnswer:
    """Asks QuickBooks itself for the company's record, which takes ten seconds at most and counts as a call.

    Six a minute and business. The path names the business; `X-Business-ID` is not looked at. It answers 200 whatever it found.
    """
    services = caller.process
    tokens = services.qbo_rail.tokens
    await charge(request, NamedLimit.HEALTH, business_id)
    check = ConnectionCheck(uow=services.uow, connections=services.qbo_connections, tokens=tokens, clock=services.clock)
    health = await check.get(caller.business.id)
    return ConnectionHealthAnswer(data=ConnectionHealthOut.model_validate(health))
