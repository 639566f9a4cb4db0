"""What people decide about, and around, the numbers: figures they saw, scenarios they kept, what they did with items of the tray."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class SeenFigures(Base):
    """What one preview answered, word for word. An action that names it freezes it in its own log row; these rows go after a while."""

    __tablename__ = "seen_figures"
    __table_args__ = (PrimaryKeyConstraint("business_id", "id"), Index("ix_seen_figures_shown_at", "shown_at"))

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    shown_at: Mapped[datetime]
    actor: Mapped[str]
    request_id: Mapped[str]
    figures: Mapped[dict[str, Any]]


class SavedScenario(Base):
    """A question that somebody keeps: `steps` as they were asked, `name` unique in the business whatever its case."""

    __tablename__ = "saved_scenario"
    __table_args__ = (PrimaryKeyConstraint("business_id", "id"),)

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    name: Mapped[str]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    actor: Mapped[str]
    saved_at: Mapped[datetime]


class TrayMark(Base):
    """What people did with one item of the tray. The item itself is worked out anew each time and is no row.

    Attributes:
        item: the item's key.
        owner_id: whose it is; null: nobody's.
        set_aside: `snoozed` (with `until`) or `dismissed`; null: neither.
        state: what was said of the item then; once it is another, it is back.
        question: what the client was asked, `asked_at` when.
    """

    __tablename__ = "tray_mark"
    __table_args__ = (PrimaryKeyConstraint("business_id", "item"),)

    business_id: Mapped[UUID]
    item: Mapped[str]
    owner_id: Mapped[UUID | None]
    set_aside: Mapped[str | None]
    until: Mapped[date | None]
    state: Mapped[str | None]
    question: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    actor: Mapped[str]
    changed_at: Mapped[datetime]
