"""One vendor or one customer: how they pay or are paid, what is open, what was agreed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from domains.ar.collection_notes import NoteState
from infra.errors import OodalooError
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.orchestrators.party_pages import CustomerPages, VendorPages
from runway.routes.reminder_policy import WantedCustomerReminders, set_customer_reminders
from runway.web.acting import read_id, show_done
from runway.web.clients import PREFIX, Client, ReadsBooks, SendsReminders
from runway.web.forms import REFUSED, Typed, is_for_form, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.payables import payables_of
from runway.web.pages.receivables import receivables_of
from runway.web.rendering import render_client
from runway.web.strings import _
from runway.web.views.notes import promise_views
from runway.web.views.parties import habit_view, party_view
from runway.web.views.payables import bill_view
from runway.web.views.receivables import invoice_view
from runway.web.views.refusals import RefusalView, refusal_view

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=PageRoute)

# Ours, or QuickBooks'.
PartyId = Annotated[str, Path(max_length=100)]
_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)


@router.get("/vendors/{vendor_id}")
async def show_vendor(request: Request, client: ReadsBooks, vendor_id: PartyId) -> Response:
    services = client.services
    pages = VendorPages(services.vendors, services.payments, payables_of(client))
    fetched = await pages.get(read_id(vendor_id) or vendor_id, freshness=_AT_ONCE)
    page = fetched.value
    async with client.process.uow([client.business.id]) as uow:
        policy = await services.approvals.get_policy(uow.session)
    return render_client(
        request,
        client,
        "parties/vendor.html",
        here="payables",
        freshness=fetched.freshness,
        party=party_view(page.vendor, client.home_currency),
        habit=habit_view(page.habit, _("Bill")),
        rows=[bill_view(row, client) for row in page.open.rows],
        policy=policy,
    )


@router.get("/customers/{customer_id}")
async def show_customer(request: Request, client: ReadsBooks, customer_id: PartyId, notice: str = "") -> Response:
    told = _("It counts from now on.") if notice == "set" else None
    return await _show_customer(request, client, customer_id, notice=told)


@router.post("/customers/{customer_id}/reminders")
async def set_reminders(request: Request, client: SendsReminders, customer_id: UUID) -> Response:
    """Pause or exclude a customer, or write to another address. Their own steps, where there are any, stay."""
    typed = await typed_form(request)
    form = read(WantedCustomerReminders, typed, given=await _own_levels(client, customer_id))
    if form.wanted is None:
        return await _show_customer(request, client, str(customer_id), typed=typed, errors=form.errors)
    try:
        await set_customer_reminders(client, customer_id, form.wanted)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return await _show_customer(request, client, str(customer_id), typed=typed, refusal=refusal_view(error))
    return show_done(request, client, f"/customers/{customer_id}", "set")


async def _own_levels(client: Client, customer_id: UUID) -> dict[str, object]:
    levels = (await client.services.reminder_desk.get_customer(customer_id)).value.rules.levels
    if levels is None:
        return {}
    return {
        "levels": [{"days": one.days, "tone": one.tone, "subject": one.subject, "text": one.text} for one in levels]
    }


async def _show_customer(
    request: Request,
    client: Client,
    customer_id: PartyId,
    *,
    typed: Typed | None = None,
    errors: object = None,
    refusal: RefusalView | None = None,
    notice: str | None = None,
) -> Response:
    services = client.services
    pages = CustomerPages(services.customers, receivables_of(client), services.reminder_desk)
    fetched = await pages.get(read_id(customer_id) or customer_id, freshness=_AT_ONCE)
    page = fetched.value
    states = [one.state for one in page.standing.promises]
    return render_client(
        request,
        client,
        "parties/customer.html",
        here="receivables",
        freshness=fetched.freshness,
        status=200 if errors is None and refusal is None else REFUSED,
        party=party_view(page.customer, client.home_currency),
        path=f"{client.path}/customers/{page.customer.id}",
        habit=habit_view(page.habit, _("Invoice")),
        rows=[invoice_view(row, client) for row in page.open.rows],
        rules=page.standing.rules,
        steps=page.standing.steps,
        promises=promise_views(page.standing.promises),
        kept=states.count(NoteState.KEPT),
        broken=states.count(NoteState.BROKEN),
        typed=typed or Typed({}),
        errors=errors or {},
        refusal=refusal,
        notice=notice,
    )
