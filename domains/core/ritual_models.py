from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class RitualEventRow(Base):
    """One thing that was done in the ritual of a week; the ritual itself is what its events come to. They are never changed.

    Attributes:
        week_on: the week's Monday by the company's calendar.
        version: 1 for the start, one more with each event: two people cannot write the same one.
        outcome, note: what was decided in a step.
        figures: what was seen then; of the last event the whole snapshot.
    """

    __tablename__ = "ritual_event"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "week_on", "version"),
        CheckConstraint("extract(isodow from week_on) = 1", name="monday"),
        Index(
            "uq_ritual_event_finished",
            "business_id",
            "week_on",
            unique=True,
            postgresql_where=text("kind = 'finished'"),
        ),
    )

    business_id: Mapped[UUID]
    week_on: Mapped[date]
    version: Mapped[int]
    kind: Mapped[str]
    step: Mapped[str | None]
    outcome: Mapped[str | None]
    note: Mapped[str | None]
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    actor: Mapped[str]
    request_id: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
