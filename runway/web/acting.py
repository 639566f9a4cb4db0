"""What every page that acts has in common: the preview before, where the action stands after, and where the person goes then."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from domains.core.asking import Asking
from infra.actions.models import ActionIntent
from infra.errors import OodalooError
from infra.sync.freshness import Fetched
from runway.calculators.forecast import Forecast
from runway.routes.action_answers import show
from runway.routes.preview import ActionIn, WantedPreview, preview_on
from runway.web.clients import Client
from runway.web.forms import is_for_form
from runway.web.rendering import go_to, render, render_client, wants_part
from runway.web.views.decision import PreviewView, preview_view
from runway.web.views.progress import ProgressView, progress_view
from runway.web.views.refusals import RefusalView, refusal_view

# Tables of the page that htmx reloads when it hears of it.
ACTED = {"HX-Trigger": "acted"}
# A part of a page is drawn without the forecast where that takes longer, and asks for the rest by itself.
PART_PATIENCE = timedelta(milliseconds=30)


@dataclass(frozen=True)
class Preview:
    """What it would do, or why that cannot be told."""

    view: PreviewView | None
    refusal: RefusalView | None


async def previewed(client: Client, *actions: ActionIn, on: Fetched[Forecast] | None = None) -> Preview:
    """The API's own preview, on the forecast that the page shows; its figures are kept, so that the decision's log row can freeze them."""
    try:
        answer = await preview_on(client, WantedPreview(actions=list(actions)), forecast=on)
    except OodalooError as error:
        if not is_for_form(error):
            raise
        return Preview(None, refusal_view(error))
    return Preview(preview_view(answer.data), None)


def undoable(client: Client, asking: Asking) -> Asking:
    """What is asked for on a page leaves after a while in which the person may take it back."""
    return replace(asking, undo_window=client.process.settings.web.undo_window)


def progress_of(client: Client, intent: ActionIntent) -> ProgressView:
    return progress_view(
        show(client, intent), client.entry.permissions, now=client.clock.now(), actor=client.origin.actor
    )


async def show_outcome(request: Request, client: Client, intent: ActionIntent, *, back: str | None = None) -> Response:
    """Once it was asked for: its own page; for htmx its progress at once, which looks again until it is over. `back` is the document's own page."""
    if not wants_part(request):
        return go_to(f"{client.path}/payments/{intent.id}")
    template = "payments/_progress.html" if back is None else "payments/_outcome.html"
    progress = progress_of(client, intent)
    answer = render(request, template, client=client, csrf=client.csrf, progress=progress, back=back, looks_soon=True)
    return with_headers(answer, ACTED)


def show_done(request: Request, client: Client, path: str, notice: str) -> Response:
    """After what is over at once: back to the page, which says so. htmx puts the fresh page's part in place by itself."""
    headers = ACTED if wants_part(request) else {}
    return go_to(f"{client.path}{path}{'&' if '?' in path else '?'}notice={notice}", headers=headers)


async def show_decided(
    request: Request, client: Client, path: str, notice: str, *, part: Callable[[str], Awaitable[Response]]
) -> Response:
    """As `show_done`, on a page whose `part` htmx has at once: being led there it would ask a second time."""
    return await part(notice) if wants_part(request) else show_done(request, client, path, notice)


def show_refused(
    request: Request, client: Client, template: str, *, here: str, part: str, refusal: RefusalView, **values: Any
) -> Response:
    """The same form again, with what was typed and why it was not taken."""
    return render_client(
        request,
        client,
        template,
        here=here,
        part=part,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        refusal=refusal,
        **values,
    )


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    response.headers.update(headers)
    return response


def read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
