"""Businesses, the rails they are connected to, and the keys to them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.sync.shapes import LogRow, MirrorRow

DEFAULT_TIME_ZONE = "America/Los_Angeles"


class ConnectionState(StrEnum):
    ACTIVE = "active"
    NEEDS_RECONNECT = "needs_reconnect"
    DISCONNECTED = "disconnected"


class Business(Base):
    """One company whose cash we keep. `home_currency` is the unit of every sum; `time_zone` decides what "today" is."""

    __tablename__ = "business"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    home_currency: Mapped[str] = mapped_column(server_default="USD")
    time_zone: Mapped[str] = mapped_column(server_default=DEFAULT_TIME_ZONE)
    created_at: Mapped[datetime]


class Connection(Base):
    """A business's link to one company of a rail (QBO: a realm), the same one for ever: another's books would mix with its mirror.

    A rail's company is active for one business only, or two would pay the same bill.
    """

    __tablename__ = "connection"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        Index(
            "uq_connection_active_account",
            "rail",
            "external_account_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "uq_connection_living_rail",
            "business_id",
            "rail",
            unique=True,
            postgresql_where=text("state <> 'disconnected'"),
        ),
    )

    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    id: Mapped[UUID]
    rail: Mapped[str]
    external_account_id: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    connected_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]


class ApiToken(Base):
    """A key to one business. Only its hash is kept."""

    __tablename__ = "api_token"
    __table_args__ = (PrimaryKeyConstraint("business_id", "id"),)

    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    id: Mapped[UUID]
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class OAuthState(Base):
    """A connect under way: ties the rail's redirect to the business that began it. Single use; only its hash is kept."""

    __tablename__ = "oauth_state"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    rail: Mapped[str]
    redirect_uri: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class CompanyInfo(MirrorRow):
    """The company as its ledger describes it. `fiscal_year_start_month` is 1 to 12."""

    __tablename__ = "company_info"

    name: Mapped[str]
    legal_name: Mapped[str | None]
    country: Mapped[str | None]
    email: Mapped[str | None]
    fiscal_year_start_month: Mapped[int | None]


class CompanyInfoTransactionLog(LogRow):
    __tablename__ = "company_info_transaction_log"
