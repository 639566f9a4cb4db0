"""Asking for actions over HTTP: who asks under which key, and an answer that never waits longer than a person would."""

import time
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from domains.ap.approvals import Signatory
from domains.ap.paying_service import Payer
from domains.core.asking import Asking
from infra import exact_json
from infra.actions import listing
from infra.actions.models import ActionIntent, ActionLine
from runway.routes.access import Caller
from runway.routes.action_out import ACTION_EXAMPLE, PAYMENTS_PATH, ActionOut, shown
from runway.routes.action_words import ENDS
from runway.routes.edge.rates import NamedLimit, charge
from runway.routes.idempotency import digest_of

_PATIENCE_SECONDS = 0.2
_ANSWERED_WITHIN_SECONDS = 0.24  # what the wish itself took is taken off what is waited for its outcome


class Hurry:
    """How long the outcome may still be waited for, counted from when the request came in."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def left(self) -> timedelta:
        spent = time.monotonic() - self._began
        return timedelta(seconds=max(0.0, min(_PATIENCE_SECONDS, _ANSWERED_WITHIN_SECONDS - spent)))


async def moves_money(request: Request, caller: Caller) -> None:
    """Charge the request to what the business may ask for where money moves.

    Raises:
        LimitReached: 429.
    """
    await charge(request, NamedLimit.MONEY, caller.business.id)


def asking_of(request: Request, caller: Caller, key: str, *, body: BaseModel | None = None) -> Asking:
    origin = caller.origin
    return Asking(origin.actor, origin.request_id, key, digest_of(request.url.path, body))


def payer_of(caller: Caller) -> Payer:
    return Payer(Signatory.of(caller.entry), caller.entry.approval_limit)


async def answer_soon(caller: Caller, intent: ActionIntent, *, hurry: Hurry) -> Response:
    """200 with the outcome if it comes in time, else 202 with where to look for it."""
    engine, business_id = caller.process.actions, caller.business.id
    latest = await engine.wait_for_change(business_id, intent.id, up_to=hurry.left)
    return answer((await show_all(caller, [latest]))[latest.id])


def answer(action: ActionOut) -> Response:
    return Response(
        exact_json.dumps({"data": action.model_dump()}),
        HTTPStatus.OK if action.outcome in ENDS else HTTPStatus.ACCEPTED,
        headers={"Location": f"{PAYMENTS_PATH}/{action.id}", "Cache-Control": "no-store"},
        media_type="application/json",
    )


async def show_all(caller: Caller, intents: Sequence[ActionIntent]) -> dict[UUID, ActionOut]:
    """Actions as they leave, by id, with their lines read at once."""
    if not intents:
        return {}
    async with caller.process.uow([caller.business.id]) as uow:
        lines = await listing.lines_of(uow.session, caller.business.id, [intent.id for intent in intents])
    return {intent.id: show(caller, intent, lines[intent.id]) for intent in intents}


def show(caller: Caller, intent: ActionIntent, lines: Sequence[ActionLine]) -> ActionOut:
    return shown(intent, lines, now=caller.clock.now(), zone=ZoneInfo(caller.business.time_zone))


def accepted() -> dict[int | str, Any]:
    """The second way in which an operation ends well: it is taken, and not over."""
    processing = ACTION_EXAMPLE | {
        "outcome": "processing",
        "words": "Queued. QuickBooks will be told in a moment.",
        "may": ["cancel"],
        "state": "requested",
        "external_id": None,
        "next_try_at": "2026-03-15T21:03:00Z",
        "settled_at": None,
        "verified_at": None,
        "version": 1,
    }
    return {
        HTTPStatus.ACCEPTED.value: {
            "description": "Taken; `Location` tells what becomes of it.",
            "content": {"application/json": {"example": {"data": processing}}},
        }
    }
