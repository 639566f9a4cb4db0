"""Reminders: what a business decided, what counts for a customer instead, and which step was taken of which invoice."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class ReminderPolicyRow(Base):
    """What a business decided at `set_at`; the highest version counts. `levels`: a list of steps, in order."""

    __tablename__ = "reminder_policy"
    __table_args__ = (PrimaryKeyConstraint("business_id", "version"),)

    business_id: Mapped[UUID]
    version: Mapped[int]
    is_on: Mapped[bool]
    levels: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    quiet_days: Mapped[int]
    send_from: Mapped[int]
    send_until: Mapped[int]
    on_weekends: Mapped[bool]
    sender_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime]


class CustomerReminderRow(Base):
    """What was decided for one customer at `set_at`; the highest version counts. `levels` null: the business's."""

    __tablename__ = "customer_reminder"
    __table_args__ = (PrimaryKeyConstraint("business_id", "customer_id", "version"),)

    business_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    version: Mapped[int]
    is_excluded: Mapped[bool]
    paused_until: Mapped[date | None]
    levels: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    send_to: Mapped[str | None]
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime]


class ReminderLevelRow(Base):
    """One step of one invoice: taken once. `intent_id` is the mail that has it.

    `is_mailed`: null while that mail is on its way; false once it is certain that it did not list the invoice: only then another mail
    may have the step. True stays true, which the database holds by a trigger.
    """

    __tablename__ = "reminder_level"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "invoice_id", "level"),
        ForeignKeyConstraint(["business_id", "intent_id"], ["action_intent.business_id", "action_intent.id"]),
        Index("ix_reminder_level_open", "business_id", "intent_id", postgresql_where=text("is_mailed IS NULL")),
    )

    business_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    level: Mapped[int]
    intent_id: Mapped[UUID]
    asked_on: Mapped[date]
    is_mailed: Mapped[bool | None]
