"""How approvals look on their way out, on their own and beside a bill."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from domains.ap.approvals import ApprovalStatus, Standing
from domains.ap.deciding import Approved
from domains.ap.duplicates import Duplicate, Sign
from domains.core.lookalikes import LookalikeKind
from runway.routes.answers import Amount, plain_amount


class GivenApproval(BaseModel):
    actor: str = Field(
        description="`user:<id>` or `token:<id>`.", examples=["user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"]
    )
    user_id: UUID | None = Field(description="The person, or the one a token acts for; null for a service's token.")
    approved_at: datetime


class ApprovalOut(BaseModel):
    status: ApprovalStatus = Field(
        description="`waiting`: nobody has approved it; `waiting_for_second`: one person has, and two have to."
    )
    needs_two: bool = Field(description="Above the amount from which two different people approve.")
    home_amount: Amount | None = Field(description="The total in home currency; null where QuickBooks gives no rate.")
    approvals: list[GivenApproval] = Field(description="Those that count.")
    changed: dict[str, list[str | None]] = Field(
        description="What was edited in QuickBooks since the last approval, which counts no more: field → [then, now]."
    )
    fingerprint: str | None = Field(
        description="Of all that an approval is of: send it back as `seen.fingerprint` when approving."
    )

    @classmethod
    def of(cls, standing: Standing, **more: Any) -> "ApprovalOut":
        """`more` are the fields of a class that extends this one."""
        return cls(
            status=standing.status,
            needs_two=standing.needs_two,
            home_amount=standing.home_amount,
            approvals=[
                GivenApproval(actor=one.actor, user_id=one.user_id, approved_at=one.recorded_at)
                for one in standing.approvals
            ],
            changed=said_changes(standing.changed),
            fingerprint=standing.material.fingerprint if standing.material else None,
            **more,
        )


class DuplicateOut(BaseModel):
    kind: LookalikeKind
    id: UUID
    external_id: str
    doc_number: str | None
    on: date
    amount: Amount
    currency: str
    strength: str = Field(description="`strong` blocks until a reason is given; `likely` and `weak` are shown.")
    signs: list[Sign]

    @classmethod
    def of(cls, found: Duplicate) -> "DuplicateOut":
        other = found.other
        return cls(
            kind=other.kind,
            id=other.id,
            external_id=other.external_id,
            doc_number=other.doc_number,
            on=other.on,
            amount=other.amount,
            currency=other.currency,
            strength=found.strength.name.lower(),
            signs=list(found.signs),
        )


class ApprovedOut(ApprovalOut):
    duplicates: list[DuplicateOut] = Field(description="What it looks like, though that was no reason to stop.")

    @classmethod
    def of_approved(cls, approved: Approved) -> "ApprovedOut":
        found = [DuplicateOut.of(duplicate) for duplicate in approved.duplicates]
        answer = cls.of(approved.standing, duplicates=found)
        assert isinstance(answer, cls)  # noqa: S101  # `of` makes its own class
        return answer


class BillToApprove(BaseModel):
    """An open bill and how its approval stands."""

    id: UUID = Field(description="Ours.")
    external_id: str
    doc_number: str | None
    vendor_external_id: str
    vendor_name: str | None
    issued_on: date
    due_on: date | None
    total: Amount
    balance: Amount
    currency: str
    approval: ApprovalOut

    @classmethod
    def of(cls, standing: Standing, *, home_currency: str) -> "BillToApprove":
        bill = standing.bill
        shown: dict[str, Any] = {name: getattr(bill, name) for name in cls.model_fields if name != "approval"}
        shown["currency"] = bill.currency or home_currency
        return cls(**shown, approval=ApprovalOut.of(standing))


def said_changes(changed: Mapping[str, Sequence[Any]]) -> dict[str, list[str | None]]:
    """Field → [then, now], each as text."""
    return {field: [_said(value) for value in pair] for field, pair in changed.items()}


def _said(value: Any) -> str | None:
    if value is None:
        return None
    return str(plain_amount(value)) if isinstance(value, Decimal) else str(value)


APPROVAL_EXAMPLE = {
    "status": "approved",
    "needs_two": False,
    "home_amount": "120.50",
    "approvals": [
        {
            "actor": "user:0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
            "user_id": "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11",
            "approved_at": "2026-03-15T18:55:00Z",
        }
    ],
    "changed": {},
    "fingerprint": "9f2feb0f1ef425b292f2f94bc8482494df430413a6c2b2a1b2d5d4c5b1b7c6f0",
}
