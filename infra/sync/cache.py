"""What is not mirrored but dear to ask again: reports, KPI data, payment history. Cleared when the business's books change."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class SyncCacheRow(Base):
    """One answer. `asked_at` is the instant before the call that brought it: everything up to then is in it."""

    __tablename__ = "sync_cache"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "key"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    key: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
