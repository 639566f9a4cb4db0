"""The figures a ritual ends on, as they are locked: JSON, amounts as text, so that they read back digit by digit."""

from typing import Any

from runway.calculators.cards import due_soon
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.frozen import Frozen


def seen_in_ritual(forecast: Forecast) -> dict[str, Any]:
    """What stands above each step while it is decided: the headline, the low point, what is due and overdue."""
    runway, due = forecast.standing.runway, due_soon(forecast)
    return {
        "as_of": forecast.basis.as_of.isoformat(),
        "currency": forecast.basis.currency,
        "state": runway.state.value,
        "display": runway.display,
        "days": figure_text(runway.days),
        "early_days": runway.early.days,
        "late_days": runway.late.days,
        "low": figure_text(runway.low_point.amount),
        "low_on": runway.low_point.on.isoformat(),
        "cash": figure_text(forecast.report.cash.cash),
        "floor": figure_text(forecast.report.floor),
        "due": figure_text(due.total),
        "must_pays": figure_text(due.must_pays),
        "overdue_receivable": figure_text(forecast.receivables.overdue),
        "overdue_payable": figure_text(forecast.payables.overdue),
        "uncovered": len(forecast.standing.uncovered),
    }


def snapshot(forecast: Forecast) -> dict[str, Any]:
    """The same, the path of 13 weeks with its band as Mondays are frozen, and what a reader should be told beside it."""
    return {
        **seen_in_ritual(forecast),
        "forecast": Frozen.of(forecast).to_figures(),
        "flags": list(forecast.report.flags),
        "assumptions": list(forecast.assumptions),
    }


def figure_text(figure: Figure) -> dict[str, Any]:
    return {
        "value": None if figure.value is None else str(figure.value),
        "unit": figure.unit,
        "as_of": figure.as_of.isoformat(),
        "source": figure.source,
        "n": figure.n,
        "n_of": figure.n_of,
        "note": figure.note,
        "reason": figure.reason,
    }
