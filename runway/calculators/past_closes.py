"""What operating cash was at the end of each past day: today's balance less what was booked since."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.forecast import Forecast
from runway.calculators.lately import LATELY_DAYS


def past_closes(forecast: Forecast, *, days: int) -> list[tuple[date, Decimal]]:
    """The closes of the days before T, oldest first; none where cash is not known, and none before the books begin.

    `days` at most LATELY_DAYS. As the ledger dates it: what is entered today for last week changes last week's closes.
    """
    cash, as_of = forecast.report.cash.cash.value, forecast.basis.as_of
    booked = forecast.parts.lately.booked
    if cash is None or not booked:
        return []
    moved: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for one in booked:
        moved[min(one.on, as_of)] += one.amount  # what is dated later is in the ledger's balance already
    began = min(one.on for one in booked)
    close, found = cash - moved[as_of], []
    for ago in range(1, min(days, LATELY_DAYS) + 1):
        on = as_of - timedelta(days=ago)
        if on < began:
            break
        found.append((on, close))
        close -= moved[on]
    return found[::-1]
