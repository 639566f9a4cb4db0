from collections.abc import Iterable
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.permissions import Permission
from infra.sync.freshness import FreshnessNeed, SyncStrategy
from runway.calculators.tray_priority import TrayGroup
from runway.orchestrators.firm_tray import FirmTray
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService
from runway.orchestrators.tray_desk import TrayDesk
from runway.routes.access import AllServices, Caller, ReadsBooks, SyncsBooks
from runway.routes.answers import FreshnessOut, PageAnswer, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.doors import Recognised
from runway.routes.read_route import ReadRoute
from runway.routes.tray_out import CSV_COLUMNS, TRAY_ITEM_EXAMPLE, TrayItemOut, csv_row
from runway.services import Services

router = APIRouter(prefix="/api/v1", tags=["tray"], route_class=ReadRoute)

# The mirror at once: what somebody just looked at.
_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
Item = Annotated[
    str, Path(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9:._-]+$", description="`item` of the list.")
]


class AskedItems(AskedFormat):
    group: TrayGroup | None = None
    owner_id: UUID | None = Field(default=None, description="Only what is theirs.")
    waiting_for_client: bool | None = Field(
        default=None, description="Only what the client was asked, or only what not."
    )
    hidden: bool = Field(default=False, description="Also what was snoozed or dismissed and is still the same.")

    def chosen(self, entries: Iterable[TrayEntry]) -> list[TrayEntry]:
        return [entry for entry in entries if self._is_wanted(entry)]

    def _is_wanted(self, entry: TrayEntry) -> bool:
        mark = entry.mark
        return (
            (self.hidden or not entry.is_set_aside)
            and self.group in {None, entry.row.item.group}
            and self.owner_id in {None, mark.owner_id if mark else None}
            and self.waiting_for_client in {None, bool(mark and mark.question)}
        )


class AskedTray(AskedItems, AskedFreshness):
    pass


class TrayAnswer(BaseModel):
    data: TrayItemOut


class Unreadable(BaseModel):
    business_id: UUID
    business: str
    why: str


class FirmTrayAnswer(BaseModel):
    data: list[TrayItemOut]
    without_forecast: list[Unreadable] = Field(
        description="Businesses of which there is no forecast now: only what is to be repaired is listed of them."
    )
    freshness: FreshnessOut = Field(description="Of the oldest.")


class Assigning(Strict):
    owner_id: UUID | None = Field(description="Somebody who belongs to the business; null: nobody.")


class Snoozing(Strict):
    until: date = Field(description="The day on which it is back; earlier, if it changes materially.")


class AskingClient(Strict):
    question: str = Field(min_length=1, max_length=1000, examples=["Is this the same delivery as bill 2230?"])


_LIST = books_example([TRAY_ITEM_EXAMPLE], is_page=True)
_FIRM = {
    "data": [TRAY_ITEM_EXAMPLE],
    "without_forecast": [],
    "freshness": books_example([])["freshness"],
}


@router.get(
    "/tray",
    summary="What to do next",
    response_model=PageAnswer[TrayItemOut],
    responses=in_csv_too(read_of_books(_LIST), CSV_COLUMNS),
)
async def list_tray(request: Request, caller: ReadsBooks, asked: Annotated[AskedTray, Query()]) -> Response:
    """What to pay, to collect, to repair and to watch, the most urgent first; of equals, what does most to the runway. Always in the
    same order. All of it on one page: 150 bills and 150 invoices at the most, the nearest and largest.
    """
    fetched = await caller.services.outlook.get(freshness=asked.need())
    book = TrayBook(caller.business, caller.today, fetched.value)
    entries = asked.chosen(await _tray(caller.process).list_entries([book]))
    shown = [TrayItemOut.of(entry) for entry in entries]
    if wants_csv(request, asked.format):
        return send_csv(CSV_COLUMNS, map(csv_row, shown), name="tray", freshness=fetched.freshness)
    body = PageAnswer[TrayItemOut](data=shown, next_cursor=None, freshness=FreshnessOut.of(fetched.freshness))
    return send(request, body)


@router.get(
    "/firm/tray",
    summary="What to do next, in all your businesses",
    response_model=FirmTrayAnswer,
    responses=in_csv_too(documented(_FIRM), CSV_COLUMNS),
)
async def list_firm_tray(
    request: Request, guest: Recognised, services: AllServices, asked: Annotated[AskedItems, Query()]
) -> FirmTrayAnswer | Response:
    """One list over every business whose books you may read, in one order. The books are taken as they stand; it takes no `X-Business-ID`."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    businesses = [entry.business for entry in entries if Permission.BOOKS_READ in entry.permissions]
    firm = FirmTray(_tray(services), lambda business: services.of(business).outlook, services.clock)
    found = await firm.get(businesses)
    shown = [TrayItemOut.of(one) for one in asked.chosen(found.entries)]
    if wants_csv(request, asked.format):
        return send_csv(CSV_COLUMNS, map(csv_row, shown), name="tray", freshness=found.freshness)
    without = [
        Unreadable(business_id=one.business.id, business=one.business.name, why=one.why)
        for one in found.without_forecast
    ]
    return FirmTrayAnswer(data=shown, without_forecast=without, freshness=FreshnessOut.of(found.freshness))


@router.post("/tray/{item}/assign", summary="Give it to somebody", responses=documented({"data": TRAY_ITEM_EXAMPLE}))
async def assign_item(caller: SyncsBooks, item: Item, wanted: Assigning) -> TrayAnswer:
    """Whose it is, until it is another's."""
    return _answer(await (await _desk(caller)).assign(item, wanted.owner_id))


@router.post("/tray/{item}/snooze", summary="Away until a day", responses=documented({"data": TRAY_ITEM_EXAMPLE}))
async def snooze_item(caller: SyncsBooks, item: Item, wanted: Snoozing) -> TrayAnswer:
    """It is back on that day, or as soon as it changes materially: another priority, another reason, a tenth more, a week of runway."""
    return _answer(await (await _desk(caller)).snooze(item, wanted.until))


@router.post("/tray/{item}/ask", summary="It waits for the client", responses=documented({"data": TRAY_ITEM_EXAMPLE}))
async def ask_client(caller: SyncsBooks, item: Item, wanted: AskingClient) -> TrayAnswer:
    """Notes what the client was asked; it stays where it is. Nothing is mailed."""
    return _answer(await (await _desk(caller)).ask(item, wanted.question))


@router.post("/tray/{item}/dismiss", summary="Seen", responses=documented({"data": TRAY_ITEM_EXAMPLE}))
async def dismiss_item(caller: SyncsBooks, item: Item) -> TrayAnswer:
    """Away until it changes materially; then it is back, with `is_back`."""
    return _answer(await (await _desk(caller)).dismiss(item))


@router.post("/tray/{item}/restore", summary="Back into the tray", responses=documented({"data": TRAY_ITEM_EXAMPLE}))
async def restore_item(caller: SyncsBooks, item: Item) -> TrayAnswer:
    """Neither snoozed nor dismissed, and waiting for nobody. Whose it is stays."""
    return _answer(await (await _desk(caller)).restore(item))


def _tray(services: Services) -> TrayService:
    return TrayService(uow=services.uow, clock=services.clock)


async def _desk(caller: Caller) -> TrayDesk:
    fetched = await caller.services.outlook.get(freshness=_AT_ONCE)
    services = caller.process
    return TrayDesk(
        book=TrayBook(caller.business, caller.today, fetched.value),
        tray=_tray(services),
        uow=services.uow,
        access_uow=services.access_uow,
        access=services.access,
        clock=services.clock,
        actor=caller.origin.actor,
    )


def _answer(entry: TrayEntry) -> TrayAnswer:
    return TrayAnswer(data=TrayItemOut.of(entry))
