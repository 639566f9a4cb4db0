"""The access log: who came in, who was refused, whose rights changed. It only grows, and is sealed like the books' logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.sync.shapes import Xid8


class AccessEvent(StrEnum):
    """What happened, as `noun.verb`."""

    SIGNED_IN = "session.signed_in"
    SIGN_IN_REFUSED = "session.refused"
    SECOND_FACTOR_REFUSED = "session.second_factor_refused"
    PROVED_AGAIN = "session.proved_again"
    SIGNED_OUT = "session.signed_out"
    SIGNED_OUT_EVERYWHERE = "session.signed_out_everywhere"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  # an event's name
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105  # the same
    SECOND_FACTOR_SET = "second_factor.set"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    RECOVERY_CODE_USED = "second_factor.recovery_code_used"
    RECOVERY_CODES_MADE = "second_factor.recovery_codes_made"
    USER_CREATED = "user.created"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    INVITED = "member.invited"
    INVITATION_REVOKED = "member.invitation_revoked"
    JOINED = "member.joined"
    ROLE_CHANGED = "member.role_changed"
    REMOVED = "member.removed"
    FIRM_CREATED = "firm.created"
    BUSINESS_CREATED = "business.created"
    TOKEN_CREATED = "token.created"  # noqa: S105  # the same
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  # the same
    TOKEN_FIRST_USED = "token.first_used"  # noqa: S105  # the same; from an address, on a day
    TOKEN_REFUSED = "token.refused"  # noqa: S105  # the same
    PERMISSION_REFUSED = "permission.refused"
    BUSINESS_REFUSED = "business.refused"
    CONNECTION_CHANGED = "connection.changed"
    WEBHOOK_REFUSED = "webhook.refused"
    EXPORTED = "audit.exported"


class AccessLogRow(Base):
    """One event. Without `business_id` it is of a person or token at the door, seen by the businesses the person belongs to."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_business_id", "business_id", "id"),
        Index("ix_access_log_user_id", "user_id", "id", postgresql_where=text("business_id IS NULL")),
        Index(None, "tx_xid"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    business_id: Mapped[UUID | None] = mapped_column(ForeignKey("business.id"))
    user_id: Mapped[UUID | None]
    event: Mapped[str]
    actor: Mapped[str]
    address: Mapped[str]
    request_id: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    tx_xid: Mapped[int] = mapped_column(Xid8(), server_default=text("pg_current_xact_id()"))


@dataclass(frozen=True)
class Origin:
    """Where a request came from. `actor` is `user:<id>`, `token:<id>`, `cli` or `nobody`."""

    actor: str
    address: str
    request_id: str


async def note(
    session: AsyncSession,
    event: AccessEvent,
    *,
    origin: Origin,
    business_id: UUID | None = None,
    user_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write one event in the caller's transaction, so that a change and its line cannot come apart.

    Args:
        session: of the role oodaloo_access.
        event: what happened.
        origin: who did it, and from where.
        business_id: the business it concerns.
        user_id: the person it concerns, where that is another than the actor or the actor is not known yet.
        details: never a secret.
    """
    session.add(
        AccessLogRow(
            business_id=business_id,
            user_id=user_id,
            event=event.value,
            actor=origin.actor,
            address=origin.address,
            request_id=origin.request_id,
            details={name: _storable(value) for name, value in (details or {}).items()},
        )
    )


def _storable(value: Any) -> Any:
    """PostgreSQL's text holds every character but one, which a path may have (%00): it is told by its picture."""
    return value.replace("\0", "\u2400") if isinstance(value, str) else value
