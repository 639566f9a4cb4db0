"""The forecast as it is kept: its parts as bytes, and the few figures that a list of businesses shows."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from runway.calculators.burn_runway import RunwayState
from runway.calculators.cards import due_soon
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast, ForecastParts, joined
from runway.calculators.working_capital import WorkingCapital

# Raised with every change of a formula or of what is kept: what an earlier release kept is worked out anew.
FORMULAS = 6


@dataclass(frozen=True)
class WorkedOut:
    """A forecast and what is worked out with it."""

    forecast: Forecast
    capital: WorkingCapital


@dataclass(frozen=True)
class ForecastSummary:
    """What a list of businesses shows of one forecast.

    Attributes:
        days: P50, with `early_days` (P10) and `late_days` (P90); none where no crossing is in sight.
        due, must_pays: within seven days, what is overdue included.
        p50_by_week: today's expected close and that of each seventh day after it.
    """

    as_of: date
    currency: str
    state: RunwayState
    display: str
    days: Figure
    early_days: int | None
    late_days: int | None
    floor_on: date | None
    low: Figure
    low_on: date
    cash: Figure
    floor: Figure
    net_burn_daily: Figure
    due: Figure
    must_pays: Figure
    overdue_receivable: Figure
    uncovered: int
    p50_by_week: tuple[tuple[date, Decimal], ...]


@dataclass(frozen=True)
class _Content:
    parts: ForecastParts
    capital: WorkingCapital


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Content)
_summaries = msgspec.json.Decoder(ForecastSummary)


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


def summary_of(worked: WorkedOut) -> ForecastSummary:
    forecast = worked.forecast
    runway, path, due = forecast.standing.runway, forecast.standing.band.days, due_soon(forecast)
    return ForecastSummary(
        as_of=forecast.basis.as_of,
        currency=forecast.basis.currency,
        state=runway.state,
        display=runway.display,
        days=runway.days,
        early_days=runway.early.days,
        late_days=runway.late.days,
        floor_on=runway.floor_on,
        low=runway.low_point.amount,
        low_on=runway.low_point.on,
        cash=forecast.report.cash.cash,
        floor=forecast.report.floor,
        net_burn_daily=forecast.report.burn.net_daily,
        due=due.total,
        must_pays=due.must_pays,
        overdue_receivable=forecast.receivables.overdue,
        uncovered=len(forecast.standing.uncovered),
        p50_by_week=tuple((day.on, day.p50) for day in path[::7]),
    )


def written(summary: ForecastSummary) -> dict[str, Any]:
    """JSON: amounts as texts."""
    held: dict[str, Any] = msgspec.to_builtins(summary)
    return held


def read(held: str) -> ForecastSummary:
    """What `written` was given, to the cent, from its text.

    Raises:
        UnreadableContent: another release wrote it.
    """
    try:
        return _summaries.decode(held)
    except msgspec.DecodeError as error:
        raise UnreadableContent from error
