from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class Notice(Base):
    """Something a person should know of: shown in the app, mailed once. One open notice a matter (`kind` and `subject`);
    raised again it counts, and does not come twice. `resolved_at` is when the matter ended by itself or by a person's hand.
    """

    __tablename__ = "notice"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        Index(
            "uq_notice_open",
            "business_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_notice_raised_at", "business_id", "raised_at"),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    kind: Mapped[str]
    subject: Mapped[str]
    severity: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raised_at: Mapped[datetime]
    last_raised_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(server_default="1")
    seen_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
