"""The week's ritual, step by step: it can be left at any step, taken up again, and shared by two."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from domains.core.ritual import RitualOutcome, RitualState, RitualStep
from infra.errors import Conflict, InvalidInput, NotFound
from infra.sync.freshness import Fetched, FreshnessNeed, SyncStrategy
from runway.orchestrators.ritual import RitualDesk, RitualView
from runway.routes.ritual import desk_of
from runway.web.clients import PREFIX, Client, ReadsBooks, SyncsBooks
from runway.web.page_route import PageRoute
from runway.web.rendering import go_to, render, render_client, wants_part
from runway.web.ritual_steps import due_rows, overdue_rows, step_values
from runway.web.strings import _
from runway.web.views.ritual import ritual_page, step_after

router = APIRouter(prefix=f"{PREFIX}/ritual", include_in_schema=False, route_class=PageRoute)

AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "ritual"
_REOPEN = "reopen"
_ROWS = {RitualStep.DUE: due_rows, RitualStep.OVERDUE: overdue_rows}  # what htmx loads again alone, after an action
_LONGEST_NOTE = 2000

Note = Annotated[str, Form(max_length=_LONGEST_NOTE)]
Outcome = Annotated[str, Form(max_length=20)]
Version = Annotated[int, Form(ge=0)]


class StepUnknown(NotFound):
    def __init__(self) -> None:
        super().__init__(_("The ritual has no such step."))


class OutcomeUnknown(InvalidInput):
    def __init__(self) -> None:
        super().__init__(_("Choose what came of the step."))


@router.get("")
async def show_ritual(request: Request, client: ReadsBooks) -> Response:
    """Where it stands: the page to start it on, the first step that is not done, or what it ended on."""
    fetched = await desk_of(client).get(freshness=AT_ONCE)
    ritual = fetched.value.ritual
    if ritual.state is RitualState.NOT_STARTED:
        page = ritual_page(fetched.value, RitualStep.BOOKS, base=client.path)
        values: dict[str, Any] = {
            "page": page,
            "last": fetched.value.last,
            "is_read": fetched.freshness.as_of is not None,
        }
        return render_client(request, client, "ritual/start.html", here=_HERE, freshness=fetched.freshness, **values)
    return go_to(f"{client.path}/ritual/{ritual.next_step or RitualStep.SUMMARY}")


@router.post("/start")
async def start_ritual(client: SyncsBooks) -> Response:
    fetched = await desk_of(client).start()
    return go_to(f"{client.path}/ritual/{fetched.value.ritual.next_step or RitualStep.SUMMARY}")


@router.post("/finish")
async def finish_ritual(
    request: Request,
    client: SyncsBooks,
    version: Version,
    note: Note = "",
    *,
    send_digest: Annotated[bool, Form()] = False,
) -> Response:
    """Lock it. What somebody else did meanwhile is shown first, and what was typed stays."""
    desk = desk_of(client)
    try:
        await desk.finish(note=note.strip() or None, version=version, sends_digest=send_digest)
    except Conflict as error:
        return await _show_again(request, client, desk, RitualStep.SUMMARY, error=error, note=note)
    return go_to(f"{client.path}/ritual/summary?notice=finished")


@router.get("/rail/{step}")
async def show_rail(request: Request, client: ReadsBooks, step: str) -> Response:
    """What the others did meanwhile, for a page that is open."""
    fetched = await desk_of(client).get(freshness=AT_ONCE)
    page = ritual_page(fetched.value, _step(step), base=client.path)
    return render(request, "ritual/_rail.html", client=client, csrf=client.csrf, page=page)


@router.get("/{step}")
async def show_step(request: Request, client: ReadsBooks, step: str, notice: str = "") -> Response:
    here = _step(step)
    if here in _ROWS and request.headers.get("HX-Target") == "ritual-rows" and wants_part(request):
        rows = await _ROWS[here](client, freshness=AT_ONCE)
        return render(request, f"ritual/_{here}.html", client=client, csrf=client.csrf, **rows)
    fetched = await desk_of(client).get(freshness=AT_ONCE)
    if fetched.value.ritual.state is RitualState.NOT_STARTED:
        return go_to(f"{client.path}/ritual")
    told = _("The ritual is finished, and its figures are locked.") if notice == "finished" else None
    return await _show(request, client, here, fetched, notice=told)


@router.post("/{step}")
async def decide_step(
    request: Request, client: SyncsBooks, step: str, version: Version, outcome: Outcome, note: Note = ""
) -> Response:
    """Onwards to the next step. What somebody else did to this one meanwhile is told first, and what was typed stays."""
    here, desk, told = _step(step), desk_of(client), note.strip() or None
    try:
        if outcome == _REOPEN:
            await desk.reopen(here, note=told, version=version)
            return go_to(f"{client.path}/ritual/{here}")
        await desk.decide(here, outcome=_outcome(outcome), note=told, version=version)
    except Conflict as error:
        return await _show_again(request, client, desk, here, error=error, note=note)
    return go_to(f"{client.path}/ritual/{step_after(here)}")


async def _show_again(
    request: Request, client: Client, desk: RitualDesk, step: RitualStep, *, error: Conflict, note: str
) -> Response:
    """As it stands now; who sends the form again has seen it."""
    fetched = await desk.get(freshness=AT_ONCE)
    return await _show(request, client, step, fetched, status=HTTPStatus.CONFLICT, errors={"": str(error)}, typed=note)


async def _show(
    request: Request, client: Client, step: RitualStep, fetched: Fetched[RitualView], *, typed: str = "", **values: Any
) -> Response:
    return render_client(
        request,
        client,
        f"ritual/{step}.html",
        here=_HERE,
        freshness=fetched.freshness,
        page=ritual_page(fetched.value, step, base=client.path),
        material=fetched.value.material,
        typed=typed,
        **await step_values(client, step, fetched),
        **values,
    )


def _step(text: str) -> RitualStep:
    try:
        return RitualStep(text)
    except ValueError:
        raise StepUnknown from None


def _outcome(text: str) -> RitualOutcome:
    try:
        return RitualOutcome(text)
    except ValueError:
        raise OutcomeUnknown from None
