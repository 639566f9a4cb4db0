"""What a forecast brings into the tray, counted beforehand; and what waits in many businesses, told from that and from what changes by the minute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domains.core import kept_trays
from domains.core.decision_models import TrayMark
from domains.core.kept_trays import KeptTray
from domains.core.models import Business
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.calculators.forecast import Forecast
from runway.calculators.tray_priority import state_mark
from runway.orchestrators.tray import TrayBook, TrayEntry, TrayService, is_set_aside
from runway.orchestrators.tray_risks import mirror_rows, notice_rows
from runway.orchestrators.tray_rows import TraySources

# At the rail, what the open actions name for what an item is about.
_HELD_AS = {"bill": "Bill", "invoice": "InvoiceMail"}


@dataclass(frozen=True)
class Waiting:
    """Items of one tray that are not set aside: those that somebody of ours is to do, and those that a client was asked about."""

    on_us: int
    on_client: int


@dataclass(frozen=True)
class TrayCounter:
    """Counts one business's tray and keeps the count."""

    tray: TrayService
    uow: UnitOfWorkFactory
    clock: Clock

    async def keep(self, business: Business, forecast: Forecast, *, mark: str) -> None:
        counted_at = self.clock.now()
        entries = await self.tray.list_entries([TrayBook(business, forecast.basis.as_of, forecast)])
        kept = kept_of(entries, mark=mark, counted_at=counted_at)
        async with self.uow([business.id]) as uow:
            await kept_trays.keep(uow.session, business.id, kept)


def kept_of(entries: Sequence[TrayEntry], *, mark: str, counted_at: datetime) -> KeptTray:
    """The items that take a forecast to know; notices, drift and the age of the books are looked at each time."""
    kept = [entry for entry in entries if not _is_of_now(entry.row.item.key)]
    return KeptTray(
        mark,
        counted_at,
        states={entry.row.item.key: entry.state for entry in kept},
        held={
            f"{_HELD_AS[subject.kind]}:{subject.external_id}": entry.row.item.key
            for entry in kept
            if (subject := entry.row.subject) is not None and subject.kind in _HELD_AS
        },
    )


def waiting(kept: KeptTray, sources: TraySources, marks: Mapping[str, TrayMark], *, today: date) -> Waiting:
    """Args:
    kept: as it was counted.
    sources: of now: notices, drift, mirrors, and what is under way.
    marks: what people did with items.
    today: the company's.
    """
    states = dict(kept.states)
    for kind, external_id in sources.under_way:
        states.pop(kept.held.get(f"{kind}:{external_id}", ""), None)
    for row in (*notice_rows(sources), *mirror_rows(sources)):
        states[row.item.key] = state_mark(row.item, today)
    on_us = on_client = 0
    for key, state in states.items():
        mark = marks.get(key)
        if mark is not None and is_set_aside(mark, state, today):
            continue
        if mark is not None and mark.question:
            on_client += 1
        else:
            on_us += 1
    return Waiting(on_us, on_client)


def _is_of_now(key: str) -> bool:
    return key.partition(":")[0] in {"notice", "drift", "quarantine", "stale"}


def is_older(kept: KeptTray | None, *, mark: str, decided_at: datetime | None) -> bool:
    """Whether something may have changed that the count rests on: the forecast, or what people said of bills."""
    return kept is None or kept.mark != mark or (decided_at is not None and decided_at >= kept.counted_at)


def under_way_by_business(rows: Iterable[tuple[UUID, str, str]]) -> dict[UUID, set[tuple[str, str]]]:
    found: dict[UUID, set[tuple[str, str]]] = {}
    for business_id, kind, external_id in rows:
        found.setdefault(business_id, set()).add((kind, external_id))
    return found
