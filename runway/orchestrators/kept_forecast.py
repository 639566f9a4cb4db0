"""The forecast as it is kept: its parts as bytes, and the few figures that a list of businesses shows."""

from dataclasses import dataclass
from typing import Any

import msgspec

from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast, ForecastParts, joined
from runway.calculators.working_capital import WorkingCapital

# Raised with every change of a formula or of what is kept: what an earlier release kept is worked out anew.
FORMULAS = 1


@dataclass(frozen=True)
class WorkedOut:
    """A forecast and what is worked out with it."""

    forecast: Forecast
    capital: WorkingCapital


@dataclass(frozen=True)
class _Content:
    parts: ForecastParts
    capital: WorkingCapital


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Content)


class UnreadableContent(Exception):
    """Bytes of another release."""


def content_of(worked: WorkedOut) -> bytes:
    return _encoder.encode(_Content(worked.forecast.parts, worked.capital))


def worked_out_of(content: bytes) -> WorkedOut:
    """What `content_of` was given, to the cent.

    Raises:
        UnreadableContent: another release wrote it.
    """
    try:
        held = _decoder.decode(content)
    except (msgspec.DecodeError, ValueError) as error:
        raise UnreadableContent from error
    return WorkedOut(joined(held.parts), held.capital)


def summary_of(worked: WorkedOut) -> dict[str, Any]:
    """JSON: amounts as texts, days as numbers or null."""
    forecast = worked.forecast
    runway, path = forecast.standing.runway, forecast.standing.band.days
    return {
        "as_of": forecast.basis.as_of.isoformat(),
        "currency": forecast.basis.currency,
        "state": runway.state.value,
        "display": runway.display,
        "days": _number(runway.days),
        "early_days": runway.early.days,
        "late_days": runway.late.days,
        "floor_on": runway.floor_on.isoformat() if runway.floor_on else None,
        "low": _number(runway.low_point.amount),
        "low_on": runway.low_point.on.isoformat(),
        "cash": _number(forecast.report.cash.cash),
        "floor": _number(forecast.report.floor),
        "net_burn_daily": _number(forecast.report.burn.net_daily),
        "overdue_receivable": _number(forecast.receivables.overdue),
        "uncovered": len(forecast.standing.uncovered),
        "p50_by_week": [str(day.p50) for day in path[::7]],
    }


def _number(figure: Figure) -> str | None:
    return None if figure.value is None else str(figure.value)
