from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy.orm import Mapped

from infra.db.base import Base


class DiscountTerm(Base):
    """What the ledger's terms of this id mean, as a person confirmed it once: `percent` of 100 off when paid within `discount_days`
    of the bill's date, all due after `net_days`. The ledger itself does not tell of discounts.
    """

    __tablename__ = "discount_term"
    __table_args__ = (PrimaryKeyConstraint("business_id", "terms_external_id"),)

    business_id: Mapped[UUID]
    terms_external_id: Mapped[str]
    name: Mapped[str]
    percent: Mapped[Decimal]
    discount_days: Mapped[int]
    net_days: Mapped[int]
    actor: Mapped[str]
    confirmed_at: Mapped[datetime]
