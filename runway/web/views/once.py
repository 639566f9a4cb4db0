"""What is drawn of a forecast alone: once for all who look at the same forecast in the same language."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import finalize

from runway.calculators.forecast import Forecast
from runway.web.strings import reader

Drawn = TypeVar("Drawn")


def once_a_forecast(draw: Callable[[Forecast], Drawn]) -> Callable[[Forecast], Drawn]:
    """Keeps what `draw` gave as long as the forecast lives. For what is the same in every time zone."""
    kept: dict[int, dict[str, Drawn]] = {}  # by the forecast's identity, which is its own while it lives

    @wraps(draw)
    def drawn(forecast: Forecast) -> Drawn:
        key, locale = id(forecast), str(reader().locale)
        if key not in kept:
            kept[key] = {}
            finalize(forecast, kept.pop, key, None).atexit = False
        if locale not in kept[key]:
            kept[key][locale] = draw(forecast)
        return kept[key][locale]

    return drawn
