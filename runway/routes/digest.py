from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from domains.core.digests import DigestChoices, Digests, KeptDigestChoices, Wish, ask_id_of
from domains.core.errors import BusinessOutOfReach
from domains.core.models import Business
from domains.core.permissions import Permission, Role
from infra import exact_json
from infra.sync.freshness import Fetched
from runway.calculators.digest import Digest
from runway.papers.letter import digest_letter
from runway.papers.paper import PaperSize, digest_paper
from runway.routes.access import AllServices, Caller, ManagesSettings, ReadsBooks, SyncsBooks
from runway.routes.answers import Answer, FreshnessOut, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.digest_out import DIGEST_EXAMPLE, SENDS_EXAMPLE, DigestOut, DigestSendsOut, digest_out, sends_out
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.doors import AdminOfFirm, Guest, Recognised
from runway.routes.edge.headers import LETTER_POLICY
from runway.routes.idempotency import IdempotencyKey, digest_of
from runway.routes.read_route import ReadRoute
from runway.services import Services

router = APIRouter(prefix="/api/v1/digest", tags=["digest"], route_class=ReadRoute)

_SENDS = "/api/v1/digest/sends"


class DigestFormat(StrEnum):
    JSON = "json"
    HTML = "html"
    TEXT = "text"
    PDF = "pdf"


_KINDS = {
    "application/json": DigestFormat.JSON,
    "text/html": DigestFormat.HTML,
    "text/plain": DigestFormat.TEXT,
    "application/pdf": DigestFormat.PDF,
    "*/*": DigestFormat.JSON,
}


class AskedDigest(AskedFreshness):
    format: DigestFormat | None = Field(default=None, description="Unless given, what `Accept` prefers; else JSON.")
    paper: PaperSize = Field(default=PaperSize.A4, description="Of the PDF.")

    def wanted(self, request: Request) -> DigestFormat:
        if self.format is not None:
            return self.format
        kinds = [part.partition(";")[0].strip().lower() for part in request.headers.get("Accept", "").split(",")]
        return next((_KINDS[kind] for kind in kinds if kind in _KINDS), DigestFormat.JSON)


class WantedDigest(Strict):
    """All of it: what is left out takes its default."""

    is_on: bool = Field(description="Whether it goes out every week by itself.")
    weekday: int = Field(default=0, ge=0, le=6, description="0 is Monday.")
    hour: int = Field(default=7, ge=0, le=23, description="By the company's clock.")
    recipients: Annotated[list[UUID], Field(max_length=100)] | None = Field(
        default=None,
        description="People of the business or admins of its firm; left out: its owners, approvers and bookkeepers.",
    )

    def choices(self) -> DigestChoices:
        recipients = None if self.recipients is None else tuple(sorted(set(self.recipients)))
        return DigestChoices(self.is_on, self.weekday, self.hour, recipients)


class DigestSettingsOut(BaseModel):
    is_on: bool
    weekday: int
    hour: int
    recipients: list[UUID] | None = Field(description="Null: owners, approvers and bookkeepers.")
    version: int = Field(description="0 while nobody has set anything.")
    set_at: datetime | None
    actor: str | None


class DigestSettingsAnswer(BaseModel):
    data: DigestSettingsOut


class SendsAnswer(BaseModel):
    data: DigestSendsOut


class SendingAll(Strict):
    business_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Left out: every business of your firms."
    )


_SETTINGS = {
    "is_on": True, "weekday": 0, "hour": 7, "recipients": None, "version": 1, "set_at": "2026-03-15T19:00:00Z",
    "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
}  # fmt: skip
_TYPES = {DigestFormat.HTML: "text/html", DigestFormat.TEXT: "text/plain", DigestFormat.PDF: "application/pdf"}


def _in_other_forms() -> dict[int | str, Any]:
    responses = read_of_books(books_example(DIGEST_EXAMPLE))
    ok = responses[HTTPStatus.OK.value]
    text, binary = {"type": "string"}, {"type": "string", "format": "binary"}
    others = {
        "text/html": {"schema": text, "example": "<!doctype html>"},
        "text/plain": {"schema": text, "example": "Corner Bakery\nWeek of March 16, 2026\n"},
        "application/pdf": {"schema": binary, "example": "%PDF-1.3"},
    }
    return responses | {HTTPStatus.OK.value: {**ok, "content": {**ok["content"], **others}}}


def _accepted() -> dict[int | str, Any]:
    return documented({"data": SENDS_EXAMPLE}, status=HTTPStatus.ACCEPTED)


@router.get(
    "",
    summary="The week on one page",
    response_model=Answer[DigestOut],
    responses=_in_other_forms(),
)
async def get_digest(request: Request, caller: ReadsBooks, asked: Annotated[AskedDigest, Query()]) -> Response:
    """In the order of the ritual: the runway and what changed, three decisions, what is due within seven days, the five largest that
    are overdue, and what to know of the books. Each number is the dashboard's. As `text/html` and `text/plain` it is the mail as it
    goes out, as `application/pdf` the paper; looking at it sends nothing.
    """
    fetched = await caller.services.digest.get(freshness=asked.need())
    wanted = asked.wanted(request)
    if wanted is not DigestFormat.JSON:
        return _sent_as(wanted, fetched, caller, paper=asked.paper)
    return send(
        request, Answer[DigestOut](data=digest_out(fetched.value), freshness=FreshnessOut.of(fetched.freshness))
    )


@router.get("/settings", summary="When the digest goes out, and to whom", responses=documented({"data": _SETTINGS}))
async def get_digest_settings(caller: ReadsBooks) -> DigestSettingsAnswer:
    """Off, on Mondays at seven, until somebody sets it."""
    async with caller.process.uow([caller.business.id]) as uow:
        return _settings(await Digests(caller.business.id).find_choices(uow.session))


@router.put("/settings", summary="Set when the digest goes out", responses=documented({"data": _SETTINGS}))
async def set_digest_settings(caller: ManagesSettings, wanted: WantedDigest) -> DigestSettingsAnswer:
    """It counts from now on. Whoever is named and may not read the books when it goes out is refused then."""
    origin = caller.origin
    async with caller.process.uow([caller.business.id]) as uow:
        kept = await Digests(caller.business.id).set_choices(
            uow.session, wanted.choices(), actor=origin.actor, request_id=origin.request_id, now=caller.clock.now()
        )
    return _settings(kept)


@router.post(
    "/send",
    summary="Send this week's digest",
    status_code=HTTPStatus.ACCEPTED,
    response_model=SendsAnswer,
    responses=_accepted(),
)
async def send_digest(request: Request, caller: SyncsBooks, key: IdempotencyKey) -> Response:
    """To its recipients, now, whether or not the weekly one is on. Whoever has had this week's gets no second one: `already`."""
    wish = wish_of(request, caller.process, caller.origin, key, body=None)
    await caller.process.digest_sending(caller.business).ask(wish)
    return await _accept(caller.process, wish, [caller.business])


@router.post(
    "/send-all",
    summary="Send this week's digest of many businesses",
    status_code=HTTPStatus.ACCEPTED,
    response_model=SendsAnswer,
    responses=_accepted(),
)
async def send_all_digests(
    request: Request, guest: AdminOfFirm, services: AllServices, key: IdempotencyKey, wanted: SendingAll | None = None
) -> Response:
    """Each business is a job of its own; the answer's `id` tells how far they are, recipient by recipient. For admins of a firm; it
    takes no `X-Business-ID`.
    """
    asked = wanted or SendingAll()
    businesses = await _of_firms(guest, services, asked.business_ids)
    wish = wish_of(request, services, guest.origin, key, body=asked)
    for business in businesses:
        # Each in its own transaction: the same key goes on where this was cut off.
        await services.digest_sending(business).ask(wish)
    return await _accept(services, wish, businesses)


@router.get("/sends/{ask_id}", summary="What became of digests", responses=documented({"data": SENDS_EXAMPLE}))
async def get_digest_sends(guest: Recognised, services: AllServices, ask_id: UUID) -> SendsAnswer:
    """Of those businesses among them whose books you may read."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    businesses = [entry.business for entry in entries if Permission.BOOKS_READ in entry.permissions]
    return SendsAnswer(data=sends_out(ask_id, await services.digest_progress.get(ask_id, businesses)))


async def _of_firms(guest: Guest, services: Services, wanted: list[UUID] | None) -> list[Business]:
    """Raises BusinessOutOfReach: one that is named is not of a firm whose admin they are."""
    async with services.access_uow([]) as uow:
        entries = await services.access.list_entries(uow.session, guest.principal)
    theirs = {entry.business.id: entry.business for entry in entries if entry.role is Role.FIRM_ADMIN}
    if wanted is None:
        return list(theirs.values())
    if not theirs.keys() >= set(wanted):
        raise BusinessOutOfReach
    return [theirs[one] for one in dict.fromkeys(wanted)]


def wish_of(request: Request, services: Services, origin: Any, key: str, *, body: BaseModel | None) -> Wish:
    """Of whoever asks: the same key again is the same wish. For the pages, too."""
    return Wish(
        ask_id=ask_id_of(origin.actor, key),
        actor=origin.actor,
        request_id=origin.request_id,
        digest=digest_of(request.url.path, body),
        now=services.clock.now(),
    )


async def _accept(services: Services, wish: Wish, businesses: list[Business]) -> Response:
    shown = sends_out(wish.ask_id, await services.digest_progress.get(wish.ask_id, businesses))
    return Response(
        exact_json.dumps({"data": shown.model_dump()}),
        HTTPStatus.ACCEPTED,
        headers={"Location": f"{_SENDS}/{wish.ask_id}", "Cache-Control": "no-store"},
        media_type="application/json",
    )


def _sent_as(wanted: DigestFormat, fetched: Fetched[Digest], caller: Caller, *, paper: PaperSize) -> Response:
    digest, age = fetched.value, fetched.freshness
    headers = {
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization, X-Business-ID",
        "X-As-Of": "" if age.as_of is None else age.as_of.isoformat(),
        "X-Stale": "true" if age.stale else "false",
    }
    if wanted is DigestFormat.PDF:
        headers["Content-Disposition"] = f'inline; filename="digest-{digest.as_of}.pdf"'
        return Response(digest_paper(digest, size=paper), headers=headers, media_type=_TYPES[wanted])
    letter = digest_letter(digest, public_url=str(caller.process.settings.web.public_url))
    if wanted is DigestFormat.HTML:
        headers["Content-Security-Policy"] = LETTER_POLICY
    body = letter.html if wanted is DigestFormat.HTML else letter.text
    return Response(body, headers=headers, media_type=f"{_TYPES[wanted]}; charset=utf-8")


def _settings(kept: KeptDigestChoices) -> DigestSettingsAnswer:
    recipients = None if kept.choices.recipients is None else list(kept.choices.recipients)
    shown = {**vars(kept.choices), "recipients": recipients}
    return DigestSettingsAnswer(
        data=DigestSettingsOut(**shown, version=kept.version, set_at=kept.set_at, actor=kept.actor)
    )
