"""The tray: what to pay, to collect, to repair and to watch, of one business or of all of a firm's, in one order."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import tray_queries as payable_queries
from domains.ar import tray_queries as receivable_queries
from domains.core import tray_queries
from domains.core.decision_errors import TrayItemNotFound
from domains.core.decision_models import TrayMark
from domains.core.models import Business
from domains.core.tray_marks import SetAside, list_marks
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.calculators.forecast import Forecast
from runway.calculators.tray_priority import Priority, priority, rank, state_mark
from runway.orchestrators.tray_items import rows_of
from runway.orchestrators.tray_risks import NOTICE_KINDS
from runway.orchestrators.tray_rows import TrayRow, TraySources


@dataclass(frozen=True)
class TrayBook:
    """A business on its today. Without a forecast (never connected, no cash known) what is left is what to repair."""

    business: Business
    today: date
    forecast: Forecast | None = None


_MOST_BILLS = _MOST_INVOICES = 150


@dataclass(frozen=True)
class TrayEntry:
    """One row as it stands.

    Attributes:
        state: what `dismiss` and `snooze` hold on to.
        is_set_aside: snoozed or dismissed, and still the same.
        is_back: it was set aside, and is another by now.
    """

    business: Business
    row: TrayRow
    priority: Priority
    state: str
    mark: TrayMark | None
    is_set_aside: bool
    is_back: bool


class TrayService:
    """Reads the mirrors and our own tables as they stand, in a number of statements that grows with neither items nor businesses."""

    def __init__(self, *, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def list_entries(self, books: Sequence[TrayBook]) -> list[TrayEntry]:
        """All items of these businesses, set aside or not, the most urgent first; the same in any order of `books`."""
        if not books:
            return []
        now = self._clock.now()
        async with self._uow([book.business.id for book in books]) as uow:
            sources = await _read(uow.session, books, now=now)
            marks = await list_marks(uow.session, [book.business.id for book in books])
        # A tray of hundreds is as many previews: in a thread, so that other requests go on meanwhile.
        rows = await asyncio.to_thread(lambda: [rows_of(sources[book.business.id]) for book in books])
        entries = [
            _entry(book, row, marks.get(book.business.id, {}).get(row.item.key))
            for book, found in zip(books, rows, strict=True)
            for row in found
        ]
        days = {book.business.id: book.today for book in books}
        entries.sort(key=lambda one: (*rank(one.row.item, days[one.business.id]), str(one.business.id)))
        return entries

    async def get_entry(self, book: TrayBook, item: str) -> TrayEntry:
        """One item, whatever was done with it.

        Raises:
            TrayItemNotFound: there is no such matter, or not any more.
        """
        entries = await self.list_entries([book])
        found = next((one for one in entries if one.row.item.key == item), None)
        if found is None:
            raise TrayItemNotFound(item)
        return found


def marked(entry: TrayEntry, mark: TrayMark, today: date) -> TrayEntry:
    """The entry after somebody did something with it."""
    is_set_aside, is_back = _standing(mark, entry.state, today)
    return replace(entry, mark=mark, is_set_aside=is_set_aside, is_back=is_back)


def _entry(book: TrayBook, row: TrayRow, mark: TrayMark | None) -> TrayEntry:
    state = state_mark(row.item, book.today)
    is_set_aside, is_back = _standing(mark, state, book.today)
    return TrayEntry(book.business, row, priority(row.item, book.today), state, mark, is_set_aside, is_back)


def is_set_aside(mark: TrayMark, state: str, today: date) -> bool:
    """Snoozed or dismissed, and still what it was then."""
    return _standing(mark, state, today)[0]


def _standing(mark: TrayMark | None, state: str, today: date) -> tuple[bool, bool]:
    """Whether it is set aside, and whether it was and has come back changed."""
    if mark is None or mark.set_aside is None:
        return False, False
    if mark.state != state:
        return False, True
    is_over = mark.set_aside == SetAside.SNOOZED and mark.until is not None and mark.until <= today
    return not is_over, False


async def _read(session: AsyncSession, books: Sequence[TrayBook], *, now: datetime) -> dict[UUID, TraySources]:
    ids = [book.business.id for book in books]
    homes = {book.business.id: book.business.home_currency for book in books}
    discounted = await payable_queries.list_discounted(session, ids, today=min(book.today for book in books))
    bills = await payable_queries.list_open_bills(session, _bills_named(books, discounted), homes)
    late = [
        (book.business.id, one)
        for book in books
        if book.forecast
        for one in book.forecast.index.late_invoices[:_MOST_INVOICES]
    ]
    invoices = await receivable_queries.list_open_invoices(session, late)
    promises = await receivable_queries.list_open_promises(session, ids)
    notices = await tray_queries.list_open_notices(session, ids, NOTICE_KINDS)
    drift = await tray_queries.sum_open_drift(session, ids)
    mirrors = await tray_queries.list_mirror_states(session, ids)
    under_way = await tray_queries.list_under_way(session, ids, kinds=("Bill", "Invoice", "InvoiceMail"))
    return {
        book.business.id: TraySources(
            today=book.today,
            now=now,
            currency=book.business.home_currency,
            forecast=book.forecast,
            bills=bills.get(book.business.id, {}),
            discounted=discounted.get(book.business.id, {}),
            invoices=invoices.get(book.business.id, {}),
            promises=promises.get(book.business.id, {}),
            notices=[notice for notice in notices if notice.business_id == book.business.id],
            drift=drift.get(book.business.id, {}),
            mirrors=mirrors.get(book.business.id),
            under_way=frozenset((kind, one) for business, kind, one in under_way if business == book.business.id),
        )
        for book in books
    }


def _bills_named(
    books: Sequence[TrayBook], discounted: Mapping[UUID, Mapping[str, payable_queries.DiscountedBill]]
) -> list[tuple[UUID, str]]:
    named: dict[tuple[UUID, str], None] = {}
    for book in books:
        if book.forecast is not None:
            due = book.forecast.index.due_bills[:_MOST_BILLS]
            named |= dict.fromkeys((book.business.id, one) for one in [*due, *discounted.get(book.business.id, {})])
    return list(named)
