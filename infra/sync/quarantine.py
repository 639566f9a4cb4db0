"""Objects that could not be read, kept whole and apart, so that one of them does not stop a company's sync, and none is forgotten."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class QuarantinedObject(Base):
    """The rail's object as it came. `resolved_at` is when a later delivery, or a later release, could read it."""

    __tablename__ = "quarantined_object"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "entity", "external_id"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str]
    reason: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
