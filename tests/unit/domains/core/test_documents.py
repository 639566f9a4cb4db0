from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domains.core.documents import DocumentFilter, DocumentStatus, status_of
from domains.core.errors import UnreadableCursor
from domains.core.paging import DueCursor, NameCursor

TODAY = date(2026, 3, 15)
SOME_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("balance", "due_on", "issued_on", "status"),
    [
        ("0", TODAY - timedelta(days=9), TODAY - timedelta(days=40), DocumentStatus.PAID),
        ("0.01", TODAY, TODAY - timedelta(days=30), DocumentStatus.OPEN),
        ("0.01", TODAY - timedelta(days=1), TODAY - timedelta(days=30), DocumentStatus.OVERDUE),
        ("5", None, TODAY - timedelta(days=1), DocumentStatus.OVERDUE),
        ("5", None, TODAY, DocumentStatus.OPEN),
        ("-5", TODAY, TODAY, DocumentStatus.OPEN),
    ],
)
def test_status_follows_from_balance_and_due_date(
    balance: str, due_on: date | None, issued_on: date, status: DocumentStatus
) -> None:
    assert status_of(balance=Decimal(balance), due_on=due_on, issued_on=issued_on, today=TODAY) is status


@pytest.mark.parametrize("cursor", [DueCursor(TODAY, SOME_ID), DueCursor(None, SOME_ID)])
def test_a_due_cursor_survives_the_way_to_the_client_and_back(cursor: DueCursor) -> None:
    assert DueCursor.decode(cursor.encode()) == cursor


def test_a_name_cursor_keeps_any_name() -> None:
    cursor = NameCursor('Ålesund "Fish" & Sons, 日本', SOME_ID)
    assert NameCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "text", ["", "x", "%%%", "é", "bnVsbA", "WzFd", "WzEsMl0", "W251bGwsbnVsbF0", "eyJhIjoxLCJiIjoyfQ"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCursor):
        DueCursor.decode(text)
    with pytest.raises(UnreadableCursor):
        NameCursor.decode(text)


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-3, 1), (50, 50), (200, 200), (10_000, 200)])
def test_a_page_is_bounded(asked: int, given: int) -> None:
    assert DocumentFilter(today=TODAY, limit=asked).page_size == given
