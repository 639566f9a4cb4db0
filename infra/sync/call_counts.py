"""How many calls each feature of a business has made of a rail, month by month: reads are metered, and calls are money."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class RailCallCount(Base):
    """`day` is in UTC; `feature` says what the calls were for; `is_metered` whether the rail's owner charges for them."""

    __tablename__ = "rail_call_count"
    __table_args__ = (PrimaryKeyConstraint("business_id", "rail", "day", "feature", "is_metered"),)

    business_id: Mapped[UUID]
    rail: Mapped[str]
    day: Mapped[date]
    feature: Mapped[str]
    is_metered: Mapped[bool]
    calls: Mapped[int] = mapped_column(BigInteger)
