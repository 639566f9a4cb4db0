"""An action of ours from being asked for to its end, before the user's eyes; and its whole trail, to be printed."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from domains.ap.payment_errors import PaymentNotFound
from infra.actions import listing
from infra.actions.errors import IntentNotFound
from infra.actions.models import ActionIntent
from infra.errors import OodalooError
from runway.orchestrators.action_trail import ActionTrails
from runway.orchestrators.taking_back import TakingBack
from runway.routes.action_answers import asking_of, moves_money, payer_of
from runway.routes.actions import Finding, WantedVoid
from runway.web.acting import ACTED, progress_of, show_outcome, undoable, with_headers
from runway.web.clients import PREFIX, Client, ExecutesPayments, ReadsBooks, RecordsReceipts
from runway.web.forms import KEY_FIELD, REFUSED, Typed, is_for_form, new_key, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.people import names_in
from runway.web.rendering import go_to, render, render_client, wants_part
from runway.web.views.progress import meant_view
from runway.web.views.refusals import RefusalView, refusal_view
from runway.web.views.trail import attempt_views, step_views, who_is

router = APIRouter(prefix=f"{PREFIX}/payments/{{payment_id}}", include_in_schema=False, route_class=PageRoute)


@router.get("")
async def show_payment(request: Request, client: ReadsBooks, payment_id: UUID) -> Response:
    return await _show(request, client, payment_id)


@router.get("/progress")
async def show_progress(
    request: Request, client: ReadsBooks, payment_id: UUID, inline: Annotated[str, Query(max_length=1)] = ""
) -> Response:
    """Asked for every second until nothing more comes by itself."""
    intent = await _get(client, payment_id)
    if not wants_part(request):
        return go_to(f"{client.path}/payments/{payment_id}")
    progress = progress_of(client, intent)
    template = "payments/_inline.html" if inline else "payments/_progress.html"
    answer = render(request, template, client=client, csrf=client.csrf, progress=progress)
    return answer if progress.look_seconds else with_headers(answer, ACTED)


@router.post("/cancel")
async def cancel(request: Request, client: ExecutesPayments, payment_id: UUID) -> Response:
    """Until QuickBooks is being told."""
    origin = client.origin
    try:
        async with client.process.uow([client.business.id]) as uow:
            intent = await client.process.actions.cancel(
                uow, client.business.id, payment_id, actor=origin.actor, request_id=origin.request_id
            )
    except OodalooError as error:
        return await _refused(request, client, payment_id, error)
    return await show_outcome(request, client, intent)


@router.post("/undo")
async def undo(request: Request, client: RecordsReceipts, payment_id: UUID) -> Response:
    """Their own, whatever it is: a reminder, what a customer paid. Nothing of it has left."""
    origin, process = client.origin, client.process
    try:
        intent = await TakingBack(client.business.id, process.uow, process.actions).take_back(
            payment_id, actor=origin.actor, request_id=origin.request_id
        )
    except OodalooError as error:
        return await _refused(request, client, payment_id, error)
    return await show_outcome(request, client, intent)


@router.post("/execute")
async def execute(request: Request, client: ExecutesPayments, payment_id: UUID) -> Response:
    """Lets go one that is held; by another person than who asked for it, where two are needed."""
    try:
        await moves_money(request, client)
        intent = await client.services.paying_bills.execute(
            payment_id, payer=payer_of(client), request_id=client.origin.request_id
        )
    except OodalooError as error:
        return await _refused(request, client, payment_id, error)
    return await show_outcome(request, client, intent)


@router.post("/void")
async def void(request: Request, client: ExecutesPayments, payment_id: UUID) -> Response:
    """An action of its own: the person is led to it."""
    typed = await typed_form(request)
    form = read(WantedVoid, typed)
    if form.wanted is None:
        return await _show(request, client, payment_id, typed=typed, errors=form.errors, status=REFUSED)
    try:
        await moves_money(request, client)
        asking = asking_of(request, client, typed.key, body=form.wanted)
        intent = await client.services.paying_bills.void(
            payment_id, reason=form.wanted.reason, payer=payer_of(client), asking=undoable(client, asking)
        )
    except OodalooError as error:
        return await _refused(request, client, payment_id, error, typed)
    return go_to(f"{client.path}/payments/{intent.id}")


@router.post("/review")
async def review(request: Request, client: ExecutesPayments, payment_id: UUID) -> Response:
    """What a person found in QuickBooks; we look ourselves once more before we believe it."""
    typed = await typed_form(request)
    form = read(Finding, typed)
    if form.wanted is None:
        return await _show(request, client, payment_id, typed=typed, errors=form.errors, status=REFUSED)
    origin, engine, finding = client.origin, client.process.actions, form.wanted
    who = {"actor": origin.actor, "request_id": origin.request_id}
    try:
        if finding.found is not None:
            await engine.review_found(client.business.id, payment_id, external_id=finding.found, **who)
        else:
            await engine.review_not_there(client.business.id, payment_id, why=finding.not_there or "", **who)
    except OodalooError as error:
        return await _refused(request, client, payment_id, error, typed)
    return go_to(f"{client.path}/payments/{payment_id}")


async def _refused(
    request: Request, client: Client, payment_id: UUID, error: OodalooError, typed: Typed | None = None
) -> Response:
    if not is_for_form(error):
        raise error
    if isinstance(error, IntentNotFound):
        raise PaymentNotFound(payment_id) from error
    if wants_part(request):
        intent = await _get(client, payment_id)
        progress = progress_of(client, intent)
        values: dict[str, Any] = {"client": client, "csrf": client.csrf, "progress": progress}
        refusal = refusal_view(error)
        return render(request, "payments/_progress.html", status=REFUSED, refusal=refusal, **values)
    return await _show(request, client, payment_id, typed=typed, refusal=refusal_view(error), status=REFUSED)


async def _show(
    request: Request,
    client: Client,
    payment_id: UUID,
    *,
    typed: Typed | None = None,
    refusal: RefusalView | None = None,
    **more: Any,
) -> Response:
    try:
        trail = await ActionTrails(client.business.id, client.process.uow).get(payment_id)
    except IntentNotFound as error:
        raise PaymentNotFound(payment_id) from error
    names, held = await names_in(client), typed or Typed({})
    values: dict[str, Any] = {
        "progress": progress_of(client, trail.intent),
        "meant": meant_view(trail.intent, client.home_currency),
        "mark": trail.intent.mark,
        "asked_by": who_is(trail.intent.created_by, names),
        "asked_at": trail.intent.created_at,
        "verified_at": trail.intent.verified_at,
        "external_id": trail.intent.external_id,
        "steps": step_views(trail, names),
        "attempts": attempt_views(trail.attempts),
        "key": held.get(KEY_FIELD) or new_key(),
        "typed": held,
        "printed_at": client.clock.now(),
        "own_page": payment_id,
    }
    return render_client(request, client, "payments/page.html", here="payables", refusal=refusal, **values, **more)


async def _get(client: Client, payment_id: UUID) -> ActionIntent:
    async with client.process.uow([client.business.id]) as uow:
        try:
            return await listing.get_intent(uow.session, client.business.id, payment_id)
        except IntentNotFound as error:
            raise PaymentNotFound(payment_id) from error
