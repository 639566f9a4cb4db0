from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.qbo import statements


def read_literal(text: str) -> tuple[str, str]:
    """Reads a literal as QBO does: to the first quote that no backslash escapes. Gives the value and what follows."""
    assert text[0] == "'"
    value, position = "", 1
    while text[position] != "'":
        position += text[position] == "\\"
        value += text[position]
        position += 1
    return value, text[position + 1 :]


@given(st.text(st.characters(min_codepoint=32)))
def test_no_value_leaves_its_quotes(value: str) -> None:
    assert read_literal(statements.literal(value) + " AND Id = '1'") == (value, " AND Id = '1'")


@pytest.mark.parametrize("value", ["a\nb", "\x00", "tab\t"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        statements.literal(value)


def test_an_instant_carries_its_offset_and_needs_one() -> None:
    pacific = timezone(timedelta(hours=-7))
    assert statements.instant(datetime(2026, 7, 1, 17, 30, tzinfo=pacific)) == "'2026-07-02T00:30:00+00:00'"
    with pytest.raises(ValueError, match="zone"):
        statements.instant(datetime(2026, 7, 1))  # noqa: DTZ001 - the naive one is the point


def test_each_end_of_a_window_has_its_own_offset() -> None:
    """A day that begins at -07:00 and ends at -08:00: 25 hours, not 24."""
    start = datetime(2025, 11, 2, tzinfo=timezone(timedelta(hours=-7)))
    end = datetime(2025, 11, 3, tzinfo=timezone(timedelta(hours=-8)))
    assert statements.changed_from(start) == "MetaData.LastUpdatedTime >= '2025-11-02T07:00:00+00:00'"
    assert statements.changed_before(end) == "MetaData.LastUpdatedTime < '2025-11-03T08:00:00+00:00'"


def test_instants_are_compared_across_the_clock_change() -> None:
    before = statements.read_instant("2025-11-02T01:59:59-07:00")
    after = statements.read_instant("2025-11-02T01:00:00-08:00")
    assert before < after
    assert before.tzinfo is UTC


def test_name_lists_ask_for_the_inactive_ones_too() -> None:
    assert statements.count("Vendor") == "SELECT COUNT(*) FROM Vendor WHERE Active IN (true, false)"
    assert statements.select("Bill", limit=10) == "SELECT * FROM Bill MAXRESULTS 10"
    statement = statements.select("Account", "Id = '1'", order_by="Id", start_position=5, limit=10)
    assert (
        statement
        == "SELECT * FROM Account WHERE Id = '1' AND Active IN (true, false) ORDERBY Id STARTPOSITION 5 MAXRESULTS 10"
    )


@pytest.mark.parametrize("entity", ["", "Bill WHERE", "Bill;", "Bíll"])
def test_only_a_word_is_an_entity(entity: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        statements.count(entity)
