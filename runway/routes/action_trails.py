from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from domains.ap.payment_errors import PaymentNotFound
from infra.actions.errors import IntentNotFound
from infra.actions.models import ActionAttempt
from infra.log_proof.seals import Seal
from runway.orchestrators.action_trail import ActionTrails, Step, details_of
from runway.routes.access import ReadsBooks
from runway.routes.action_answers import show
from runway.routes.action_out import ACTION_EXAMPLE, ActionOut
from runway.routes.documentation import documented

router = APIRouter(prefix="/api/v1", tags=["payments"])


class SealOut(BaseModel):
    """The sealed batch that holds the row: `oodaloo log verify` proves it."""

    batch_no: int
    root: str = Field(description="Merkle root over the batch's rows, hexadecimal.")
    hash: str = Field(description="Of the batch and the one before it, hexadecimal.")
    checkpoint_no: int
    sealed_at: datetime


class StepOut(BaseModel):
    of: Literal["approval", "action", "recorded"] = Field(
        description="`approval`: of one of its bills; `action`: a change of the action; `recorded`: of our copy of what it made."
    )
    event: str = Field(description="What happened.", examples=["approved", "requested", "confirmed"])
    actor: str = Field(examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c12"])
    request_id: str
    recorded_at: datetime
    details: dict[str, Any] = Field(description="What the row tells: figures, answers, from which state to which.")
    table: str = Field(description="The log that holds the row.")
    row_id: int
    entity_id: UUID
    version: int
    seal: SealOut | None = Field(description="Null: written in the last seconds, and not sealed yet.")


class AttemptOut(BaseModel):
    """One call to QuickBooks about it."""

    model_config = ConfigDict(from_attributes=True)

    kind: str = Field(description="A send, a look, a check.")
    started_at: datetime
    finished_at: datetime
    rail_request_id: str = Field(description="QuickBooks' `requestid`: the same for every send of one request.")
    stage: str | None = Field(description="How far the request got.")
    result: str
    status: int | None = Field(description="The HTTP status, where one came.")
    code: str | None = Field(description="QuickBooks' own code.")
    words: str | None
    trace_id: str | None = Field(description="`intuit_tid`: what Intuit's support asks for.")
    external_id: str | None


class TrailOut(BaseModel):
    payment: ActionOut
    steps: list[StepOut] = Field(description="In the order in which they were recorded.")
    attempts: list[AttemptOut] = Field(description="The oldest first.")


class TrailAnswer(BaseModel):
    data: TrailOut


_EXAMPLE: dict[str, Any] = {
    "payment": ACTION_EXAMPLE,
    "steps": [
        {
            "of": "action",
            "event": "requested",
            "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c12",
            "request_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c14",
            "recorded_at": "2026-03-15T21:03:00Z",
            "details": {"state": [None, "requested"]},
            "table": "action_transaction_log",
            "row_id": 4711,
            "entity_id": ACTION_EXAMPLE["id"],
            "version": 1,
            "seal": {
                "batch_no": 12,
                "root": "9f2c…",
                "hash": "03ab…",
                "checkpoint_no": 40,
                "sealed_at": "2026-03-15T21:04:00Z",
            },
        }
    ],
    "attempts": [
        {
            "kind": "first",
            "started_at": "2026-03-15T21:03:00Z",
            "finished_at": "2026-03-15T21:03:01Z",
            "rail_request_id": "0f3c7d52-6a35-5c1e-9f0e-3b1f0a5d2c11",
            "stage": "body",
            "result": "done",
            "status": 200,
            "code": None,
            "words": None,
            "trace_id": "1-65f4b2a0-0123456789abcdef01234567",
            "external_id": "160",
        }
    ],
}


@router.get(
    "/payments/{payment_id}/trail",
    summary="The chain of custody of a payment",
    responses=documented({"data": _EXAMPLE}),
)
async def get_payment_trail(caller: ReadsBooks, payment_id: UUID) -> TrailAnswer:
    """Who approved on what figures, who asked, what was sent and answered, how it was verified: each a log row, with its seal."""
    trails = ActionTrails(caller.business.id, caller.process.uow)
    try:
        trail = await trails.get(payment_id)
    except IntentNotFound as error:
        raise PaymentNotFound(payment_id) from error
    return TrailAnswer(
        data=TrailOut(
            payment=show(caller, trail.intent),
            steps=[_step(step) for step in trail.steps],
            attempts=[_attempt(attempt) for attempt in trail.attempts],
        )
    )


def _attempt(attempt: ActionAttempt) -> AttemptOut:
    return AttemptOut.model_validate(attempt)


def _step(step: Step) -> StepOut:
    row = step.row
    return StepOut.model_validate(
        {
            "of": step.of,
            "event": row.transaction_type,
            "actor": row.actor,
            "request_id": row.request_id,
            "recorded_at": row.recorded_at,
            "details": details_of(row),
            "table": step.table,
            "row_id": row.id,
            "entity_id": row.entity_id,
            "version": row.version,
            "seal": None if step.seal is None else _seal(step.seal),
        }
    )


def _seal(seal: Seal) -> SealOut:
    return SealOut(
        batch_no=seal.batch_no,
        root=seal.root.hex(),
        hash=seal.hash.hex(),
        checkpoint_no=seal.checkpoint_no,
        sealed_at=seal.sealed_at,
    )
