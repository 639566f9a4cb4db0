"""What bills and invoices have in common on their way out: fields, status, past states, the log."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from domains.core.documents import DocumentFilter, DocumentStatus, StatusFilter, status_of
from domains.core.errors import UnreadableCursor
from infra.sync.freshness import Fetched
from infra.sync.shapes import LogRow, LogSource, TransactionType
from runway.routes.answers import Amount, FreshnessOut, PageAnswer, Rate, fields_of
from runway.routes.asked import AskedFreshness, AskedPage

L = TypeVar("L", bound=LogRow)

_MAX_HISTORY_PAGE = 100
_MAX_DAYS = 3650

# Beyond these a change of time zone can leave the calendar.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class AskedDocuments(AskedPage):
    status: StatusFilter = Field(default=StatusFilter.OPEN, description="`open` holds the overdue ones too.")
    due_within: int | None = Field(
        default=None, ge=0, le=_MAX_DAYS, description="Due within so many days from the company's today, or overdue."
    )
    due_from: date | None = Field(
        default=None, description="Due on this day or later; without a due date, issued then."
    )
    due_until: date | None = Field(default=None, description="Due on this day or earlier.")
    search: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="A part of the number or of the party's name, ignoring case.",
    )

    def filter_for(self, party: str | None, *, today: date) -> DocumentFilter:
        return DocumentFilter(
            today=today,
            status=self.status,
            party=party,
            due_within_days=self.due_within,
            due_from=self.due_from,
            due_until=self.due_until,
            search=self.search,
            after=self.cursor,
            limit=self.limit,
        )


class AskedDocument(AskedFreshness):
    as_of: AwareDatetime | None = Field(
        default=None,
        ge=_EARLIEST,
        le=_LATEST,
        description="The state as we knew it at this instant, with its time zone (a `+` is sent as `%2B`).",
        examples=["2026-03-01T00:00:00Z"],
    )


class AskedHistory(AskedFreshness):
    limit: int = Field(default=50, ge=1, le=_MAX_HISTORY_PAGE, description="Changes a page.")
    cursor: str | None = Field(default=None, max_length=20, description="The last answer's `next_cursor`.")
    snapshots: bool = Field(default=False, description="Give the whole state after each change too.")

    def after_version(self) -> int:
        """The version that the last page ended with; 0 for the first page.

        Raises:
            UnreadableCursor: it is none of ours.
        """
        if self.cursor is None:
            return 0
        if not (self.cursor.isascii() and self.cursor.isdigit()):
            raise UnreadableCursor
        return min(int(self.cursor), 2**31 - 1)


class DocumentOut(BaseModel):
    id: UUID = Field(description="Ours.")
    rail: str = Field(examples=["qbo"])
    external_id: str = Field(description="The rail's id.", examples=["145"])
    doc_number: str | None = Field(examples=["INV-2231"])
    issued_on: date
    due_on: date | None = Field(description="Null where the ledger has none; ageing then counts from `issued_on`.")
    status: DocumentStatus
    total: Amount
    balance: Amount = Field(description="What is still open.")
    currency: str = Field(examples=["USD"])
    exchange_rate: Rate | None = Field(description="Home currency for one unit; null in home currency.")
    terms_external_id: str | None
    memo: str | None
    version: int = Field(description="Rises by one with each change.")


class PastOrPresent(BaseModel):
    """What one document has beyond its line in a list."""

    is_deleted: bool = Field(description="True only of a past state: the rail had deleted it by then.")
    recorded_at: datetime | None = Field(description="With `as_of`: when that state was recorded.")
    payload: dict[str, Any] = Field(description="The rail's own JSON, whole.")


class ChangeOut(BaseModel):
    version: int
    transaction_type: TransactionType | str
    source: LogSource
    actor: str = Field(description="Who or what brought the change.", examples=["sync:on_demand"])
    request_id: str = Field(description="The run or request that did.")
    recorded_at: datetime
    changes: dict[str, Any] = Field(description="Field → [before, after], in the rail's words.")
    snapshot: dict[str, Any] | None = Field(description="The whole state after the change, when asked for.")


def document_fields(document: Any, *, today: date, home_currency: str) -> dict[str, Any]:
    """What a document does not hold as a column: its status on `today`, and the currency that goes without saying."""
    balance: Decimal = document.balance
    status = status_of(balance=balance, due_on=document.due_on, issued_on=document.issued_on, today=today)
    return {"status": status, "currency": document.currency or home_currency}


def history_page(fetched: Fetched[list[L]], asked: AskedHistory) -> PageAnswer[ChangeOut]:
    """From rows read with one more than the limit: the extra row only says that there is a next page."""
    rows = fetched.value[: asked.limit]
    has_more = len(fetched.value) > asked.limit
    return PageAnswer[ChangeOut](
        data=[
            ChangeOut(**fields_of(ChangeOut, row, snapshot=row.snapshot if asked.snapshots else None)) for row in rows
        ],
        next_cursor=str(rows[-1].version) if has_more else None,
        freshness=FreshnessOut.of(fetched.freshness),
    )


CHANGE_EXAMPLE = {
    "version": 2,
    "transaction_type": "updated",
    "source": "qbo",
    "actor": "sync:on_demand",
    "request_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
    "recorded_at": "2026-03-14T17:12:09Z",
    "changes": {"Balance": [120.5, 0]},
    "snapshot": None,
}
