"""What a list of businesses is made of, read in one transaction, a statement a question however many they are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from domains.ap import approval_queries
from domains.core import kept_trays, rituals, tray_queries
from domains.core.assignees import list_assigned
from domains.core.connection_queries import list_latest
from domains.core.kept_forecasts import list_summaries, list_weeks_before
from domains.core.ledger import LEDGER
from domains.core.models import Business, Connection, ConnectionState
from domains.core.notices import NoticeKind
from domains.core.ritual import RitualState, week_of
from domains.core.rituals import LastRitual
from domains.core.tray_marks import list_marks
from domains.core.tray_queries import MirrorState, OpenDrift
from infra.db.reads import read_in
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.books_mark import books_marks
from runway.orchestrators.forecast_rules import read_marks
from runway.orchestrators.kept_forecast import ForecastSummary, UnreadableContent, read
from runway.orchestrators.kept_tray import Waiting, is_older, under_way_by_business, waiting
from runway.orchestrators.outlook import mark_of
from runway.orchestrators.tray_risks import NOTICE_KINDS
from runway.orchestrators.tray_rows import TraySources

_MOST_NOTICES = 20_000
_FAILING = frozenset({NoticeKind.RECONNECT_NEEDED.value, NoticeKind.CONNECTION_FAILING.value})


class Link(StrEnum):
    """How a business stands to its rail. `reading`: its books, for the first time; `reading_failing`: the latest attempt failed, the next comes."""

    CONNECTED = "connected"
    READING = "reading"
    READING_FAILING = "reading_failing"
    NEVER_CONNECTED = "never_connected"
    NEEDS_RECONNECT = "needs_reconnect"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class RowSources:
    """Of one business. `is_kept_current`: its kept forecast is that of its books, decisions and day as they are."""

    today: date
    summary: ForecastSummary | None
    is_kept_current: bool
    summary_before: ForecastSummary | None
    waiting: Waiting | None
    is_count_older: bool
    link: Link
    mirrors: MirrorState | None
    drift: Mapping[str, OpenDrift]
    is_connection_failing: bool
    assigned: UUID | None
    ritual: RitualState
    last_ritual: LastRitual | None


@dataclass(frozen=True)
class PortfolioSources:
    rows: Mapping[UUID, RowSources]
    assigned: Mapping[UUID, UUID]

    def of(self, business_id: UUID) -> RowSources:
        return self.rows[business_id]


async def read_sources(
    uow: UnitOfWorkFactory, businesses: Sequence[Business], *, days: Mapping[UUID, date], now: datetime
) -> PortfolioSources:
    """`days`: each company's today."""
    if not businesses:
        return PortfolioSources({}, {})
    ids = [one.id for one in businesses]
    weeks = {one: week_of(days[one]) for one in ids}
    async with uow(ids) as unit:
        session = unit.session
        kept = {one.business_id: one for one in await list_summaries(session, ids)}
        before = await list_weeks_before(session, weeks)
        (marked,) = await read_in(session, books_marks(ids, LEDGER))
        books = dict(marked)
        decided = await read_marks(session, ids)
        trays = await kept_trays.list_kept(session, ids)
        marks = await list_marks(session, ids)
        notices = await tray_queries.list_open_notices(session, ids, NOTICE_KINDS, most=_MOST_NOTICES)
        drift = await tray_queries.sum_open_drift(session, ids)
        connections = {one.business_id: one for one in await list_latest(session, ids) if one.rail == LEDGER.value}
        mirrors = await tray_queries.list_mirror_states(session, ids)
        held = await tray_queries.list_under_way(session, ids, kinds=("Bill", "Invoice", "InvoiceMail"))
        decided_at = await approval_queries.list_last_decided(session, ids)
        last = await rituals.list_last_finished(session, ids)
        begun = await rituals.list_begun(session, weeks)
        assigned = await list_assigned(session, ids)
    under_way, noticed = under_way_by_business(held), defaultdict(list)
    for notice in notices:
        noticed[notice.business_id].append(notice)
    rows: dict[UUID, RowSources] = {}
    for business in businesses:
        one = business.id
        mark = str(mark_of(days[one], decided=decided[one], books=books[one]))
        tray = trays.get(one)
        own = noticed[one]
        sources = TraySources(
            today=days[one],
            now=now,
            currency=business.home_currency,
            notices=own,
            drift=drift.get(one, {}),
            mirrors=mirrors.get(one),
            under_way=frozenset(under_way.get(one, ())),
        )
        summary = _summary(kept[one].summary) if one in kept else None
        rows[one] = RowSources(
            today=days[one],
            summary=summary,
            is_kept_current=summary is not None and kept[one].mark == mark,
            summary_before=_summary(before[one][1]) if one in before else None,
            waiting=None if tray is None else waiting(tray, sources, marks.get(one, {}), today=days[one]),
            is_count_older=is_older(tray, mark=mark, decided_at=decided_at.get(one)),
            link=_link(connections.get(one), mirrors.get(one)),
            mirrors=mirrors.get(one),
            drift=drift.get(one, {}),
            is_connection_failing=any(notice.kind in _FAILING for notice in own),
            assigned=assigned.get(one),
            ritual=_ritual(weeks[one], last.get(one), begun=begun.get(one, 0)),
            last_ritual=last.get(one),
        )
    return PortfolioSources(rows, assigned)


def _link(connection: Connection | None, mirrors: MirrorState | None) -> Link:
    if connection is None:
        return Link.NEVER_CONNECTED
    if connection.state != ConnectionState.ACTIVE.value:
        return Link(connection.state)
    if mirrors is not None and mirrors.oldest_at is not None:
        return Link.CONNECTED
    return Link.READING_FAILING if mirrors is not None and mirrors.is_first_reading_failing else Link.READING


def _ritual(week_on: date, last: LastRitual | None, *, begun: int) -> RitualState:
    if last is not None and last.week_on == week_on:
        return RitualState.FINISHED
    return RitualState.UNDER_WAY if begun else RitualState.NOT_STARTED


def _summary(held: str) -> ForecastSummary | None:
    """None of what another release kept: it is worked out anew."""
    try:
        return read(held)
    except UnreadableContent:
        return None
