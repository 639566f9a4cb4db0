"""A client's cockpit: the week's five figures, the 13 weeks ahead, what to do next; and what each cell of the weeks is made of."""

from datetime import date
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.errors import NotFound
from infra.sync.freshness import AS_IT_STANDS, Fetched, Freshness, FreshnessNeed, SyncStrategy
from runway.orchestrators.cockpit import Cockpit, CockpitReader
from runway.orchestrators.forecast_shelf import Mark
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
    """For htmx, `seen` is what the page shows: where nothing newer is there, only the next look is answered."""
    need = AT_ONCE if looks == 0 else AS_IT_STANDS
    sought = await client.services.outlook.seek(need)
    if wants_part(request) and sought.books.as_of is not None and seen == _mark(sought.mark, sought.books):
        look = _look(seen, sought.books, looks=looks)
        return render_client(request, client, "", here="cockpit", part="cockpit/_look.html", look=look)
    fetched = await _reader(client).get(sought, wait=need.wait)
    look = _look(_mark(sought.mark, fetched.freshness), fetched.freshness, looks=looks)
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


def _look(mark: str, freshness: Freshness, *, looks: int) -> dict[str, Any]:
    return {"mark": mark, "looks": looks + 1, "goes_on": looks < _MOST_LOOKS, "is_stale": freshness.stale}


def _mark(forecast: Mark, freshness: Freshness) -> str:
    """Another one once what the page shows may have changed: the books, what was decided about them, and how fresh they are."""
    shown = f"{forecast}/{freshness.as_of}/{freshness.stale}/{freshness.open_drift}/{freshness.quarantined}"
    return blake2b(shown.encode(), digest_size=12).hexdigest()
