"""What is drawn of a forecast is drawn once, for each language, and goes with it."""

import gc
from dataclasses import replace

from babel import Locale

from runway.calculators.forecast import Forecast
from runway.web.strings import Reader, read_by
from runway.web.views.once import once_a_forecast
from tests.unit.runway.calculators.test_forecast import make_books, make_forecast


def test_it_is_drawn_once_a_forecast_and_language_and_kept_no_longer() -> None:
    drawn: list[str] = []

    @once_a_forecast
    def draw(forecast: Forecast) -> str:
        drawn.append(forecast.company_id)
        return f"{len(drawn)}"

    one, other = make_forecast(make_books()), make_forecast(make_books())
    assert [draw(one), draw(one), draw(other), draw(one)] == ["1", "1", "2", "1"]
    with read_by(Reader(locale=Locale("de"))):
        assert [draw(one), draw(one)] == ["3", "3"]
    # As `Outlook` gives it to each who asks: the same with what it says of its books' age.
    assert [draw(replace(one, report=one.report)) for _ in range(2)] == ["1", "1"]
    del one
    gc.collect()
    third = make_forecast(make_books())
    assert draw(third) == "4"
    assert draw(other) == "2"


def test_no_more_than_a_few_languages_are_kept() -> None:
    drawn: list[str] = []

    @once_a_forecast
    def draw(forecast: Forecast) -> str:
        drawn.append(forecast.company_id)
        return f"{len(drawn)}"

    one = make_forecast(make_books())
    for locale in ("en", "de", "fr", "it", "es"):
        with read_by(Reader(locale=Locale(locale))):
            draw(one)
    with read_by(Reader(locale=Locale("es"))):
        assert draw(one) == "5"
    with read_by(Reader(locale=Locale("en"))):
        assert draw(one) == "6"
