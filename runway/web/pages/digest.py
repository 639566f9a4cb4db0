"""The digest as it will be mailed: looked at, sent now, and set to go out by itself."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from domains.core.digests import Digests
from domains.core.member_queries import list_readers
from infra.sync.freshness import AS_IT_STANDS, FreshnessNeed, SyncStrategy
from runway.orchestrators.digest_sending import DEFAULT_ROLES
from runway.papers.letter import digest_letter
from runway.papers.paper import PaperSize, digest_paper
from runway.routes import digest as routes
from runway.routes.edge.headers import LETTER_POLICY
from runway.web.clients import PREFIX, Client, ManagesSettings, ReadsBooks, SyncsBooks
from runway.web.forms import Typed, errors_of_keeping, new_key, read, typed_form
from runway.web.page_route import PageRoute
from runway.web.pages.settings import told
from runway.web.rendering import go_to, render, render_client
from runway.web.strings import keyed, reader
from runway.web.views.digest import SendingView, hour_choices, recipients_view, sending_view, weekday_choices

router = APIRouter(prefix=f"{PREFIX}/digest", include_in_schema=False, route_class=PageRoute)

_AT_ONCE = FreshnessNeed(strategy=SyncStrategy.PAGE)
_HERE = "digest"
_LETTER_PAPER = frozenset({"US", "CA", "MX"})
_NOTICES = {
    "sent": keyed("It is on its way; what becomes of it is told below."),
    "saved": keyed("Saved. It counts from now on."),
}


@router.get("")
async def show_digest(request: Request, client: ReadsBooks, notice: str = "") -> Response:
    return await _show(request, client, notice=told(_NOTICES, notice))


@router.get("/letter")
async def show_letter(client: ReadsBooks) -> Response:
    """The mail itself, for the page's frame: its looks stand in its lines, so it has a policy of its own and may do nothing."""
    found = await client.services.digest.get(freshness=AS_IT_STANDS)
    letter = digest_letter(found.value, public_url=str(client.process.settings.web.public_url))
    html = letter.html.replace("<head>", '<head><base target="_top">', 1)
    headers = {"Content-Security-Policy": LETTER_POLICY, "Cache-Control": "no-store"}
    return Response(html, headers=headers, media_type="text/html; charset=utf-8")


@router.get(".pdf")
async def give_paper(client: ReadsBooks) -> Response:
    digest = (await client.services.digest.get(freshness=AS_IT_STANDS)).value
    size = PaperSize.LETTER if reader().locale.territory in _LETTER_PAPER else PaperSize.A4
    headers = {"Content-Disposition": f'inline; filename="digest-{digest.as_of}.pdf"', "Cache-Control": "no-store"}
    return Response(digest_paper(digest, size=size), headers=headers, media_type="application/pdf")


@router.post("/send")
async def send_digest(request: Request, client: SyncsBooks) -> Response:
    """Now, whether or not it goes out by itself. The same form again is the same wish; nobody gets a week's digest twice."""
    typed = await typed_form(request)
    wish = routes.wish_of(request, client.process, client.origin, typed.key, body=None)
    await client.process.digest_sending(client.business).ask(wish)
    return go_to(f"{client.path}/digest?notice=sent#sends")


@router.get("/sends/{ask_id}")
async def show_sends(request: Request, client: ReadsBooks, ask_id: UUID) -> Response:
    """How far it is, for a page that is open."""
    sending = await _sending(client, ask_id)
    return render(request, "digest/_sends.html", client=client, csrf=client.csrf, sending=sending)


@router.post("/settings")
async def set_digest(request: Request, client: ManagesSettings) -> Response:
    typed = await typed_form(request)
    chosen = typed.all("recipients") if typed.get("who") == "named" else None
    form = read(routes.WantedDigest, typed, given={"is_on": typed.get("is_on") == "yes", "recipients": chosen})
    errors = await errors_of_keeping(form, lambda wanted: routes.set_digest_settings(client, wanted))
    if not errors:
        return go_to(f"{client.path}/digest?notice=saved")
    return await _show(request, client, errors=errors, typed=typed, status=HTTPStatus.UNPROCESSABLE_ENTITY)


async def _show(request: Request, client: Client, *, typed: Typed | None = None, **more: Any) -> Response:
    found = await client.services.digest.get(freshness=_AT_ONCE)
    async with client.process.uow([client.business.id]) as uow:
        digests = Digests(client.business.id)
        kept, last = await digests.find_choices(uow.session), await digests.find_last_ask(uow.session)
    async with client.process.access_uow([]) as uow:
        readers = await list_readers(uow.session, client.business.id)
    letter = digest_letter(found.value, public_url=str(client.process.settings.web.public_url))
    return render_client(
        request,
        client,
        "digest/page.html",
        here=_HERE,
        freshness=found.freshness,
        digest=found.value,
        subject=letter.subject,
        recipients=recipients_view(readers, kept.choices, by_role=DEFAULT_ROLES),
        kept=kept,
        values=typed.values if typed is not None else _values(kept.choices),
        weekdays=weekday_choices(),
        hours=hour_choices(),
        sending=None if last is None else await _sending(client, last.id),
        key=new_key(),
        **more,
    )


async def _sending(client: Client, ask_id: UUID) -> SendingView:
    (send,) = await client.process.digest_progress.get(ask_id, [client.business])
    return sending_view(ask_id, send)


def _values(choices: Any) -> dict[str, str]:
    return {
        "is_on": "yes" if choices.is_on else "",
        "weekday": str(choices.weekday),
        "hour": str(choices.hour),
        "who": "all" if choices.recipients is None else "named",
    }
