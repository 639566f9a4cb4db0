"""Who is active, and who is due: a business with a user in front of it is synced sooner, an idle one later."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy.orm import Mapped

from infra.db.base import Base


class BusinessActivity(Base):
    """When a person or program last looked at the business, right to the minute."""

    __tablename__ = "business_activity"
    __table_args__ = (PrimaryKeyConstraint("business_id"),)

    business_id: Mapped[UUID]
    last_active_at: Mapped[datetime]
