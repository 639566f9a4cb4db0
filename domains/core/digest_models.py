"""The weekly digest: what a business decided about it, what was asked for, and who got it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class DigestSettingRow(Base):
    """What was decided at `set_at`; the highest version counts. `weekday` 0 is Monday; both by the company's clock.

    `recipients`: ids of people; None is whoever works on the books.
    """

    __tablename__ = "digest_setting"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "version"),
        CheckConstraint("weekday BETWEEN 0 AND 6 AND hour BETWEEN 0 AND 23", name="hour"),
    )

    business_id: Mapped[UUID]
    version: Mapped[int]
    is_on: Mapped[bool]
    weekday: Mapped[int]
    hour: Mapped[int]
    recipients: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime]


class DigestAskRow(Base):
    """One business's part of one wish to send; several businesses of one wish share its id.

    `request_digest` tells a repetition from another wish. `why`: no digest could be made. `outcomes`: per recipient, once it is done.
    """

    __tablename__ = "digest_ask"
    __table_args__ = (PrimaryKeyConstraint("business_id", "id"), Index("ix_digest_ask_id", "id"))

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    week_on: Mapped[date]
    actor: Mapped[str]
    request_id: Mapped[str]
    request_digest: Mapped[str]
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    why: Mapped[str | None]
    outcomes: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))


class DigestSendRow(Base):
    """A recipient's digest of a week: there is one, whoever asks for it how often. `week_on` is a Monday of the company's.

    `mail_id` follows from the key, so the letter is written once; whether it went out the letter itself tells.
    """

    __tablename__ = "digest_send"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "week_on", "user_id"),
        CheckConstraint("extract(isodow from week_on) = 1", name="monday"),
        ForeignKeyConstraint(["business_id", "ask_id"], ["digest_ask.business_id", "digest_ask.id"]),
    )

    business_id: Mapped[UUID]
    week_on: Mapped[date]
    user_id: Mapped[UUID]
    ask_id: Mapped[UUID]
    mail_id: Mapped[UUID]
    email: Mapped[str]
    claimed_at: Mapped[datetime]
