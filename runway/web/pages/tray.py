"""What to do next, in one client and over all of a person's: opened, taken, put away, given to somebody, asked about."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from domains.core.permissions import Permission
from infra.errors import OodalooError
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from runway.calculators.forecast import Forecast
from runway.calculators.tray_priority import TrayGroup
from runway.orchestrators.firm_tray import FirmTray
from runway.orchestrators.payables_table import PayableDesk
from runway.orchestrators.previews import ActionKind
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService
from runway.orchestrators.tray_desk import TrayDesk
from runway.routes.access import AllServices
from runway.routes.preview import ActionIn
from runway.routes.tray import AskingClient, Assigning, Snoozing
from runway.services import Services
from runway.web.acting import Preview, previewed, show_done
from runway.web.clients import PREFIX, Client, ReadsBooks, SyncsBooks
from runway.web.forms import REFUSED, M, Read, Typed, is_for_form, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.payables import payables_of
from runway.web.pages.receivables import receivables_of
from runway.web.people import names_in
from runway.web.rendering import render, render_client
from runway.web.strings import _, keyed
from runway.web.views.payables import bill_view
from runway.web.views.receivables import invoice_view
from runway.web.views.refusals import refusal_view
from runway.web.views.tray import document_path, row_view, tray_view
from runway.web.visits import SignedInPerson

router = APIRouter(prefix=f"{PREFIX}/tray", include_in_schema=False, route_class=PageRoute)
firm_router = APIRouter(include_in_schema=False, route_class=PageRoute)

_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "tray"
_IF_PAID_WITHIN = timedelta(days=7)
_NOTICES = {
    "snoozed": keyed("It is back on that day, or as soon as it changes materially."),
    "assigned": keyed("It is theirs."),
    "unassigned": keyed("It is nobody's."),
    "asked": keyed("Noted: it waits for the client. Nothing is mailed."),
    "dismissed": keyed("Away until it changes materially."),
    "restored": keyed("It is back in the tray."),
}
Item = Annotated[str, Path(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9:._-]+$")]


class AskedTray(BaseModel):
    model_config = ConfigDict(extra="ignore")

    group: TrayGroup | None = None
    hidden: bool = False
    mine: bool = False
    waiting: bool = False
    notice: str = ""

    def chosen(self, entries: list[TrayEntry], person: UUID) -> list[TrayEntry]:
        return [entry for entry in entries if self._is_wanted(entry, person)]

    def _is_wanted(self, entry: TrayEntry, person: UUID) -> bool:
        mark = entry.mark
        return (
            (self.hidden or not entry.is_set_aside)
            and self.group in {None, entry.row.item.group}
            and (not self.mine or (mark is not None and mark.owner_id == person))
            and (not self.waiting or bool(mark and mark.question))
        )


Asked = Annotated[AskedTray, Query()]


@firm_router.get("/tray")
async def show_firm_tray(request: Request, services: AllServices, visit: SignedInPerson, asked: Asked) -> Response:
    """One list over every client whose books the person may read."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, visit.person)
    readable = [entry for entry in entries if Permission.BOOKS_READ in entry.permissions]
    firm = FirmTray(_tray(services), lambda business: services.of(business).outlook, services.clock)
    found = await firm.get([entry.business for entry in readable])
    chosen = asked.chosen(found.entries, visit.person.user_id)
    may = {entry.business.id: entry.permissions for entry in readable}
    return render(
        request,
        "tray/firm.html",
        person=visit.person,
        csrf=visit.csrf,
        asked=asked,
        groups=tray_view(chosen, may=may, owners={visit.person.user_id: visit.person.name}),
        total=len(chosen),
        without_forecast=found.without_forecast,
        unread=found.unread,
        is_unread=bool(found.unread),
        here="/tray",
    )


@router.get("")
async def show_tray(request: Request, client: ReadsBooks, asked: Asked) -> Response:
    fetched, entries = await _entries(client)
    chosen = asked.chosen(entries, client.visit.person.user_id)
    told = _NOTICES.get(asked.notice)
    return render_client(
        request,
        client,
        "tray/page.html",
        here=_HERE,
        part="tray/_groups.html",
        freshness=fetched.freshness,
        asked=asked,
        groups=tray_view(chosen, may={client.business.id: client.entry.permissions}, owners=await names_in(client)),
        total=len(chosen),
        notice=None if told is None else _(told),
        list_path=f"{client.path}/tray",
    )


@router.get("/{item}")
async def show_item(request: Request, client: ReadsBooks, item: Item, notice: str = "") -> Response:
    """The evidence, and what taking its step does."""
    told = _NOTICES.get(notice)
    return await _show(request, client, item, notice=None if told is None else _(told))


@router.post("/{item}/snooze")
async def snooze(request: Request, client: SyncsBooks, item: Item) -> Response:
    typed = await typed_form(request)
    form = read(Snoozing, typed)

    async def verb(desk: TrayDesk, wanted: Snoozing) -> str:
        await desk.snooze(item, wanted.until)
        return "snoozed"

    return await _do(request, client, item, typed, form, verb)


@router.post("/{item}/assign")
async def assign(request: Request, client: SyncsBooks, item: Item) -> Response:
    typed = await typed_form(request)
    form = read(Assigning, typed, keep=["owner_id"])

    async def verb(desk: TrayDesk, wanted: Assigning) -> str:
        await desk.assign(item, wanted.owner_id)
        return "assigned" if wanted.owner_id else "unassigned"

    return await _do(request, client, item, typed, form, verb)


@router.post("/{item}/ask")
async def ask(request: Request, client: SyncsBooks, item: Item) -> Response:
    typed = await typed_form(request)
    form = read(AskingClient, typed)

    async def verb(desk: TrayDesk, wanted: AskingClient) -> str:
        await desk.ask(item, wanted.question)
        return "asked"

    return await _do(request, client, item, typed, form, verb)


@router.post("/{item}/dismiss")
async def dismiss(client: SyncsBooks, request: Request, item: Item) -> Response:
    await (await _desk(client)).dismiss(item)
    return show_done(request, client, "/tray", "dismissed")


@router.post("/{item}/restore")
async def restore(client: SyncsBooks, request: Request, item: Item) -> Response:
    await (await _desk(client)).restore(item)
    return show_done(request, client, f"/tray/{item}", "restored")


async def _do(
    request: Request,
    client: Client,
    item: str,
    typed: Typed,
    form: Read[M],
    verb: Callable[[TrayDesk, M], Awaitable[str]],
) -> Response:
    if form.wanted is None:
        return await _show(request, client, item, typed=typed, errors=form.errors, status=REFUSED)
    try:
        notice = await verb(await _desk(client), form.wanted)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return await _show(request, client, item, typed=typed, refusal=refusal_view(error), status=REFUSED)
    path = "/tray" if notice == "snoozed" else f"/tray/{item}"
    return show_done(request, client, path, notice)


async def _show(request: Request, client: Client, item: str, *, typed: Typed | None = None, **more: Any) -> Response:
    fetched = await client.services.outlook.get(freshness=_AT_ONCE)
    entry = await _tray(client.process).get_entry(_book(client, fetched.value), item)
    names = await names_in(client)
    subject = entry.row.subject
    kind, subject_id = (subject.kind, UUID(subject.id)) if subject else ("", None)
    values: dict[str, Any] = {
        "row": row_view(entry, may=client.entry.permissions, owners=names),
        "bill": None,
        "invoice": None,
        "duplicates": (),
        "document_href": document_path(client.path, subject),
        "preview": await _preview(client, kind, subject_id),
        "people": sorted(names.items(), key=lambda one: one[1].casefold()),
        "soonest": client.today + timedelta(days=1),
        "next_week": client.today + timedelta(days=7),
        "typed": typed or Typed({}),
        "refusal": None,
        "asked_at": entry.mark.asked_at if entry.mark else None,
        **more,
    }
    if kind == "bill" and subject_id is not None:
        detail = (await PayableDesk(payables_of(client)).get(subject_id, freshness=_AT_ONCE)).value
        values |= {"bill": bill_view(detail.payable, client), "duplicates": detail.duplicates}
    if kind == "invoice" and subject_id is not None:
        found = (await receivables_of(client).get_one(subject_id, freshness=_AT_ONCE)).value
        values["invoice"] = invoice_view(found.receivable, client)
    return render_client(
        request, client, "tray/item.html", here=_HERE, part="tray/_item.html", freshness=fetched.freshness, **values
    )


async def _preview(client: Client, kind: str, subject_id: UUID | None) -> Preview | None:
    """Of a bill: paying it today. Of an invoice: that it is paid within a week."""
    if kind == "bill":
        return await previewed(client, ActionIn(kind=ActionKind.PAY, bill_id=subject_id, on=client.today))
    if kind == "invoice":
        on = client.today + _IF_PAID_WITHIN
        return await previewed(client, ActionIn(kind=ActionKind.PROMISE, invoice_id=subject_id, on=on))
    return None


async def _entries(client: Client) -> tuple[Fetched[Forecast], list[TrayEntry]]:
    fetched = await client.services.outlook.get(freshness=_AT_ONCE)
    return fetched, await _tray(client.process).list_entries([_book(client, fetched.value)])


def _book(client: Client, forecast: Forecast) -> TrayBook:
    return TrayBook(client.business, client.today, forecast)


def _tray(services: Services) -> TrayService:
    return TrayService(uow=services.uow, clock=services.clock)


async def _desk(client: Client) -> TrayDesk:
    fetched = await client.services.outlook.get(freshness=_AT_ONCE)
    services = client.process
    return TrayDesk(
        book=_book(client, fetched.value),
        tray=_tray(services),
        uow=services.uow,
        access_uow=services.access_uow,
        access=services.access,
        clock=services.clock,
        actor=client.origin.actor,
    )
