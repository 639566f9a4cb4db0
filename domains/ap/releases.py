"""Whether approved bills may be paid by this person, of this amount. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from domains.ap.approval_errors import (
    AboveReleaseLimit,
    ApprovalMissing,
    ApprovalOutdated,
    BillDeleted,
    NothingOpen,
    PayerIsOnlyApprover,
    RateUnknown,
    SecondApprovalMissing,
    SecondPersonMissing,
)
from domains.ap.approvals import ApprovalPolicy, ApprovalStatus, Signatory, Standing
from infra.errors import OodalooError
from infra.money import ZERO

PAYER: Final = "payer"
"""Where an action's facts, and the log row of its release, name the person behind whoever asked: the user's id, null of a program."""

FOR_A_SECOND = (SecondPersonMissing, PayerIsOnlyApprover)
"""Refused of this payer alone: another may release it."""


def refusal_to_pay(
    lines: Sequence[tuple[Standing, Decimal]],
    *,
    policy: ApprovalPolicy,
    payer: Signatory,
    limit: Decimal | None,
    home_currency: str,
) -> OodalooError | None:
    """Why these bills may not be paid together; None when they may. Each amount is in its bill's currency, `limit` at home."""
    total = ZERO
    for standing, amount in lines:
        bill, home = standing.bill, standing.bill.in_home(amount, home_currency)
        if bill.deleted_at is not None:
            return BillDeleted(bill.words)
        if bill.balance == ZERO:
            return NothingOpen(bill.words)
        if home is None:
            return RateUnknown(bill.words, currency=bill.currency or home_currency, home_currency=home_currency)
        total += home
    if limit is not None and total > limit:
        return AboveReleaseLimit(amount=total, limit=limit, currency=home_currency)
    for standing, _ in lines:
        refusal = _refusal_of(standing, policy=policy, payer=payer, total=total, home_currency=home_currency)
        if refusal is not None:
            return refusal
    return None


def _refusal_of(
    standing: Standing, *, policy: ApprovalPolicy, payer: Signatory, total: Decimal, home_currency: str
) -> OodalooError | None:
    words = standing.bill.words
    above = policy.two_people_above
    match standing.status:
        case ApprovalStatus.WAITING:
            return ApprovalOutdated(words, list(standing.changed)) if standing.changed else ApprovalMissing(words)
        case ApprovalStatus.WAITING_FOR_SECOND:
            return SecondApprovalMissing(words, above=above or ZERO, currency=home_currency)
    if above is not None and total > above and len(standing.people | _person(payer)) < 2:  # noqa: PLR2004  # two people
        return SecondPersonMissing(words, amount=total, above=above, currency=home_currency)
    is_needed = standing.status is ApprovalStatus.APPROVED and policy.needs_approval(standing.home_amount)
    if is_needed and not policy.payer_may_be_only_approver and not standing.people - _person(payer):
        return PayerIsOnlyApprover(words)
    return None


def _person(signatory: Signatory) -> frozenset[object]:
    return frozenset() if signatory.user_id is None else frozenset({signatory.user_id})
