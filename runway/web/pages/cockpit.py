"""A client's cockpit: the week's five figures, the 13 weeks ahead, what to do next; and what each cell of the weeks is made of."""

from datetime import date
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.errors import NotFound
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed, SyncStrategy
from runway.orchestrators.cockpit import Cockpit, CockpitReader
from runway.orchestrators.outlook import Marked
from runway.orchestrators.sync_progress import SyncProgress, SyncProgressReport
from runway.orchestrators.tray import TrayService
from runway.web.clients import PREFIX, Client, ReadsBooks
from runway.web.page_route import PageRoute
from runway.web.rendering import render_client, wants_part
from runway.web.strings import _
from runway.web.views.cockpit import cockpit_view
from runway.web.views.reading import reading_view
from runway.web.views.standing import standing_of
from runway.web.views.weeks import Group, cell_documents

router = APIRouter(prefix=PREFIX, include_in_schema=False, route_class=PageRoute)

# The mirror at once: a refresh that it sets off is shown when it lands.
AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_MOST_LOOKS = 20  # at a refresh that does not land; a person may look again by themselves


class NoSuchWeek(NotFound):
    def __init__(self, starts_on: date) -> None:
        super().__init__(_("The forecast has no week that starts on %(day)s.") % {"day": starts_on})


@router.get("")
async def show_cockpit(request: Request, client: ReadsBooks, seen: str = "", looks: int = 0) -> Response:
    """For htmx, `seen` is what the page shows: where nothing newer is there, only the next look is answered.

    Looks after the first are at a refresh that is on its way: they begin no other, and until it lands the page is as stale as it was.
    """
    reader, is_waiting = _reader(client), looks > 0
    looked = await reader.look(freshness=AS_IT_STANDS if is_waiting else AT_ONCE)
    is_stale = is_waiting or looked.freshness.stale
    if wants_part(request) and looked.value is not None and seen == _mark(looked, is_stale=is_stale):
        look = _look(seen, looks=looks, is_stale=is_stale)
        return render_client(request, client, "", here="cockpit", part="cockpit/_look.html", look=look)
    if is_waiting:
        looked = await reader.look(freshness=AT_ONCE)
    fetched, is_stale = await reader.get(looked), looked.freshness.stale
    look = _look(_mark(looked, is_stale=is_stale), looks=looks, is_stale=is_stale)
    answer = render_client(
        request,
        client,
        "cockpit/page.html",
        here="cockpit",
        part="cockpit/_body.html",
        freshness=fetched.freshness,
        look=look,
        standing=standing_of(fetched.freshness, now=client.clock.now()),
        is_part=wants_part(request),
        **_views(fetched, client),
    )
    if wants_part(request):
        answer.headers["HX-Retarget"] = "#cockpit"
    return answer


@router.get("/weeks/{starts_on}/{group}")
async def show_cell(request: Request, client: ReadsBooks, starts_on: date, group: Group) -> Response:
    """What a cell of the week table is made of."""
    fetched = await client.services.outlook.get(freshness=AS_IT_STANDS)
    cell = cell_documents(fetched.value, starts_on, group)
    if cell is None:
        raise NoSuchWeek(starts_on)
    return render_client(
        request,
        client,
        "cockpit/cell.html",
        here="cockpit",
        part="cockpit/_cell.html",
        freshness=fetched.freshness,
        status=HTTPStatus.OK,
        cell=cell,
        is_part=wants_part(request),
    )


def _reader(client: Client) -> CockpitReader:
    process = client.process
    return CockpitReader(
        business=client.business,
        outlook=client.services.outlook,
        tray=TrayService(uow=process.uow, clock=process.clock),
        progress=lambda: SyncProgressReport(uow=process.uow, connections=process.qbo_connections),
        uow=process.uow,
    )


def _views(fetched: Fetched[Cockpit | SyncProgress], client: Client) -> dict[str, Any]:
    if isinstance(fetched.value, SyncProgress):
        return {"reading": reading_view(fetched.value), "shown": None}
    return {"reading": None, "shown": cockpit_view(fetched.value, permissions=client.entry.permissions)}


def _look(mark: str, *, looks: int, is_stale: bool) -> dict[str, Any]:
    """The next one: soon while a refresh is on its way."""
    return {"mark": mark, "looks": looks + 1 if is_stale and looks < _MOST_LOOKS else 0}


def _mark(looked: Fetched[Marked | None], *, is_stale: bool) -> str:
    """Another one once the forecast may be another, or how fresh it is."""
    books, forecast = looked.freshness, looked.value.mark if looked.value else None
    shown = f"{forecast}/{books.as_of}/{is_stale}/{books.open_drift}/{books.quarantined}"
    return blake2b(shown.encode(), digest_size=12).hexdigest()
