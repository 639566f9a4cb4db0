"""What is owing: ageing, the invoices, and several of them at once."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from domains.ar.collections_service import Through
from domains.ar.queries import ListedInvoice
from domains.ar.tray_queries import InvoiceFigures
from infra.errors import OodalooError
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.orchestrators.previews import ActionKind
from runway.orchestrators.receivables_table import ReceivablesTable
from runway.orchestrators.selections import Selected, Selections
from runway.routes.action_answers import asking_of
from runway.routes.answers import plain_amount
from runway.routes.collecting import WantedReminder
from runway.routes.csv_answers import send_csv
from runway.routes.preview import MOST_ACTIONS, ActionIn
from runway.web.acting import ACTED, previewed, progress_of, read_id, undoable, with_headers
from runway.web.clients import PREFIX, Client, ReadsBooks, SendsReminders
from runway.web.forms import is_for_form, new_key, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.payables import Asked
from runway.web.rendering import render_client
from runway.web.views.ageing import age_blocks
from runway.web.views.progress import ProgressView
from runway.web.views.receivables import invoice_view
from runway.web.views.refusals import RefusalView, refusal_view

router = APIRouter(prefix=f"{PREFIX}/receivables", include_in_schema=False, route_class=PageRoute)

AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "receivables"
_IF_PAID_WITHIN = timedelta(days=7)
_COLUMNS = (
    "external_id", "doc_number", "customer_name", "customer_external_id", "issued_on", "due_on", "total", "balance", "currency", "email",
    "memo",
)  # fmt: skip


@dataclass(frozen=True)
class Reminded:
    """What became of one reminder of several."""

    invoice: InvoiceFigures
    progress: ProgressView | None
    refusal: RefusalView | None


def receivables_of(client: Client) -> ReceivablesTable:
    services = client.services
    return ReceivablesTable(services.invoices, services.reminding, services.outlook, client.process.uow, client.today)


@router.get("")
async def show_receivables(request: Request, client: ReadsBooks, asked: Asked) -> Response:
    fetched = await receivables_of(client).get(asked.wanted(client), freshness=AT_ONCE)
    page = fetched.value
    rows = [invoice_view(row, client) for row in page.rows]
    return render_client(
        request,
        client,
        "receivables/page.html",
        here=_HERE,
        part="receivables/_table.html",
        freshness=fetched.freshness,
        asked=asked,
        rows=rows,
        progress={row.id: progress_of(client, row.action) for row in rows if row.action is not None},
        ageing=page.ageing,
        blocks=age_blocks(page.ageing, asked.age),
        next_cursor=page.next_cursor,
        runway=page.forecast.standing.runway,
    )


@router.get(".csv")
async def give_receivables(client: ReadsBooks, asked: Asked) -> Response:
    fetched = await receivables_of(client).list_rows(asked.wanted(client), freshness=AT_ONCE)
    return send_csv(_COLUMNS, map(_csv_row, fetched.value), name="receivables", freshness=fetched.freshness)


@router.get("/selection")
async def show_selection(
    request: Request,
    client: ReadsBooks,
    invoice: Annotated[list[str] | None, Query()] = None,
    on: Annotated[date | None, Query()] = None,
) -> Response:
    """What the ticked invoices come to, and the runway if they are paid by a day: the bar for htmx, a page to confirm on else."""
    selection = await _selected(client, invoice or [])
    part = "receivables/_bar.html" if request.headers.get("HX-Target") == "bulk" else "receivables/selection.html"
    by = max(on or client.today + _IF_PAID_WITHIN, client.today)
    actions = [ActionIn(kind=ActionKind.PROMISE, invoice_id=one.id, on=by) for one in selection.documents]
    return render_client(
        request,
        client,
        "receivables/selection.html",
        here=_HERE,
        part=part,
        selection=selection,
        by=by,
        preview=await previewed(client, *actions) if actions else None,
        key=new_key(),
    )


@router.post("/remind")
async def remind_selection(request: Request, client: SendsReminders) -> Response:
    """One mail about each. Each is taken or refused for itself; the same form again tells of the same mails."""
    typed = await typed_form(request)
    selection = await _selected(client, typed.all("invoice"))
    through = Through.MAIL if typed.get("through") == Through.MAIL else Through.QBO
    key = typed.key
    reminded = [await _remind(request, client, one, through=through, key=key) for one in selection.documents]
    answer = render_client(request, client, "receivables/reminded.html", here=_HERE, reminded=reminded)
    return with_headers(answer, ACTED)


async def _remind(request: Request, client: Client, invoice: InvoiceFigures, *, through: Through, key: str) -> Reminded:
    asking = asking_of(request, client, key, body=WantedReminder(through=through)).of_item(str(invoice.id))
    try:
        intent = await client.services.collecting.send_reminder(
            invoice.id, through=through, to=None, asking=undoable(client, asking)
        )
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return Reminded(invoice, None, refusal_view(error))
    return Reminded(invoice, progress_of(client, intent), None)


async def _selected(client: Client, ids: list[str]) -> Selected[InvoiceFigures]:
    wanted: list[UUID] = [one for text in ids[:MOST_ACTIONS] if (one := read_id(text)) is not None]
    return await Selections(client.business, client.process.uow, client.today).invoices(wanted)


def _csv_row(invoice: ListedInvoice) -> dict[str, Any]:
    return {name: plain_amount(value) for name, value in invoice.items()}
