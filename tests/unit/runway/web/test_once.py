"""What is drawn of a forecast is drawn once, for each language, and goes with it."""

import gc

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
    del one
    gc.collect()
    third = make_forecast(make_books())
    assert draw(third) == "4"
    assert draw(other) == "2"
