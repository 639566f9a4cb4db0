"""What a bill and an invoice have in common: they fall due, are open or paid, and age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypedDict, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, case, func
from sqlalchemy.orm import InstrumentedAttribute

from domains.core.paging import MAX_PAGE, DueCursor, Page, page_of
from infra import exact_json


class DocumentStatus(StrEnum):
    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"


class StatusFilter(StrEnum):
    """`open` holds the overdue ones too."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    ALL = "all"


@dataclass(frozen=True)
class DocumentFilter:
    """Which documents to list.

    Attributes:
        today: the company's date; overdue and `due_within_days` are counted from it.
        party: the vendor's or customer's id, ours or the rail's.
        due_within_days: due by then, overdue ones included.
        due_from, due_until: due on these days, both inside; what has no due date counts by its day of issue.
        search: in its number or the party's name, ignoring case.
        after: the last page's `next_cursor`.
        limit: rows a page, 200 at most.
    """

    today: date
    status: StatusFilter = StatusFilter.OPEN
    party: str | None = None
    due_within_days: int | None = None
    due_from: date | None = None
    due_until: date | None = None
    search: str | None = None
    after: str | None = None
    limit: int = 50

    @property
    def latest(self) -> date | None:
        """The last due day asked for."""
        within = None if self.due_within_days is None else self.today + timedelta(days=self.due_within_days)
        return min((day for day in (within, self.due_until) if day is not None), default=None)

    @property
    def page_size(self) -> int:
        return max(1, min(self.limit, MAX_PAGE))


class ListedDocument(TypedDict):
    """A bill or an invoice as a list shows it. A mapping: whoever shows it wants one, and many are made for each answer."""

    id: UUID
    rail: str
    external_id: str
    doc_number: str | None
    issued_on: date
    due_on: date | None
    total: Decimal
    balance: Decimal
    currency: str | None
    exchange_rate: Decimal | None
    terms_external_id: str | None
    memo: str | None
    version: int


D = TypeVar("D", bound=ListedDocument)


def page_by_due(rows: Sequence[D], limit: int) -> Page[D]:
    """As `page_of`, in the order (due date, id)."""
    return page_of(rows, limit, cursor_of=lambda row: DueCursor(row["due_on"], row["id"]).encode())


def json_page_by_due(rows: Sequence[msgspec.Raw], limit: int) -> Page[msgspec.Raw]:
    """As `page_by_due`, of rows that are JSON."""
    return page_of(rows, limit, cursor_of=_due_cursor_of)


def _due_cursor_of(row: msgspec.Raw) -> str:
    last = exact_json.loads(row)
    due_on = last["due_on"]
    return DueCursor(date.fromisoformat(due_on) if due_on else None, UUID(last["id"])).encode()


@dataclass(frozen=True)
class OpenDocument:
    """An open bill or invoice as ageing needs it. `balance` is in `currency` (None: home)."""

    id: UUID
    external_id: str
    party_external_id: str
    party_name: str | None
    doc_number: str | None
    issued_on: date
    due_on: date | None
    balance: Decimal
    currency: str | None
    exchange_rate: Decimal | None


@dataclass(frozen=True)
class OpenTotals:
    """What is open in one currency: `due` counts from today to the day asked for, `overdue` before today."""

    currency: str | None
    open_count: int
    open_total: Decimal
    overdue_count: int
    overdue_total: Decimal
    due_count: int
    due_total: Decimal


@dataclass(frozen=True)
class UnappliedCredit:
    """Money or credit of one party that is matched to no document. `amount` is positive, in `currency` (None: home).

    `home_amount` is by the documents' own rates; None where one of them names none.
    """

    party_external_id: str
    party_name: str | None
    currency: str | None
    amount: Decimal
    home_amount: Decimal | None = None


class DueDocument(Protocol):
    """The columns of a mirror that the rules below read."""

    issued_on: Any
    due_on: Any
    balance: Any


def status_of(*, balance: Decimal, due_on: date | None, issued_on: date, today: date) -> DocumentStatus:
    """Paid when nothing is open; overdue from the day after the due date, which without one is the day of issue."""
    if balance == 0:
        return DocumentStatus.PAID
    return DocumentStatus.OVERDUE if (due_on or issued_on) < today else DocumentStatus.OPEN


def due_day(document: type[DueDocument]) -> ColumnElement[date]:
    """The due date, or without one the day of issue (FORMULAS, ageing)."""
    day: ColumnElement[date] = func.coalesce(document.due_on, document.issued_on)
    return day


def status_column(document: type[DueDocument], *, today: ColumnElement[date]) -> ColumnElement[str]:
    """The same rules as `status_of`, for the database."""
    return case(
        (document.balance == 0, DocumentStatus.PAID.value),
        (due_day(document) < today, DocumentStatus.OVERDUE.value),
        else_=DocumentStatus.OPEN.value,
    )


def conditions_of(
    status: StatusFilter,
    document: type[DueDocument],
    *,
    today: ColumnElement[date],
    latest: ColumnElement[date] | None,
    earliest: ColumnElement[date] | None = None,
) -> list[ColumnElement[bool]]:
    """The same rules as `status_of`, for the database. `earliest` and `latest` are the due days asked for, both inside."""
    balance: InstrumentedAttribute[Decimal] = document.balance
    conditions: list[ColumnElement[bool]] = []
    match status:
        case StatusFilter.OPEN:
            conditions.append(balance != 0)
        case StatusFilter.OVERDUE:
            conditions += [balance != 0, due_day(document) < today]
        case StatusFilter.PAID:
            conditions.append(balance == 0)
        case StatusFilter.ALL:
            pass
    if latest is not None:
        conditions.append(due_day(document) <= latest)
    if earliest is not None:
        conditions.append(due_day(document) >= earliest)
    return conditions
