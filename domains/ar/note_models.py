from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base

_LOG = [f"invoice_transaction_log.{name}" for name in ("business_id", "entity_id", "version")]


class CollectionNote(Base):
    """What we know of an invoice that its books do not: at most one of a kind is open. `amount` is in `currency`.

    `version` is the invoice's log row that tells of it, `closed_version` the one that tells of its end, each in one transaction.
    """

    __tablename__ = "collection_note"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        ForeignKeyConstraint(["business_id", "invoice_id", "version"], _LOG, name="fk_collection_note_version"),
        ForeignKeyConstraint(
            ["business_id", "invoice_id", "closed_version"], _LOG, name="fk_collection_note_closed_version"
        ),
        Index("ix_collection_note_invoice", "business_id", "invoice_id", "id"),
        Index(
            "uq_collection_note_open",
            "business_id",
            "invoice_id",
            "kind",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    kind: Mapped[str]
    version: Mapped[int]
    amount: Mapped[Decimal | None]
    currency: Mapped[str]
    promised_on: Mapped[date | None]
    reason: Mapped[str | None]
    actor: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    closed_version: Mapped[int | None]
    closed_by: Mapped[str | None]
    closed_because: Mapped[str | None]
    closed_at: Mapped[datetime | None]
