from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base

_LOG = [f"bill_transaction_log.{name}" for name in ("business_id", "entity_id", "version")]


class BillMarkRow(Base):
    """What a person said of a bill for planning's sake. One a bill holds at a time.

    `made_on` is the company's day. `version` is the bill's log row that tells of it, `ended_version` the one of its end.
    """

    __tablename__ = "bill_mark"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        ForeignKeyConstraint(["business_id", "bill_id", "version"], _LOG, name="fk_bill_mark_version"),
        ForeignKeyConstraint(["business_id", "bill_id", "ended_version"], _LOG, name="fk_bill_mark_ended_version"),
        Index("uq_bill_mark_held", "business_id", "bill_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    bill_id: Mapped[UUID]
    kind: Mapped[str]
    version: Mapped[int]
    reason: Mapped[str | None]
    actor: Mapped[str]
    made_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_version: Mapped[int | None]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
