"""What is owed: ageing, the bills, and several of them at once."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from domains.ap.approvals import BillFigures
from domains.ap.paying import WantedBill
from domains.ap.queries import ListedBill
from domains.core.documents import DocumentFilter, StatusFilter
from infra.errors import OodalooError
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.calculators.ageing import Bucket, due_days_of
from runway.orchestrators.payables_table import PayablesTable
from runway.orchestrators.paying_batches import BatchWish, Item
from runway.orchestrators.previews import ActionKind
from runway.orchestrators.selections import Selected, Selections
from runway.routes.action_answers import asking_on, moves_money, payer_of
from runway.routes.answers import plain_amount
from runway.routes.approvals import WantedApproval, approve_bill
from runway.routes.csv_answers import send_csv
from runway.routes.pay_bills import WantedBatch
from runway.routes.preview import MOST_ACTIONS, ActionIn
from runway.web.accounts import paying_accounts
from runway.web.acting import previewed, progress_of, read_id, show_done, show_refused, undoable, with_headers
from runway.web.clients import PREFIX, ApprovesBills, Client, ExecutesPayments, ReadsBooks
from runway.web.forms import KEY_FIELD, Typed, is_for_form, new_key, typed_form
from runway.web.page_route import PageRoute
from runway.web.payment_forms import read_batch
from runway.web.rendering import render_client
from runway.web.strings import _, ngettext
from runway.web.views.ageing import age_blocks
from runway.web.views.payables import bill_view
from runway.web.views.refusals import RefusalView, refusal_view

router = APIRouter(prefix=f"{PREFIX}/payables", include_in_schema=False, route_class=PageRoute)

AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "payables"
_SELECTION = "payables/selection.html"
_COLUMNS = (
    "external_id", "doc_number", "vendor_name", "vendor_external_id", "issued_on", "due_on", "total", "balance", "currency", "memo",
)  # fmt: skip


class AskedTable(BaseModel):
    """What the filters say; what cannot be read is refused by the page route."""

    model_config = ConfigDict(extra="ignore")

    status: StatusFilter = StatusFilter.OPEN
    age: Bucket | None = None
    q: str = Field(default="", max_length=100)
    cursor: str | None = Field(default=None, max_length=2000)
    notice: str = ""

    def wanted(self, client: Client) -> DocumentFilter:
        first, last = (None, None) if self.age is None else due_days_of(self.age, client.today)
        return DocumentFilter(
            today=client.today,
            status=StatusFilter.OPEN if self.age is not None else self.status,
            due_from=first,
            due_until=last,
            search=self.q.replace("\0", "").strip() or None,
            after=self.cursor or None,
        )


Asked = Annotated[AskedTable, Query()]


def payables_of(client: Client) -> PayablesTable:
    services = client.services
    return PayablesTable(services.bills, services.approvals, services.outlook, client.process.uow, client.today)


@router.get("")
async def show_payables(request: Request, client: ReadsBooks, asked: Asked) -> Response:
    fetched = await payables_of(client).get(asked.wanted(client), freshness=AT_ONCE)
    page = fetched.value
    rows = [bill_view(row, client) for row in page.rows]
    return render_client(
        request,
        client,
        "payables/page.html",
        here=_HERE,
        part="payables/_table.html",
        freshness=fetched.freshness,
        asked=asked,
        rows=rows,
        progress={row.id: progress_of(client, row.payment) for row in rows if row.payment is not None},
        ageing=page.ageing,
        blocks=age_blocks(page.ageing, asked.age),
        next_cursor=page.next_cursor,
        runway=page.forecast.standing.runway,
        notice=_notice(asked.notice),
    )


@router.get(".csv")
async def give_payables(client: ReadsBooks, asked: Asked) -> Response:
    fetched = await payables_of(client).list_rows(asked.wanted(client), freshness=AT_ONCE)
    return send_csv(_COLUMNS, map(_csv_row, fetched.value), name="payables", freshness=fetched.freshness)


@router.get("/selection")
async def show_selection(
    request: Request, client: ReadsBooks, bill: Annotated[list[str] | None, Query()] = None
) -> Response:
    """What the ticked bills come to, and what paying them today does to the runway: the bar for htmx, a page to confirm on else."""
    selection = await _selected(client, bill or [])
    part = "payables/_bar.html" if request.headers.get("HX-Target") == "bulk" else _SELECTION
    return await _show_selection(request, client, selection, part=part)


@router.post("/approve")
async def approve_selection(request: Request, client: ApprovesBills) -> Response:
    """Each for itself: one that cannot be approved is told, and the others are."""
    typed = await typed_form(request)
    selection = await _selected(client, typed.all("bill"))
    refused: list[RefusedBill] = []
    for bill in selection.documents:
        try:
            await approve_bill(client, bill.id, _as_seen(typed, bill.id))
        except OodalooError as error:
            if not is_for_form(error):
                raise
            refused.append(RefusedBill(bill, refusal_view(error)))
    done = len(selection.documents) - len(refused)
    if not refused:
        return show_done(request, client, "/payables", f"approved-{done}")
    left = await _selected(client, [str(one.bill.id) for one in refused])
    return await _show_selection(request, client, left, part=_SELECTION, refused=refused, done=_approved(done))


@router.post("/pay")
async def pay_selection(request: Request, client: ExecutesPayments) -> Response:
    """A payment for each, or for each vendor. The same form again tells of the same payments."""
    typed = await typed_form(request)
    selection = await _selected(client, typed.all("bill"))
    form = read_batch(typed, _ids(typed.all("bill")))
    if form.wanted is None or form.wanted.account_id is None:
        refusal = RefusalView(_("Choose the account that pays, and at least one bill with something open."))
        return await _show_selection(request, client, selection, part=_SELECTION, typed=typed, refusal=refusal)
    try:
        await moves_money(request, client)
        items = await _pay(request, client, form.wanted, typed)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        refusal = refusal_view(error)
        return await _show_selection(request, client, selection, part=_SELECTION, typed=typed, refusal=refusal)
    return _show_batch(request, client, items, selection)


@dataclass(frozen=True)
class RefusedBill:
    bill: BillFigures
    refusal: RefusalView


async def _pay(request: Request, client: Client, wanted: WantedBatch, typed: Typed) -> list[Item]:
    wish = BatchWish(
        bills=[WantedBill(bill.bill_id, bill.amount) for bill in wanted.bills],
        account_id=wanted.account_id or "",
        paid_on=wanted.date,
        combine_by_vendor=wanted.combine_by_vendor,
        is_similar_confirmed=wanted.confirm_similar,
    )
    asking = await asking_on(request, client, typed.key, body=wanted, seen_figures_id=wanted.seen_figures_id)
    return await client.services.paying_batches.pay(wish, payer=payer_of(client), asking=undoable(client, asking))


def _show_batch(request: Request, client: Client, items: list[Item], selection: Selected[BillFigures]) -> Response:
    words = {bill.id: bill.words for bill in selection.documents}
    told = [
        {
            "bills": [words.get(one, str(one)) for one in item.bills],
            "progress": None if item.intent is None else progress_of(client, item.intent),
            "refusal": None if item.refusal is None else refusal_view(item.refusal),
        }
        for item in items
    ]
    answer = render_client(request, client, "payables/batch.html", here=_HERE, items=told)
    return with_headers(answer, {"HX-Trigger": "acted"})


async def _selected(client: Client, ids: list[str]) -> Selected[BillFigures]:
    return await Selections(client.business, client.process.uow, client.today).bills(_ids(ids))


def _as_seen(typed: Typed, bill_id: UUID) -> WantedApproval:
    """What stood on the page that was decided on: a bill that has changed since is refused.

    Raises:
        RequestValidationError: no form of ours sends this.
    """
    shown = {"amount": f"total-{bill_id}", "due_on": f"due-{bill_id}", "vendor": f"vendor-{bill_id}"}
    seen = {name: typed.get(field) or None for name, field in shown.items() if field in typed.values}
    try:
        return WantedApproval.model_validate({"seen": seen})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _ids(texts: list[str]) -> list[UUID]:
    return [one for text in texts[:MOST_ACTIONS] if (one := read_id(text)) is not None]


async def _show_selection(
    request: Request,
    client: Client,
    selection: Selected[BillFigures],
    *,
    part: str,
    typed: Typed | None = None,
    refusal: RefusalView | None = None,
    **more: Any,
) -> Response:
    actions = [ActionIn(kind=ActionKind.PAY, bill_id=one.id, on=client.today) for one in selection.documents]
    values: dict[str, Any] = {
        "selection": selection,
        "preview": await previewed(client, *actions) if actions else None,
        "accounts": await paying_accounts(client),
        "typed": typed or Typed({}),
        "key": (typed and typed.get(KEY_FIELD)) or new_key(),
        "today": client.today,
        "refused": [],
        "done": None,
        **more,
    }
    if refusal is not None:
        return show_refused(request, client, _SELECTION, here=_HERE, part=part, refusal=refusal, **values)
    return render_client(request, client, _SELECTION, here=_HERE, part=part, refusal=None, **values)


def _approved(n: int) -> str:
    return ngettext("%(n)s bill is approved.", "%(n)s bills are approved.", n) % {"n": n}


def _notice(text: str) -> str | None:
    kind, _sep, n = text.partition("-")
    return _approved(int(n)) if kind == "approved" and n.isdigit() else None


def _csv_row(bill: ListedBill) -> dict[str, Any]:
    return {name: plain_amount(value) for name, value in bill.items()}
