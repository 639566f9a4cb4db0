"""The headline retold: every form that the calculators have for it, and what was frozen in another."""

import re

import pytest

from runway.calculators.forecast_runway import ForecastRunway
from runway.language.headline import headline
from runway.language.strings import Reader, read_by, reader_of
from tests.unit.runway.calculators.test_forecast_runway import make_burn, make_runway
from tests.unit.runway.calculators.test_outlook import make_flow
from tests.unit.runway.web.test_texts import Bracketed

DASH = "\N{EN DASH}"
EVERY_FORM = {
    "finite": make_runway(make_flow(-950, 20), burn=make_burn(-10)),
    "finite, few days": make_runway(make_flow(-950, 20), burn=make_burn(10, days=45)),
    "positive": make_runway(make_flow(-1500, 20), make_flow(1800, 20), burn=make_burn(-10)),
    "below": make_runway(cash=100),
    "little history": make_runway(make_flow(-2500, 5), make_flow(2500, 5), burn=make_burn(10, days=27)),
    "beyond": make_runway(cash=6490, burn=make_burn(10)),
}


@pytest.mark.parametrize(
    ("display", "told"),
    [
        (f"46 days (31{DASH}91)", f"46 days (31{DASH}91)"),
        ("1 day", "1 day"),
        ("20 days (10+)", "20 days (10+)"),
        (f"0 days {DASH} below floor since 2025-11-01", f"0 days {DASH} below the floor since Nov 1, 2025"),
        (
            f"0 days {DASH} below floor since at least 2025-11-01 {DASH} based on 45 days",
            f"0 days {DASH} below the floor since Nov 1, 2025 or before {DASH} based on 45 days",
        ),
        (
            f"No cash-out in sight {DASH} lowest point in 13 weeks: -1,500.00 USD on 2025-12-11",
            f"No cash-out in sight {DASH} lowest point in 13 weeks: \N{MINUS SIGN}$1,500.00 on Dec 11",
        ),
        ("24+ months", "24+ months"),
        ("Account 35 has no balance", "Account 35 has no balance"),
        ("0 days so far", "0 days so far"),
        ("", ""),
    ],
)
def test_each_part_has_the_readers_days_and_amounts(display: str, told: str) -> None:
    assert headline(display) == told


def test_elsewhere_days_and_amounts_are_written_otherwise() -> None:
    with read_by(reader_of("de-DE")):
        told = headline(
            f"Not enough history {DASH} lowest point in 13 weeks: 12,345.60 EUR on 2025-11-21 by dated items"
        )
        assert "12.345,60\N{NO-BREAK SPACE}\N{EURO SIGN}" in told
        assert "21. Nov" in told


@pytest.mark.parametrize("runway", EVERY_FORM.values(), ids=EVERY_FORM)
def test_every_form_that_a_forecast_has_is_known(runway: ForecastRunway) -> None:
    with read_by(Reader(texts=Bracketed())):
        told = headline(runway.display)
    assert all(part.startswith("[") for part in told.split(f" {DASH} ")), told
    assert not re.search(r"\d{4}-\d\d-\d\d|USD", told)


def test_all_states_but_unknown_cash_are_among_the_forms() -> None:
    assert {runway.state.value for runway in EVERY_FORM.values()} == {
        "finite", "cash_positive", "below_floor", "not_enough_history", "beyond_cap",
    }  # fmt: skip
