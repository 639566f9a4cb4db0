"""The wish for a job is a row in the transaction of the fact that asks for it (RQ is only the doorbell)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class OutboxRow(Base):
    """A job that was asked for. `dispatched_at` is when RQ was rung, `finished_at` when a worker reported the end."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "id", postgresql_where="finished_at IS NULL"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job: Mapped[str]
    arguments: Mapped[list[Any]] = mapped_column(JSONB)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    dispatched_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
