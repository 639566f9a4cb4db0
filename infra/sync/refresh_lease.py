"""One refresh at a time of a business's rail, over all processes and machines: a lease row decides, and no lock is held across HTTP."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class RefreshLease(Base):
    """The latest refresh. Under way while `finished_at` is null and `leased_until` lies ahead; times are the database's own.

    `fence` counts refreshes: who holds an old one changes nothing. `failures` in a row put the next attempt off to
    `next_attempt_at`, whoever asks, so that a rail that is down is asked seldom.
    """

    __tablename__ = "refresh_lease"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str]
    strategy: Mapped[str]
    began_at: Mapped[datetime]
    leased_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    calls: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]
