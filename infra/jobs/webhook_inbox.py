"""Announcements of rails, stored before they are believed: what arrived, once, and what has been done about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class WebhookEvent(Base):
    """One change that a rail announced of one of its companies. `event_key` tells it from every other: a second one is dropped.

    It names no business: which one has the company is looked up when it is worked off.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (
        PrimaryKeyConstraint("rail", "event_key"),
        Index("ix_webhook_event_waiting", "rail", "external_account_id", postgresql_where=text("done_at IS NULL")),
    )

    rail: Mapped[str]
    event_key: Mapped[bytes]
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    external_account_id: Mapped[str]
    entity: Mapped[str]
    external_id: Mapped[str]
    operation: Mapped[str]
    occurred_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    done_at: Mapped[datetime | None]
