"""Why a bill is not approved, or not paid for want of approval, in words that a bookkeeper can act on. `code` names it for programs."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from domains.ap.duplicates import Duplicate
from domains.ap.payment_errors import money
from infra.errors import Conflict, Forbidden, InvalidInput


class ApprovalRefused(Conflict):
    """The state of the bill or of its approvals forbids it. Nothing was changed."""

    code = "refused"


class BillDeleted(ApprovalRefused):
    code = "deleted"

    def __init__(self, bill: str) -> None:
        super().__init__(f"{bill} was deleted in QuickBooks. There is nothing to approve or to pay.")


class NothingOpen(ApprovalRefused):
    code = "already_paid"

    def __init__(self, bill: str) -> None:
        super().__init__(f"{bill} is paid already: an approval would change nothing any more.")


class RateUnknown(ApprovalRefused):
    code = "rate_unknown"

    def __init__(self, bill: str, *, currency: str, home_currency: str) -> None:
        super().__init__(
            f"{bill} is in {currency}, and QuickBooks gives no exchange rate for it, so it cannot be held against limits in "
            f"{home_currency}. Enter the rate on the bill in QuickBooks first."
        )


class AboveApprovalLimit(Forbidden):
    code = "above_approval_limit"

    def __init__(self, bill: str, *, amount: Decimal, limit: Decimal, currency: str) -> None:
        super().__init__(
            f"{bill} is for {money(amount, currency)}, and you may approve up to {money(limit, currency)}. "
            "Ask somebody with a higher limit."
        )


class AboveReleaseLimit(Forbidden):
    code = "above_release_limit"

    def __init__(self, *, amount: Decimal, limit: Decimal, currency: str) -> None:
        super().__init__(
            f"These payments come to {money(amount, currency)}, and you may release up to {money(limit, currency)}. "
            "Pay less at once, or ask somebody with a higher limit."
        )


class NotAsSeen(ApprovalRefused):
    """The bill is not what the person looked at when they decided."""

    code = "not_as_seen"

    def __init__(self, bill: str, changed: Mapping[str, Sequence[Any]]) -> None:
        self.changed = changed
        told = "; ".join(
            f"{field.replace('_', ' ')} was {_said(seen)}, is {_said(now)}" for field, (seen, now) in changed.items()
        )
        super().__init__(f"{bill} has changed since you looked at it: {told}. Look again, then approve.")


class LooksLikeDuplicate(ApprovalRefused):
    code = "looks_like_duplicate"

    def __init__(self, bill: str, duplicates: Sequence[Duplicate]) -> None:
        self.duplicates = duplicates
        others = " and ".join(found.words for found in duplicates)
        super().__init__(
            f"{bill} looks like {others}: same vendor, number and amount. If it is to be paid all the same, say why in "
            "duplicate_reason; the reason is kept."
        )


class DuplicateReasonEmpty(InvalidInput):
    code = "duplicate_reason_empty"

    def __init__(self) -> None:
        super().__init__("Say in duplicate_reason why this is no duplicate, or leave it out.")


class ApprovalMissing(ApprovalRefused):
    code = "not_approved"

    def __init__(self, bill: str) -> None:
        super().__init__(f"{bill} is not approved yet. Somebody who may approve bills has to do that first.")


class ApprovalOutdated(ApprovalRefused):
    """It was approved, and then changed where it matters."""

    code = "approval_outdated"

    def __init__(self, bill: str, fields: Sequence[str]) -> None:
        self.fields = fields
        changed = ", ".join(field.replace("_", " ") for field in fields)
        super().__init__(
            f"{bill} was changed in QuickBooks after it was approved ({changed}). It has to be approved again."
        )


class SecondApprovalMissing(ApprovalRefused):
    code = "second_approval_missing"

    def __init__(self, bill: str, *, above: Decimal, currency: str) -> None:
        super().__init__(
            f"{bill} is above {money(above, currency)}, so two different people approve it. One has; another has to."
        )


class PayerIsOnlyApprover(ApprovalRefused):
    code = "payer_is_only_approver"

    def __init__(self, bill: str) -> None:
        super().__init__(
            f"{bill} was approved by nobody but you, who want to pay it. Another person has to approve or pay it."
        )


class SecondPersonMissing(ApprovalRefused):
    code = "second_person_missing"

    def __init__(self, bill: str, *, amount: Decimal, above: Decimal, currency: str) -> None:
        super().__init__(
            f"{money(amount, currency)} at once is above {money(above, currency)}, where two different people have a hand in every "
            f"bill. {bill} has to be approved by another person than the one who pays."
        )


class PolicyContradicts(InvalidInput):
    code = "policy_contradicts"

    def __init__(self, *, needed_from: Decimal, two_people_above: Decimal) -> None:
        super().__init__(
            f"Bills would need two people above {two_people_above:,.2f}, and no approval at all below {needed_from:,.2f}. "
            "Give needed_from at most that amount."
        )


class BillsMissing(ApprovalRefused):
    code = "bill_not_found"

    def __init__(self, bill_ids: Sequence[UUID]) -> None:
        self.bill_ids = bill_ids
        super().__init__(f"There is no bill {', '.join(map(str, bill_ids))}.")


def _said(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return "none" if value is None else str(value)
