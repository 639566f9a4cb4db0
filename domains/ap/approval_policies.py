"""What a business asks for before its bills are paid, set anew."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import approval_queries as queries
from domains.ap.approval_errors import PolicyContradicts
from domains.ap.approval_models import ApprovalPolicyRow
from domains.ap.approvals import ApprovalPolicy
from domains.ap.deciding import Deciding
from infra.money import ZERO


@dataclass(frozen=True)
class NewPolicy:
    needed_from: Decimal = ZERO
    two_people_above: Decimal | None = None
    payer_may_be_only_approver: bool = True


async def set_policy(
    session: AsyncSession, business_id: UUID, wanted: NewPolicy, *, deciding: Deciding, now: datetime
) -> ApprovalPolicy:
    """The next version, by whoever holds the business's approvals; the one that counts already makes none.

    Raises:
        PolicyContradicts: an amount would need two people, and no approval.
    """
    above = wanted.two_people_above
    if above is not None and wanted.needed_from > above:
        raise PolicyContradicts(needed_from=wanted.needed_from, two_people_above=above)
    held = await queries.find_policy(session, business_id)
    if held.version and NewPolicy(held.needed_from, held.two_people_above, held.payer_may_be_only_approver) == wanted:
        return held
    session.add(
        ApprovalPolicyRow(
            business_id=business_id,
            version=held.version + 1,
            needed_from=wanted.needed_from,
            two_people_above=above,
            payer_may_be_only_approver=wanted.payer_may_be_only_approver,
            actor=deciding.by.actor,
            request_id=deciding.request_id,
            set_at=now,
        )
    )
    await session.flush()  # read again here
    return await queries.find_policy(session, business_id)
