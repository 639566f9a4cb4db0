"""The runway in a line of the reader's language: `27 days (12-40)`, or why there is no number of days."""

from datetime import date
from decimal import Decimal

from runway.calculators.burn_runway import RunwayState
from runway.calculators.forecast_runway import ForecastRunway
from runway.web.formats import day, days, number
from runway.web.strings import _, keyed

STATES = {
    RunwayState.BELOW_FLOOR: keyed("Below the floor"),
    RunwayState.CASH_POSITIVE: keyed("No cash-out in sight"),
    RunwayState.BEYOND_CAP: keyed("Over 24 months"),
    RunwayState.NOT_ENOUGH_HISTORY: keyed("Too little history"),
    RunwayState.CASH_UNKNOWN: keyed("Cash is not known"),
}


def headline(runway: ForecastRunway) -> str:
    since = runway.below_since
    words = headline_of(runway.state, runway.days.value, early=runway.early.days, late=runway.late.days)
    return words if since is None else f"{words}, {since_words(since.on, is_exact=since.is_exact)}"


def headline_of(state: RunwayState, middle: Decimal | None, *, early: int | None, late: int | None) -> str:
    """`middle`, `early` and `late`: P50, P10 and P90 in days."""
    if state is not RunwayState.FINITE:
        return _(STATES[state])
    if early is None:
        return days(middle)
    end = "+" if late is None else f"\N{EN DASH}{number(late)}"
    return f"{days(middle)} ({number(early)}{end})"


def since_words(on: date, *, is_exact: bool) -> str:
    words = _("since %(day)s") if is_exact else _("since %(day)s or before")
    return words % {"day": day(on, "year")}
