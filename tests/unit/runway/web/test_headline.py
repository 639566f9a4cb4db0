"""The runway in a line, in the reader's language."""

from decimal import Decimal

import pytest
from babel import Locale

from runway.calculators.burn_runway import RunwayState
from runway.web.strings import Reader, read_by
from runway.web.views.headline import headline, headline_of
from tests.unit.runway.web.test_views import small


@pytest.mark.parametrize(
    ("state", "middle", "early", "late", "words"),
    [
        (RunwayState.FINITE, 27, 12, 40, "27 days (12\N{EN DASH}40)"),
        (RunwayState.FINITE, 1, 1, None, "1 day (1+)"),
        (RunwayState.FINITE, 1200, None, None, "1,200 days"),
        (RunwayState.CASH_POSITIVE, None, None, None, "No cash-out in sight"),
        (RunwayState.BEYOND_CAP, 730, 300, None, "Over 24 months"),
    ],
)
def test_a_line_for_each_state(
    state: RunwayState, middle: int | None, early: int | None, late: int | None, words: str
) -> None:
    shown = headline_of(state, None if middle is None else Decimal(middle), early=early, late=late)
    assert shown == words


def test_below_the_floor_says_since_when_in_the_readers_dates() -> None:
    runway = small(cash=500).standing.runway
    assert headline(runway) == "Below the floor, since Nov 11, 2025 or before"
    with read_by(Reader(locale=Locale("en", "GB"))):
        assert headline(runway) == "Below the floor, since 11 Nov 2025 or before"
