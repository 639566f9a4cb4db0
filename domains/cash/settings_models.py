from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, Text, false, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class RunwaySettingsRow(Base):
    """What a business decided about its runway from `set_at` on; the highest version counts, and rows are never changed.

    `floor_amount` in home currency, or `floor_days` of gross burn, or neither. Accounts by the rail's id: `counted_accounts` are
    operating cash whatever they are called, `uncounted_accounts` are not. Null `counts_uninvoiced_sales`: the sales decide.
    """

    __tablename__ = "runway_settings"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "version"),
        CheckConstraint("floor_amount IS NULL OR floor_days IS NULL", name="one_floor"),
        CheckConstraint("floor_amount >= 0 AND floor_days >= 0", name="floor"),
        CheckConstraint("filing_day BETWEEN 1 AND 31", name="filing_day"),
    )

    business_id: Mapped[UUID]
    version: Mapped[int]
    floor_amount: Mapped[Decimal | None]
    floor_days: Mapped[int | None]
    counted_accounts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    uncounted_accounts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    filing_day: Mapped[int | None]
    counts_owner_draws: Mapped[bool]
    counts_uninvoiced_sales: Mapped[bool | None]
    counts_to_come: Mapped[bool]
    bills_by_habit: Mapped[bool] = mapped_column(server_default=false())
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
