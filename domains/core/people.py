"""Firms, people and what opens a door for them: memberships, sessions, tokens, invitations. Tables, no logic.

Only the role oodaloo_access reads and writes these. Of a secret the hash is kept, or its sealed form where we need it back.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from infra.db.base import Base


class Firm(Base):
    """An accounting firm. Its admins may do everything in each of its businesses."""

    __tablename__ = "firm"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class User(Base):
    """A person. `email` is case-folded. Without `password_hash` nobody can sign in as them yet.

    `totp_last_step` is the number of the last 30-second step whose code was used: a code works once.
    """

    __tablename__ = "app_user"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp_secret_sealed: Mapped[str | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Membership(Base):
    """A person's role in one business. `approval_limit` is in its home currency; None is no limit, for roles that may approve."""

    __tablename__ = "membership"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "user_id"),
        CheckConstraint("role IN ('owner', 'approver', 'bookkeeper', 'viewer')", name="role"),
        CheckConstraint("approval_limit >= 0", name="approval_limit"),
        Index("ix_membership_user_id", "user_id"),
    )

    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    role: Mapped[str]
    approval_limit: Mapped[Decimal | None]
    created_at: Mapped[datetime]


class FirmAdmin(Base):
    __tablename__ = "firm_admin"
    __table_args__ = (PrimaryKeyConstraint("firm_id", "user_id"), Index("ix_firm_admin_user_id", "user_id"))

    firm_id: Mapped[UUID] = mapped_column(ForeignKey("firm.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]


class Invitation(Base):
    """A link by which one person joins one business, or one firm as its admin (`role` is then firm_admin)."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("(business_id IS NULL) <> (firm_id IS NULL)", name="one_place"),
        Index("ix_invitation_business_id", "business_id"),
        Index("ix_invitation_firm_id", "firm_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_id: Mapped[UUID | None] = mapped_column(ForeignKey("business.id"))
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    email: Mapped[str]
    role: Mapped[str]
    approval_limit: Mapped[Decimal | None]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UserSession(Base):
    """A browser that is signed in. `factor_at` is the last time a password and, where there is one, a second factor were shown.

    `is_complete` is false between the password and the second factor: such a session opens nothing but that step.
    """

    __tablename__ = "user_session"
    __table_args__ = (Index("ix_user_session_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    is_complete: Mapped[bool]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    factor_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str]
    user_agent: Mapped[str]


class RecoveryCode(Base):
    """Instead of a second factor that was lost; each works once."""

    __tablename__ = "recovery_code"
    __table_args__ = (PrimaryKeyConstraint("user_id", "code_hash"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    code_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PasswordReset(Base):
    __tablename__ = "password_reset"
    __table_args__ = (Index("ix_password_reset_user_id", "user_id"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """A key to the API. It never does more than its `permissions`; one of a person never more than the person may at that moment.

    Without `user_id` it is a service's, made on the machine itself. `made_by` is the token that made it, which ends it with itself.
    """

    __tablename__ = "api_token"
    __table_args__ = (
        Index("ix_api_token_user_id", "user_id"),
        Index("ix_api_token_made_by", "made_by", postgresql_where=text("made_by IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("api_token.id"))


class ApiTokenBusiness(Base):
    """One of the businesses that a token opens."""

    __tablename__ = "api_token_business"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "token_id"),
        Index("ix_api_token_business_token_id", "token_id"),
    )

    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    token_id: Mapped[UUID] = mapped_column(ForeignKey("api_token.id"))


class ApiTokenUse(Base):
    """The first use of a token from an address on a day: what the access log tells of, once."""

    __tablename__ = "api_token_use"
    __table_args__ = (PrimaryKeyConstraint("token_id", "used_on", "address"),)

    token_id: Mapped[UUID] = mapped_column(ForeignKey("api_token.id"))
    used_on: Mapped[date]  # in UTC
    address: Mapped[str]
