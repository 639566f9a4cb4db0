from datetime import date
from uuid import UUID

import pytest

from domains.ap.queries import PAGES_OF_BILLS
from domains.core.documents import DocumentFilter, StatusFilter
from domains.core.paging import DueCursor

BUSINESS = UUID("0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11")
TODAY = date(2026, 3, 15)


@pytest.mark.parametrize("status", StatusFilter)
def test_a_statement_is_compiled_once_a_shape_and_holds_its_constants(status: StatusFilter) -> None:
    """A condition of a partial index that came as a parameter would be hidden from the planner of a prepared statement."""
    first = PAGES_OF_BILLS.read(BUSINESS, DocumentFilter(today=TODAY, status=status))
    other = PAGES_OF_BILLS.read(UUID(int=1), DocumentFilter(today=TODAY, status=status, limit=7))
    assert first.sql is other.sql
    assert "bill.rail = 'qbo'" in first.sql
    assert ("bill.balance != 0" in first.sql) is (status in {StatusFilter.OPEN, StatusFilter.OVERDUE})
    assert ("bill.balance = 0" in first.sql) is (status is StatusFilter.PAID)
    assert (first.values["business_id"], other.values["row_limit"]) == (BUSINESS, 8)


def test_each_question_has_the_values_its_statement_asks_for() -> None:
    shapes = [
        DocumentFilter(today=TODAY, due_within_days=7, party=party, after=after)
        for party in (None, "31", str(BUSINESS))
        for after in (None, DueCursor(TODAY, BUSINESS).encode(), DueCursor(None, BUSINESS).encode())
    ]
    statements = [PAGES_OF_BILLS.read(BUSINESS, wanted) for wanted in shapes]
    assert len({read.sql for read in statements}) == 9
    for read in statements:
        asked = {part.split(")s")[0] for part in read.sql.split("%(")[1:]}
        assert asked <= set(read.values), read.sql
