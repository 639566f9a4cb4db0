"""How fresh and how true the books are that a page shows, in a word, a tone and a reason."""

from dataclasses import dataclass
from datetime import datetime

from infra.sync.freshness import Freshness
from runway.web.formats import ago
from runway.web.strings import _, ngettext


@dataclass(frozen=True)
class Pill:
    """`tone`: good, plain, warn or bad. `why` is told on demand."""

    tone: str
    text: str
    why: str


@dataclass(frozen=True)
class BooksStanding:
    """`drift` None: nothing was read yet that could differ."""

    as_of: datetime | None
    freshness: Pill
    drift: Pill | None


def standing_of(freshness: Freshness, *, now: datetime) -> BooksStanding:
    return BooksStanding(
        freshness.as_of, _freshness(freshness, now=now), _drift(freshness) if freshness.as_of else None
    )


def _freshness(freshness: Freshness, *, now: datetime) -> Pill:
    if freshness.as_of is None:
        return Pill("warn", _("Not read yet"), freshness.reason or _("QuickBooks was never read."))
    told = ago(max(0.0, (now - freshness.as_of).total_seconds()))
    if freshness.stale:
        return Pill("warn", _("Stale, %(ago)s") % {"ago": told}, freshness.reason or _("A refresh is on its way."))
    return Pill("good", _("Fresh, %(ago)s") % {"ago": told}, _("All that QuickBooks had then is shown."))


def _drift(freshness: Freshness) -> Pill:
    open_drift, unread = freshness.open_drift, freshness.quarantined
    if unread:
        text = ngettext("%(n)s record unread", "%(n)s records unread", unread) % {"n": unread}
        return Pill("warn", text, _("They are shown as they were before, or not at all."))
    if open_drift:
        text = ngettext("%(n)s difference", "%(n)s differences", open_drift) % {"n": open_drift}
        return Pill("warn", text, _("Our copy and QuickBooks differ there, and it is not repaired yet."))
    return Pill("good", _("Ties out"), _("No difference from QuickBooks is open."))
