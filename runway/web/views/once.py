"""What is drawn of a forecast alone: once for all who look at the same forecast in the same language."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import finalize

from runway.calculators.forecast import Forecast
from runway.web.strings import reader

Drawn = TypeVar("Drawn")
_MOST_LANGUAGES = 4  # whoever asks names theirs


def once_a_forecast(draw: Callable[[Forecast], Drawn]) -> Callable[[Forecast], Drawn]:
    """Keeps what `draw` gave as long as the forecast lives, in the latest few languages. For what is the same in every time zone.

    A forecast that only says otherwise how old its books are is the same one: it has the same index.
    """
    kept: dict[int, dict[str, Drawn]] = {}  # by the index's identity, which is its own while it lives

    @wraps(draw)
    def drawn(forecast: Forecast) -> Drawn:
        key, locale = id(forecast.index), str(reader().locale)
        if key not in kept:
            kept[key] = {}
            finalize(forecast.index, kept.pop, key, None).atexit = False
        of_it = kept[key]
        if locale not in of_it and len(of_it) >= _MOST_LANGUAGES:
            of_it.clear()
        # What another thread draws meanwhile is the same.
        return of_it[locale] if locale in of_it else of_it.setdefault(locale, draw(forecast))

    return drawn
