"""Forecasts as they were made, and what became of them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class ForecastSource(StrEnum):
    """How a forecast came to be: on its Monday; afterwards from the log, knowing what we knew then; afterwards by bookkeeping dates."""

    LIVE = "live"
    REPLAYED = "replayed"
    RECONSTRUCTED = "reconstructed"


class FrozenForecastRow(Base):
    """One Monday's forecast. It is never rewritten; the database refuses.

    `figures` holds what the weeks are judged by: see runway/calculators/frozen.py.
    """

    __tablename__ = "frozen_forecast"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "frozen_on"),
        CheckConstraint("extract(isodow from frozen_on) = 1", name="monday"),
    )

    business_id: Mapped[UUID]
    frozen_on: Mapped[date]
    weeks: Mapped[int]
    source: Mapped[str]
    currency: Mapped[str]
    figures: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ForecastResult(Base):
    """What came in one week of a frozen forecast, by the books of `judged_at`: what is entered late moves it.

    `receipts` and `disbursements` are positive; `closing` is operating cash at the week's end.
    """

    __tablename__ = "forecast_result"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "frozen_on", "week"),
        ForeignKeyConstraint(
            ["business_id", "frozen_on"], ["frozen_forecast.business_id", "frozen_forecast.frozen_on"]
        ),
    )

    business_id: Mapped[UUID]
    frozen_on: Mapped[date]
    week: Mapped[int]
    receipts: Mapped[Decimal]
    disbursements: Mapped[Decimal]
    closing: Mapped[Decimal]
    judged_at: Mapped[datetime]
