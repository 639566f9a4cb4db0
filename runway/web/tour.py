"""The two-minute tour: six pages with a word on each. It can be skipped, and does not come back by itself."""

from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from runway.routes.access import BUSINESS_IN_PATH
from runway.web.strings import _, keyed

COOKIE, SEEN = "tour", "seen"
_COOKIE_SECONDS = 365 * 86_400


@dataclass(frozen=True)
class Stop:
    """A page of the tour. `path` is below a client's own; None: the list of clients."""

    path: str | None
    title: str
    text: str


STOPS = (
    Stop(None, keyed("All clients, the worst first"), keyed("Each row is a business: days of cash left with their range, what is due, what waits for you. Open one of them.")),
    Stop("", keyed("One business"), keyed("Runway, cash and burn, then 13 weeks ahead: the line is what we expect, the shade what may come. Below the floor it turns red. Each number opens what it is made of.")),
    Stop("/tray", keyed("What to do next"), keyed("Pay, collect, fix data, look at a risk: ordered by what matters. Each row says what it does to the runway, and shows it again before you confirm.")),
    Stop("/ritual", keyed("Fifteen minutes a week"), keyed("Six steps: are the books right, what changed, what is due, what is overdue, the low point, and a summary that is locked. Leave it and take it up again; two can share it.")),
    Stop("/audit", keyed("Who did what"), keyed("Every decision with the figures that were seen, in a log that only grows and can be proved.")),
    Stop("/health", keyed("Is it true?"), keyed("Our copy beside QuickBooks, to the cent: what was read when, and what differs. A company of your own is connected in the settings.")),
)  # fmt: skip


@dataclass(frozen=True)
class TourView:
    """`number` counts from 1; 0 is the invitation to it. `then` leads on, None at the end."""

    number: int
    total: int
    title: str
    text: str
    back: str | None
    then: str | None


def tour_of(request: Request) -> TourView | None:
    """What the page shows of the tour: a stop of it, or on the list of clients the invitation, until it was seen or skipped."""
    asked = request.query_params.get("tour", "")
    number = int(asked) if asked in {str(n) for n in range(1, len(STOPS) + 1)} else 0
    if number:
        return _stop(number, client=request.path_params.get(BUSINESS_IN_PATH))
    if request.url.path != "/" or request.cookies.get(COOKIE) == SEEN or asked:
        return None
    text = _("Two minutes, six pages; skip it whenever you like.")
    return TourView(0, len(STOPS), _("New here? Take the tour."), text, None, "/tour/1")


def path_of(number: int, client: UUID | None) -> str:
    """Where a stop is; without a client all of it is on the list of clients."""
    stop = STOPS[number - 1]
    place = "/" if stop.path is None or client is None else f"/c/{client}{stop.path}"
    return f"{place}?tour={number}" + ("&all=true" if place == "/" else "")


def keep_seen(response: Response) -> None:
    response.set_cookie(COOKIE, SEEN, max_age=_COOKIE_SECONDS, path="/", samesite="lax", httponly=True)


def _stop(number: int, *, client: str | None) -> TourView:
    stop, of = STOPS[number - 1], f"?client={client}" if client else ""
    return TourView(
        number=number,
        total=len(STOPS),
        title=_(stop.title),
        text=_(stop.text),
        back=f"/tour/{number - 1}{of}" if number > 1 else None,
        then=f"/tour/{number + 1}{of}" if number < len(STOPS) else None,
    )
