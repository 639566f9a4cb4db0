"""Asking for actions over HTTP: who asks under which key, and an answer that never waits longer than a person would."""

import time
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from domains.ap.approvals import Signatory
from domains.ap.payer import Payer
from domains.core.asking import Asking
from infra import exact_json
from infra.actions.models import ActionIntent
from runway.routes.access import Caller
from runway.routes.action_out import ACTION_EXAMPLE, PAYMENTS_PATH, ActionOut, shown
from runway.routes.action_words import ENDS
from runway.routes.asked import Undoable
from runway.routes.edge.rates import NamedLimit, charge
from runway.routes.idempotency import digest_of
from runway.routes.seen import frozen_figures

_PATIENCE_SECONDS = 0.1


def patience_left(request: Request) -> timedelta:
    """How long the outcome may still be waited for: what the wish itself took since the request came in is taken off."""
    spent = time.perf_counter() - request.state.began
    return timedelta(seconds=max(0.0, _PATIENCE_SECONDS - spent))


async def moves_money(request: Request, caller: Caller) -> None:
    """Charge the request to what the business may ask for where money moves.

    Raises:
        LimitReached: 429.
    """
    await charge(request, NamedLimit.MONEY, caller.business.id)


def asking_of(request: Request, caller: Caller, key: str, *, body: BaseModel | None = None) -> Asking:
    origin = caller.origin
    undo_window = body.undo_window if isinstance(body, Undoable) else timedelta(0)
    return Asking(origin.actor, origin.request_id, key, digest_of(request.url.path, body), undo_window=undo_window)


async def asking_on(
    request: Request, caller: Caller, key: str, *, body: BaseModel, seen_figures_id: UUID | None
) -> Asking:
    """As `asking_of`, with the figures that it was decided on.

    Raises:
        SeenFiguresNotFound: none of that id, or older than a week.
    """
    figures = await frozen_figures(caller, seen_figures_id)
    return replace(asking_of(request, caller, key, body=body), figures=figures)


def payer_of(caller: Caller) -> Payer:
    return Payer(Signatory.of(caller.entry), caller.entry.approval_limit)


async def answer_soon(request: Request, caller: Caller, intent: ActionIntent) -> Response:
    """200 with the outcome if it comes in time, else 202 with where to look for it."""
    engine, business_id = caller.process.actions, caller.business.id
    latest = await engine.wait_for_change(business_id, intent.id, up_to=patience_left(request), known=intent)
    return answer(show(caller, latest))


def answer(action: ActionOut) -> Response:
    return Response(
        exact_json.dumps({"data": action.model_dump()}),
        HTTPStatus.OK if action.outcome in ENDS else HTTPStatus.ACCEPTED,
        headers={"Location": f"{PAYMENTS_PATH}/{action.id}", "Cache-Control": "no-store"},
        media_type="application/json",
    )


def show(caller: Caller, intent: ActionIntent) -> ActionOut:
    """An action as it leaves. What it uses follows from what was meant."""
    targets = caller.process.actions.shop.spec(intent.operation).targets(intent.meaning)
    return shown(intent, targets, now=caller.clock.now(), zone=ZoneInfo(caller.business.time_zone))


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
