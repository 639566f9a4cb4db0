"""Approvals of bills: what the business asks for, and who said yes to which figures. Both tables only grow."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class ApprovalPolicyRow(Base):
    """What a business asked for from `set_at` on; the highest version counts. Amounts are in home currency.

    `needed_from`: a bill of that total or more is paid only once it is approved. `two_people_above`: beyond it two different people
    have a hand in it; null: never. `payer_may_be_only_approver`: below that, whoever approved a bill may pay it too.
    """

    __tablename__ = "approval_policy"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "version"),
        CheckConstraint("needed_from >= 0 AND two_people_above >= 0", name="amounts"),
    )

    business_id: Mapped[UUID]
    version: Mapped[int]
    needed_from: Mapped[Decimal]
    two_people_above: Mapped[Decimal | None]
    payer_may_be_only_approver: Mapped[bool]
    actor: Mapped[str]
    request_id: Mapped[str]
    set_at: Mapped[datetime]


class BillApproval(Base):
    """A bill was approved, or its approvals ended. `version` is the bill's log row that tells of it, in the same transaction.

    `seen_version` is the bill as it was looked at; the figures are its own, `home_amount` its total in home currency.
    """

    __tablename__ = "bill_approval"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "bill_id", "version"),
        ForeignKeyConstraint(
            ["business_id", "bill_id", "version"],
            ["bill_transaction_log.business_id", "bill_transaction_log.entity_id", "bill_transaction_log.version"],
        ),
        Index("ix_bill_approval_recorded_at", "business_id", "recorded_at"),
    )

    business_id: Mapped[UUID]
    bill_id: Mapped[UUID]
    version: Mapped[int]
    decision: Mapped[str]
    actor: Mapped[str]
    user_id: Mapped[UUID | None]
    seen_version: Mapped[int]
    total: Mapped[Decimal]
    currency: Mapped[str]
    vendor_external_id: Mapped[str]
    due_on: Mapped[date | None]
    remit_to: Mapped[str | None]
    home_amount: Mapped[Decimal | None]
    fingerprint: Mapped[str]
    policy_version: Mapped[int]
    duplicate_reason: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
