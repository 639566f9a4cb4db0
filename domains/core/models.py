"""Businesses and the rails they are connected to."""

from datetime import date, datetime
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
    """One company whose cash we keep. `home_currency` is the unit of every sum; `time_zone` decides what "today" is.

    `firm_id` is the firm that keeps its books, if one does.
    """

    __tablename__ = "business"
    __table_args__ = (Index("ix_business_firm_id", "firm_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
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


class OAuthState(Base):
    """A connect under way: ties the rail's redirect to the business, and to the session (if it was one), that began it.

    Single use; only its hash is kept.
    """

    __tablename__ = "oauth_state"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    business_id: Mapped[UUID] = mapped_column(ForeignKey("business.id"))
    rail: Mapped[str]
    redirect_uri: Mapped[str]
    session_hash: Mapped[bytes | None]
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


class CompanyPreferences(MirrorRow):
    """How the company keeps its books. Nothing dated `book_close_on` or before should change any more.

    `fiscal_year_start_month` is 1 to 12; `home_currency` is null where the ledger does not tell.
    """

    __tablename__ = "company_preferences"

    home_currency: Mapped[str | None]
    is_multicurrency: Mapped[bool]
    book_close_on: Mapped[date | None]
    fiscal_year_start_month: Mapped[int | None]


class CompanyPreferencesTransactionLog(LogRow):
    __tablename__ = "company_preferences_transaction_log"
