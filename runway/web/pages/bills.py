"""One bill: what is known of it, what paying it does, and the decisions about it."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from infra.actions.models import ActionIntent
from infra.errors import OodalooError
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from runway.calculators.forecast import Forecast
from runway.orchestrators.payables_table import PayableDesk, PayableDetail
from runway.routes.action_answers import asking_on, moves_money, payer_of
from runway.routes.approvals import SeenBill, WantedApproval, approve_bill, unapprove_bill
from runway.routes.expectations import WantedMark, end_must_pay, set_must_pay
from runway.routes.pay_bills import WantedPayment
from runway.web.accounts import paying_accounts
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
from runway.web.clients import PREFIX, ApprovesBills, Client, ExecutesPayments, ReadsBooks
from runway.web.forms import KEY_FIELD, REFUSED, Read, Typed, is_for_form, new_key, read, typed_form, typed_query
from runway.web.page_route import PageRoute
from runway.web.pages.payables import payables_of
from runway.web.payment_forms import CREDIT_PREFIX, previewed_payment, read_payment
from runway.web.rendering import render, render_client, wants_part
from runway.web.strings import _, keyed
from runway.web.views.decision import compared_with, item_words
from runway.web.views.payables import bill_view
from runway.web.views.refusals import RefusalView, refusal_view

router = APIRouter(prefix=f"{PREFIX}/payables/{{bill_id}}", include_in_schema=False, route_class=PageRoute)

_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "payables"
_NOTICES = {
    "approved": keyed("The bill is approved."),
    "unapproved": keyed("Its approvals are withdrawn. It is not paid until it is approved again."),
    "marked": keyed("It is marked: it cannot wait."),
    "unmarked": keyed("The mark is off."),
}


@router.get("")
async def show_bill(
    request: Request, client: ReadsBooks, bill_id: UUID, notice: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    told = _NOTICES.get(notice)
    return await _show(
        request, client, bill_id, notice=None if told is None else _(told), headers=ACTED if told else {}
    )


@router.get("/preview")
async def preview_payment(request: Request, client: ReadsBooks, bill_id: UUID) -> Response:
    """What it would do, while the form is being filled in."""
    typed = typed_query(request)
    form = read_payment(typed, client.today)
    preview = await _preview(client, bill_id, form)
    return render(request, "acting/_preview.html", client=client, preview=preview, form_errors=form.errors)


@router.get("/outlook")
async def show_outlook(request: Request, client: ReadsBooks, bill_id: UUID) -> Response:
    """What the forecast says of it, once it is worked out anew: what a decision has been drawn without."""
    fetched = await PayableDesk(payables_of(client)).get(bill_id, freshness=_AT_ONCE)
    values = await _values(client, bill_id, fetched.value, typed_query(request)) | {"is_later": True}
    return render(request, "payables/_outlook.html", client=client, **values)


@router.post("/approve")
async def approve(request: Request, client: ApprovesBills, bill_id: UUID) -> Response:
    typed = await typed_form(request)
    seen = SeenBill(fingerprint=typed.get("fingerprint") or None)
    form = read(WantedApproval, typed, given={"seen": seen})
    if form.wanted is None:
        return await _show(request, client, bill_id, typed=typed, errors=form.errors, status=REFUSED)
    try:
        await approve_bill(client, bill_id, form.wanted)
    except OodalooError as error:
        return await _show_refused(request, client, bill_id, error, typed)
    return await _show_done(request, client, bill_id, "approved")


@router.post("/unapprove")
async def unapprove(request: Request, client: ApprovesBills, bill_id: UUID) -> Response:
    try:
        await unapprove_bill(client, bill_id)
    except OodalooError as error:
        return await _show_refused(request, client, bill_id, error, Typed({}))
    return await _show_done(request, client, bill_id, "unapproved")


@router.post("/must-pay")
async def mark(request: Request, client: ApprovesBills, bill_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read(WantedMark, typed)
    if form.wanted is None:
        return await _show(request, client, bill_id, typed=typed, errors=form.errors, status=REFUSED)
    await set_must_pay(client, bill_id, form.wanted)
    return await _show_done(request, client, bill_id, "marked")


@router.post("/must-pay/end")
async def unmark(request: Request, client: ApprovesBills, bill_id: UUID) -> Response:
    await end_must_pay(client, bill_id)
    return await _show_done(request, client, bill_id, "unmarked")


@router.get("/pay")
async def confirm_payment(request: Request, client: ExecutesPayments, bill_id: UUID) -> Response:
    """Says it all once more: how much, to whom, from where, on what day, and the runway and low point after it."""
    typed = typed_query(request)
    form = read_payment(typed, client.today)
    if form.wanted is None:
        return await _show(request, client, bill_id, typed=typed, errors=form.errors, status=REFUSED)
    return await _show_confirm(request, client, bill_id, typed, form.wanted)


@router.post("/pay")
async def pay(request: Request, client: ExecutesPayments, bill_id: UUID) -> Response:
    typed = await typed_form(request)
    form = read_payment(typed, client.today)
    if form.wanted is None:
        return await _show(request, client, bill_id, typed=typed, errors=form.errors, status=REFUSED)
    try:
        intent = await _pay(request, client, bill_id, form.wanted, typed)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return await _show_confirm(request, client, bill_id, typed, form.wanted, refusal=refusal_view(error))
    return await show_outcome(request, client, intent, back=f"{client.path}/payables/{bill_id}")


async def _pay(request: Request, client: Client, bill_id: UUID, wanted: WantedPayment, typed: Typed) -> ActionIntent:
    await moves_money(request, client)
    asking = await asking_on(request, client, typed.key, body=wanted, seen_figures_id=wanted.seen_figures_id)
    return await client.services.paying_bills.pay(
        wanted.wish(bill_id), payer=payer_of(client), asking=undoable(client, asking)
    )


async def _preview(
    client: Client, bill_id: UUID, form: Read[WantedPayment], *, on: Fetched[Forecast] | None = None
) -> Preview | None:
    if form.wanted is None:
        return None
    return await previewed(client, previewed_payment(bill_id, form.wanted, client.today), on=on)


async def _show_done(request: Request, client: Client, bill_id: UUID, notice: str) -> Response:
    part = partial(show_bill, request, client, bill_id)
    return await show_decided(request, client, f"/payables/{bill_id}", notice, part=part)


async def _show_refused(request: Request, client: Client, bill_id: UUID, error: OodalooError, typed: Typed) -> Response:
    if not is_for_form(error):
        raise error
    return await _show(request, client, bill_id, typed=typed, refusal=refusal_view(error), status=REFUSED)


async def _show(
    request: Request,
    client: Client,
    bill_id: UUID,
    *,
    typed: Typed | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    patience = PART_PATIENCE if wants_part(request) else None
    desk = PayableDesk(payables_of(client))
    fetched = await desk.get(bill_id, freshness=_AT_ONCE, patience=patience)
    if fetched.value.payable.payment is not None and fetched.value.forecast is None:
        fetched = await desk.get(bill_id, freshness=_AT_ONCE)  # nothing of it asks for the rest
    asked = typed or typed_query(request)
    values = await _values(client, bill_id, fetched.value, asked)
    values |= {
        "progress": None if values["bill"].payment is None else progress_of(client, values["bill"].payment),
        "accounts": await paying_accounts(client) if values["bill"].can_pay else (),
        "typed": asked,
        "today": client.today,
        "credit_prefix": CREDIT_PREFIX,
        "refusal": None,
        **more,
    }
    answer = render_client(
        request,
        client,
        "payables/bill.html",
        here=_HERE,
        part="payables/_bill.html",
        freshness=fetched.freshness,
        **values,
    )
    return with_headers(answer, headers or {}) if wants_part(request) else answer


async def _values(client: Client, bill_id: UUID, detail: PayableDetail, asked: Typed) -> dict[str, Any]:
    """The bill with what the forecast says of it, or with `is_awaited` while that is worked out."""
    bill = bill_view(detail.payable, client)
    form = read_payment(Typed({"account_id": "-", **asked.values}), client.today)
    has_outlook = bill.balance > 0 and not bill.payment
    return {
        "detail": detail,
        "bill": bill,
        "is_awaited": has_outlook and detail.forecast is None,
        "is_later": False,
        "preview": await _preview(client, bill_id, form, on=detail.forecast)
        if has_outlook and detail.forecast
        else None,
        "impact": item_words(detail.impact, "bill", client.home_currency),
        "compared_with": compared_with("bill"),
    }


async def _show_confirm(
    request: Request,
    client: Client,
    bill_id: UUID,
    typed: Typed,
    wanted: WantedPayment,
    *,
    refusal: RefusalView | None = None,
) -> Response:
    fetched = await PayableDesk(payables_of(client)).get(bill_id, freshness=_AT_ONCE)
    bill = bill_view(fetched.value.payable, client)
    accounts = await paying_accounts(client)
    applied = sum(one.amount for one in wanted.credits)
    settled = bill.balance if wanted.amount is None else wanted.amount
    values: dict[str, Any] = {
        "bill": bill,
        "wanted": wanted,
        "cash": settled - applied,
        "applied": applied,
        "on": wanted.on or wanted.date or client.today,
        "account": next((one for one in accounts if one.id == wanted.account_id), None),
        "preview": await previewed(client, previewed_payment(bill_id, wanted, client.today), on=fetched.value.forecast),
        "key": typed.get(KEY_FIELD) or new_key(),
        "typed": typed,
        "refusal": refusal,
        "credit_prefix": CREDIT_PREFIX,
    }
    return render_client(
        request,
        client,
        "payables/confirm.html",
        here=_HERE,
        part="payables/_confirm.html",
        freshness=fetched.freshness,
        status=200 if refusal is None else REFUSED,
        **values,
    )
