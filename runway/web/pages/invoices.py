"""One invoice: when it is expected and why, what was agreed, and what to do about it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from domains.ar.collections_service import Received, Through
from domains.ar.errors import InvoiceNotFound
from infra.actions.models import ActionIntent
from infra.errors import OodalooError
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from runway.calculators.forecast import Forecast
from runway.orchestrators.previews import ActionKind
from runway.orchestrators.receivables_table import ReceivableDetail
from runway.routes.action_answers import asking_of, asking_on, moves_money
from runway.routes.collecting import ReceivedPayment, WantedReminder
from runway.routes.collection_notes import (
    Closing,
    WantedDispute,
    WantedPromise,
    WantedWriteOff,
    close_dispute,
    close_promise,
    close_write_off,
    note_promise,
    note_write_off,
    open_dispute,
)
from runway.routes.expectations import WantedExpectedDate, end_expected_date, set_expected_date
from runway.routes.preview import ActionIn
from runway.web.accounts import deposit_accounts
from runway.web.acting import (
    ACTED,
    PART_PATIENCE,
    Preview,
    previewed,
    progress_of,
    show_decided,
    show_outcome,
    undoable,
    with_headers,
)
from runway.web.clients import PREFIX, Client, ReadsBooks, RecordsReceipts, SendsReminders
from runway.web.forms import KEY_FIELD, REFUSED, M, Read, Typed, is_for_form, new_key, read, typed_form, typed_query
from runway.web.page_route import PageRoute
from runway.web.pages.receivables import receivables_of
from runway.web.payment_forms import day_of
from runway.web.people import names_in
from runway.web.rendering import render, render_client, wants_part
from runway.web.strings import _, keyed
from runway.web.views.notes import note_views
from runway.web.views.receivables import InvoiceView, invoice_view
from runway.web.views.refusals import refusal_view

router = APIRouter(prefix=f"{PREFIX}/receivables/{{invoice_id}}", include_in_schema=False, route_class=PageRoute)

_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "receivables"
_IF_PAID_WITHIN = timedelta(days=7)
_NOTICES = {
    "promised": keyed("The promise is noted, and the forecast goes by it."),
    "disputed": keyed("The dispute is open. It is not reminded of until the dispute ends."),
    "given-up": keyed("Noted for whoever writes it off in QuickBooks."),
    "ended": keyed("It is ended."),
    "expected": keyed("The forecast takes this day."),
    "usual": keyed("The customer's habits tell again."),
}

Decide = Callable[[], Awaitable[Any]]


@router.get("")
async def show_invoice(
    request: Request, client: ReadsBooks, invoice_id: UUID, notice: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    told = _NOTICES.get(notice)
    headers = ACTED if told else {}
    return await _show(request, client, invoice_id, notice=None if told is None else _(told), headers=headers)


@router.get("/preview")
async def preview_day(request: Request, client: ReadsBooks, invoice_id: UUID) -> Response:
    """What it does to the runway if it is paid by a day."""
    preview = await _preview(client, invoice_id, typed_query(request))
    return render(request, "acting/_preview.html", client=client, preview=preview)


@router.get("/outlook")
async def show_outlook(request: Request, client: ReadsBooks, invoice_id: UUID) -> Response:
    """What the forecast says of it, once it is worked out anew: what a decision has been drawn without."""
    fetched = await receivables_of(client).get_one(invoice_id, freshness=_AT_ONCE)
    values = await _values(client, invoice_id, fetched.value, typed_query(request)) | {"is_later": True}
    return render(request, "receivables/_outlook.html", client=client, typed=Typed({}), **values)


@router.post("/remind")
async def remind(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(WantedReminder, typed)
    if form.wanted is None:
        return await _show(
            request, client, invoice_id, typed=typed, errors=form.errors, status=REFUSED, opened="remind"
        )
    try:
        intent = await _remind(request, client, invoice_id, form.wanted, typed)
    except OodalooError as error:
        return await _show_refused(request, client, invoice_id, error, typed, opened="remind")
    return await show_outcome(request, client, intent, back=f"{client.path}/receivables/{invoice_id}")


@router.post("/record-payment")
async def record_payment(request: Request, client: RecordsReceipts, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(ReceivedPayment, typed)
    if form.wanted is None:
        return await _show(
            request, client, invoice_id, typed=typed, errors=form.errors, status=REFUSED, opened="record"
        )
    wanted = form.wanted
    received = Received(
        wanted.amount, wanted.date, deposit_to=wanted.deposit_to, method=wanted.method, reference=wanted.reference
    )
    try:
        await moves_money(request, client)
        asking = asking_of(request, client, typed.key, body=wanted)
        intent = await client.services.collecting.record_payment(invoice_id, received, asking=undoable(client, asking))
    except OodalooError as error:
        return await _show_refused(request, client, invoice_id, error, typed, opened="record")
    return await show_outcome(request, client, intent, back=f"{client.path}/receivables/{invoice_id}")


@router.post("/promise")
async def promise(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(WantedPromise, typed)
    return await _decide(request, client, invoice_id, typed, form, note_promise, done="promised", opened="promise")


@router.post("/dispute")
async def dispute(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(WantedDispute, typed)
    return await _decide(request, client, invoice_id, typed, form, open_dispute, done="disputed", opened="dispute")


@router.post("/write-off-note")
async def write_off(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(WantedWriteOff, typed)
    return await _decide(request, client, invoice_id, typed, form, note_write_off, done="given-up", opened="write-off")


@router.post("/promise/close")
async def end_promise(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    return await _close(request, client, invoice_id, close_promise)


@router.post("/dispute/close")
async def end_dispute(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    return await _close(request, client, invoice_id, close_dispute)


@router.post("/write-off-note/close")
async def end_write_off(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    return await _close(request, client, invoice_id, close_write_off)


@router.post("/expected-date")
async def set_expected(request: Request, client: SendsReminders, invoice_id: UUID) -> Response:
    typed = await typed_form(request)
    # No day: it is not expected at all.
    form = read(WantedExpectedDate, typed, keep=["expected_on"])
    return await _decide(request, client, invoice_id, typed, form, set_expected_date, done="expected", opened="expect")


@router.post("/expected-date/end")
async def end_expected(client: SendsReminders, request: Request, invoice_id: UUID) -> Response:
    await end_expected_date(client, invoice_id)
    return await _show_done(request, client, invoice_id, "usual")


async def _remind(
    request: Request, client: Client, invoice_id: UUID, wanted: WantedReminder, typed: Typed
) -> ActionIntent:
    asking = await asking_on(request, client, typed.key, body=wanted, seen_figures_id=wanted.seen_figures_id)
    return await client.services.collecting.send_reminder(
        invoice_id, through=wanted.through, to=wanted.to, asking=undoable(client, asking)
    )


async def _decide(
    request: Request,
    client: Client,
    invoice_id: UUID,
    typed: Typed,
    form: Read[M],
    verb: Callable[[Client, UUID, M], Awaitable[Any]],
    *,
    done: str,
    opened: str,
) -> Response:
    """One of the API's verbs, with what the form says."""
    if form.wanted is None:
        return await _show(request, client, invoice_id, typed=typed, errors=form.errors, status=REFUSED, opened=opened)
    try:
        await verb(client, invoice_id, form.wanted)
    except OodalooError as error:
        return await _show_refused(request, client, invoice_id, error, typed, opened=opened)
    return await _show_done(request, client, invoice_id, done)


async def _close(
    request: Request, client: Client, invoice_id: UUID, verb: Callable[[Client, UUID, Closing | None], Awaitable[Any]]
) -> Response:
    typed = await typed_form(request)
    return await _decide(request, client, invoice_id, typed, read(Closing, typed), verb, done="ended", opened="notes")


async def _show_done(request: Request, client: Client, invoice_id: UUID, notice: str) -> Response:
    part = partial(show_invoice, request, client, invoice_id)
    return await show_decided(request, client, f"/receivables/{invoice_id}", notice, part=part)


async def _preview(client: Client, invoice_id: UUID, typed: Typed, *, on: Fetched[Forecast] | None = None) -> Preview:
    day = day_of(typed.get("promised_on") or typed.get("expected_on")) or client.today + _IF_PAID_WITHIN
    return await previewed(client, ActionIn(kind=ActionKind.PROMISE, invoice_id=invoice_id, on=day), on=on)


async def _show_refused(
    request: Request, client: Client, invoice_id: UUID, error: OodalooError, typed: Typed, *, opened: str
) -> Response:
    if not is_for_form(error) or isinstance(error, InvoiceNotFound):
        raise error
    refusal = refusal_view(error)
    return await _show(request, client, invoice_id, typed=typed, refusal=refusal, status=REFUSED, opened=opened)


async def _show(
    request: Request,
    client: Client,
    invoice_id: UUID,
    *,
    typed: Typed | None = None,
    opened: str = "",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    patience = PART_PATIENCE if wants_part(request) else None
    fetched = await receivables_of(client).get_one(invoice_id, freshness=_AT_ONCE, patience=patience)
    detail, asked = fetched.value, typed or Typed({})
    values = await _values(client, invoice_id, detail, asked)
    invoice: InvoiceView = values["invoice"]
    notes = note_views(
        detail.notes, balance=invoice.balance, today=client.today, names=await names_in(client) if detail.notes else {}
    )
    values |= {
        "notes": notes,
        "progress": None if invoice.action is None else progress_of(client, invoice.action),
        "accounts": await deposit_accounts(client) if invoice.can_record else (),
        "if_paid_by": client.today + _IF_PAID_WITHIN,
        "through": list(Through),
        "is_said": detail.is_said,
        "typed": asked,
        "opened": opened,
        "today": client.today,
        "key": asked.get(KEY_FIELD) or new_key(),
        "refusal": None,
        **more,
    }
    answer = render_client(
        request,
        client,
        "receivables/invoice.html",
        here=_HERE,
        part="receivables/_invoice.html",
        freshness=fetched.freshness,
        **values,
    )
    return with_headers(answer, headers or {}) if wants_part(request) else answer


async def _values(client: Client, invoice_id: UUID, detail: ReceivableDetail, asked: Typed) -> dict[str, Any]:
    """The invoice with what the forecast says of it, or with `is_awaited` while that is worked out."""
    invoice = invoice_view(detail.receivable, client)
    has_outlook = invoice.balance > 0
    return {
        "invoice": invoice,
        "is_awaited": has_outlook and detail.forecast is None,
        "is_later": False,
        "preview": await _preview(client, invoice_id, asked, on=detail.forecast)
        if has_outlook and detail.forecast
        else None,
    }
