"""Differences between the mirror and the rail: found, told with their cause and size, repaired, never hidden."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class DriftItem(Base):
    """One difference. `size` is |mirror - rail| in the home currency, or the number of records for a count.

    `repaired_at` is when the mirror was brought in step through the ordinary path; `repair_request_id` is that run's id, under
    which the log tells what it changed. An item that no repair could end stays open.
    """

    __tablename__ = "drift_item"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        Index("ix_drift_item_found_at", "business_id", "found_at"),
        Index("ix_drift_item_open", "business_id", "kind", "entity", postgresql_where=text("repaired_at IS NULL")),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    rail: Mapped[str]
    kind: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str | None]
    cause: Mapped[str]
    size: Mapped[Decimal | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    run_id: Mapped[UUID]
    found_at: Mapped[datetime]
    repaired_at: Mapped[datetime | None]
    repair_request_id: Mapped[str | None]
