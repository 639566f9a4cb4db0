from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base

_LOG = [f"invoice_transaction_log.{name}" for name in ("business_id", "entity_id", "version")]


class ExpectedDateRow(Base):
    """When a person expects an invoice to be paid, or (`excluded`) that it will not be. One an invoice holds at a time.

    `made_on` is the company's day. `version` is the invoice's log row that tells of it, `ended_version` the one of its end.
    """

    __tablename__ = "expected_date"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        ForeignKeyConstraint(["business_id", "invoice_id", "version"], _LOG, name="fk_expected_date_version"),
        ForeignKeyConstraint(
            ["business_id", "invoice_id", "ended_version"], _LOG, name="fk_expected_date_ended_version"
        ),
        Index(
            "uq_expected_date_held",
            "business_id",
            "invoice_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    kind: Mapped[str]
    expected_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    version: Mapped[int]
    reason: Mapped[str | None]
    actor: Mapped[str]
    made_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_version: Mapped[int | None]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
