"""Sums over a list of businesses: only where they keep their books in one currency. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.money import ZERO
from runway.calculators.figures import Figure
from runway.orchestrators.kept_forecast import ForecastSummary


@dataclass(frozen=True)
class PortfolioTotals:
    """n counts businesses. `without`: those whose figures are not known."""

    cash: Figure
    due: Figure
    overdue_receivable: Figure
    without: int


def totals_of(rows: Sequence[tuple[str, ForecastSummary | None]]) -> tuple[PortfolioTotals | None, str | None]:
    """Of (home currency, figures) each; without totals, why."""
    known = [summary for _, summary in rows if summary is not None]
    currencies = {currency for currency, summary in rows if summary is not None}
    if not known:
        return None, "no figures are known"
    if len(currencies) > 1:
        return None, f"the businesses keep their books in {', '.join(sorted(currencies))}"
    cash, due, overdue = (_sum([getattr(one, name) for one in known]) for name in ("cash", "due", "overdue_receivable"))
    return PortfolioTotals(cash, due, overdue, without=len(rows) - len(known)), None


def _sum(figures: Sequence[Figure]) -> Figure:
    """As old as its oldest part; what has no value is left out, and the note says so."""
    values = [figure.value for figure in figures if figure.value is not None]
    oldest, left = min(figure.as_of for figure in figures), len(figures) - len(values)
    unit, source = figures[0].unit, figures[0].source
    if not values:
        return Figure(None, unit, oldest, source, 0, "businesses", reason="no figures are known")
    note = f"without {left} of {len(figures)}" if left else None
    return Figure(sum(values, ZERO), unit, oldest, source, len(values), "businesses", note=note)
