from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response, StreamingResponse

from domains.ap.payment_errors import PaymentNotFound
from domains.core.paging import MAX_PAGE, InstantCursor, page_of
from infra import exact_json
from infra.actions import listing
from infra.actions.errors import IntentNotFound
from infra.actions.listing import ActionFilter
from infra.actions.models import ActionIntent
from infra.actions.states import SETTLED, ActionState
from runway.routes.access import Caller, ExecutesPayments, ReadsBooks
from runway.routes.action_answers import (
    accepted,
    answer,
    answer_soon,
    asking_of,
    moves_money,
    payer_of,
    show,
)
from runway.routes.action_out import ACTION_EXAMPLE, ActionAnswer, ActionOut
from runway.routes.asked import Strict
from runway.routes.documentation import documented
from runway.routes.idempotency import IdempotencyKey

router = APIRouter(prefix="/api/v1", tags=["payments"])

_KEEP_ALIVE = timedelta(seconds=15)
_LONGEST_STREAM = timedelta(minutes=5)  # then the browser comes again, and is asked again who it is
_RETRY_MS: Final = 2000
_QUIET = SETTLED | {ActionState.BLOCKED, ActionState.NEEDS_REVIEW}  # nothing more comes until a person does something
_EVENTS: dict[int | str, Any] = {
    HTTPStatus.OK.value: {
        "description": "Server-sent events until it is over: each `data` is the payment as `GET` has it, each `id` its version.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": f"retry: {_RETRY_MS}\n\nid: 5\nevent: payment\ndata: {{…}}\n\n",
            }
        },
    }
}


class AskedActions(Strict):
    state: list[ActionState] = Field(
        default_factory=list, max_length=len(ActionState), description="Any of these; unless given, all."
    )
    open: bool | None = Field(default=None, description="Only what is not over, or only what is.")
    operation: list[str] = Field(default_factory=list, max_length=10, description="`pay_bills`, `void_payment`, …")
    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)

    def filter(self) -> ActionFilter:
        """One row more than the page: it only says that there is another page.

        Raises:
            UnreadableCursor: the cursor is none of ours.
        """
        states = set(self.state) or set(ActionState)
        if self.open is not None:
            states &= (set(ActionState) - SETTLED) if self.open else SETTLED
        return ActionFilter(
            states=states,
            operations=self.operation,
            before=InstantCursor.decode(self.cursor).key if self.cursor else None,
            limit=self.limit + 1,
        )


class ActionsAnswer(BaseModel):
    data: list[ActionOut]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class WantedVoid(Strict):
    reason: str = Field(default="", max_length=500, description="Kept in the log.")


class Finding(Strict):
    """What a person found in QuickBooks, where we could not tell: one of both."""

    found: str | None = Field(
        default=None, min_length=1, max_length=100, description="It is there, as the object of this id."
    )
    not_there: str | None = Field(
        default=None, min_length=1, max_length=500, description="It is not: where you looked. It is kept in the log."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.found is None) is (self.not_there is None):
            raise ValueError("say either what was found or that it is not there")
        return self


@router.get(
    "/actions",
    summary="What we were asked to do in QuickBooks",
    responses=documented({"data": [ACTION_EXAMPLE], "next_cursor": None}),
)
async def list_actions(caller: ReadsBooks, asked: Annotated[AskedActions, Query()]) -> ActionsAnswer:
    """Payments, voids, customers' payments, reminders: each with where it stands, the latest first."""
    async with caller.process.uow([caller.business.id]) as uow:
        rows = await listing.list_intents(uow.session, caller.business.id, asked.filter())
    page = page_of(rows, asked.limit, cursor_of=lambda row: InstantCursor(row.created_at, row.id).encode())
    return ActionsAnswer(data=[show(caller, row) for row in page.items], next_cursor=page.next_cursor)


@router.get(
    "/payments/{payment_id}",
    summary="Where a payment stands",
    responses=documented({"data": ACTION_EXAMPLE}),
)
async def get_payment(caller: ReadsBooks, payment_id: UUID) -> ActionAnswer:
    """One action of ours by its id: of a payment, a void, a customer's payment, a reminder."""
    intent = await _get(caller, payment_id)
    return ActionAnswer(data=show(caller, intent))


@router.get(
    "/payments/{payment_id}/events",
    summary="A payment's progress, as it happens",
    response_class=StreamingResponse,
    responses=documented(None) | _EVENTS,
)
async def watch_payment(caller: ReadsBooks, payment_id: UUID) -> StreamingResponse:
    """Server-sent events: how it stands now, then each change, until it is over or waits for a person. A comment keeps the line alive."""
    await _get(caller, payment_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(caller, payment_id), media_type="text/event-stream", headers=headers)


@router.post(
    "/payments/{payment_id}/execute",
    summary="Execute a payment that waits",
    response_model=ActionAnswer,
    responses=documented({"data": ACTION_EXAMPLE}) | accepted(),
)
async def execute_payment(request: Request, caller: ExecutesPayments, payment_id: UUID) -> Response:
    """Lets go one that is held; by another person than who asked for it, where two are needed. One that is scheduled begins now, and keeps its date.

    Safe to repeat: one that is under way, or recorded, is left as it is.
    """
    await moves_money(request, caller)
    intent = await caller.services.paying_bills.execute(
        payment_id, payer=payer_of(caller), request_id=caller.origin.request_id
    )
    return await answer_soon(request, caller, intent)


@router.post(
    "/payments/{payment_id}/cancel",
    summary="Call a payment off",
    response_model=ActionAnswer,
    responses=documented({"data": ACTION_EXAMPLE | {"outcome": "cancelled", "state": "cancelled"}}),
)
async def cancel_payment(caller: ExecutesPayments, payment_id: UUID) -> Response:
    """Possible until QuickBooks is being told; 409 from then on. Safe to repeat."""
    origin = caller.origin
    async with caller.process.uow([caller.business.id]) as uow:
        intent = await caller.process.actions.cancel(
            uow, caller.business.id, payment_id, actor=origin.actor, request_id=origin.request_id
        )
    return answer(show(caller, intent))


@router.post(
    "/payments/{payment_id}/void",
    summary="Void a payment",
    response_model=ActionAnswer,
    responses=documented({"data": ACTION_EXAMPLE | {"operation": "void_payment"}}) | accepted(),
)
async def void_payment(
    request: Request, caller: ExecutesPayments, payment_id: UUID, key: IdempotencyKey, wanted: WantedVoid | None = None
) -> Response:
    """Voids it in QuickBooks: it stays there with nothing paid, and its bills are open again. An action of its own, under an id of its own.

    `payment_id` is ours of a payment that we recorded, or that `GET /payments` lists.
    """
    await moves_money(request, caller)
    asking = asking_of(request, caller, key, body=wanted or WantedVoid())
    reason = wanted.reason if wanted is not None else ""
    intent = await caller.services.paying_bills.void(payment_id, reason=reason, payer=payer_of(caller), asking=asking)
    return await answer_soon(request, caller, intent)


@router.post(
    "/payments/{payment_id}/review",
    summary="Tell what you found in QuickBooks",
    response_model=ActionAnswer,
    responses=documented({"data": ACTION_EXAMPLE}),
)
async def review_payment(caller: ExecutesPayments, payment_id: UUID, finding: Finding) -> Response:
    """For one that `needs_review`: `found` with QuickBooks' id, or `not_there`. We look ourselves once more before we believe it."""
    origin, engine = caller.origin, caller.process.actions
    who = {"actor": origin.actor, "request_id": origin.request_id}
    if finding.found is not None:
        intent = await engine.review_found(caller.business.id, payment_id, external_id=finding.found, **who)
    else:
        intent = await engine.review_not_there(caller.business.id, payment_id, why=finding.not_there or "", **who)
    return answer(show(caller, intent))


async def _get(caller: Caller, payment_id: UUID) -> ActionIntent:
    async with caller.process.uow([caller.business.id]) as uow:
        try:
            return await listing.get_intent(uow.session, caller.business.id, payment_id)
        except IntentNotFound as error:
            raise PaymentNotFound(payment_id) from error


async def _events(caller: Caller, payment_id: UUID) -> AsyncIterator[bytes]:
    """A look each time that it changed; where nothing does, a comment, since proxies cut quiet lines."""
    yield f"retry: {_RETRY_MS}\n\n".encode()
    engine, ends_at = caller.process.actions, caller.clock.now() + _LONGEST_STREAM
    told: int | None = None
    while True:
        async for intent in engine.watch(caller.business.id, payment_id, up_to=_KEEP_ALIVE):
            if intent.version != told:
                told = intent.version
                yield _event(caller, intent)
        if ActionState(intent.state) in _QUIET or caller.clock.now() >= ends_at:
            return
        yield b": still here\n\n"


def _event(caller: Caller, intent: ActionIntent) -> bytes:
    data = exact_json.dumps(show(caller, intent).model_dump())
    return b"id: %d\nevent: payment\ndata: %s\n\n" % (intent.version, data)
