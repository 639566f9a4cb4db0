from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import approval_policies
from domains.ap import approval_queries as queries
from domains.ap.approval_errors import (
    AboveApprovalLimit,
    BillDeleted,
    BillsMissing,
    DuplicateReasonEmpty,
    LooksLikeDuplicate,
    NotAsSeen,
    NothingOpen,
    RateUnknown,
)
from domains.ap.approval_policies import NewPolicy
from domains.ap.approval_records import record
from domains.ap.approvals import ApprovalPolicy, Decision, Signatory, Standing, with_approvals
from domains.ap.deciding import Approved, Deciding, Seen, refuse_other_than_seen, told_of
from domains.ap.duplicates import Duplicate, Strength, find_duplicates
from domains.ap.errors import BillNotFound
from domains.ap.releases import refusal_to_pay
from domains.core.lookalikes import FindLookalikes, Lookalike, LookalikeSearch
from infra.db.reads import read_in
from infra.db.tenancy import TenantAwareService
from infra.errors import OodalooError
from infra.money import ZERO


async def _nothing_spent(_session: AsyncSession, _search: LookalikeSearch) -> list[Lookalike]:
    return []


class ApprovalService(TenantAwareService):
    """Who approved which bills of a business, and whether they may be paid. Reads the mirror alone and asks no rail.

    Each verb writes in the caller's transaction, and its line in the bill's log with it. `spent` finds what was paid on the spot.
    """

    def __init__(self, business_id: UUID, *, home_currency: str, spent: FindLookalikes = _nothing_spent) -> None:
        super().__init__(business_id)
        self._home_currency = home_currency
        self._spent = spent

    async def approve(
        self,
        session: AsyncSession,
        bill_id: UUID,
        deciding: Deciding,
        *,
        seen: Seen | None = None,
        duplicate_reason: str | None = None,
    ) -> Approved:
        """Say yes to the bill as it is. Twice by the same person is once.

        Raises:
            BillNotFound, BillDeleted, NothingOpen: there is nothing to approve.
            NotAsSeen: it is not what the person looked at.
            RateUnknown, AboveApprovalLimit: it is not theirs to approve.
            DuplicateReasonEmpty, LooksLikeDuplicate: of a strong match nobody said yet why it is none.
        """
        if duplicate_reason is not None and not duplicate_reason.strip():
            raise DuplicateReasonEmpty
        await queries.hold_approvals(session, self.business_id, bill_id)
        policy, standing = await self._one(session, bill_id)
        self._refuse_what_is_over(standing)
        refuse_other_than_seen(standing, seen)
        if standing.is_by(deciding.by):
            return Approved(standing)
        self._refuse_above_limit(standing, deciding.limit)
        duplicates = await self.list_duplicates(session, standing)
        strong = [found for found in duplicates if found.strength is Strength.STRONG]
        if strong and duplicate_reason is None:
            raise LooksLikeDuplicate(standing.bill.words, strong)
        told = {"duplicates": [told_of(found) for found in duplicates], "duplicate_reason": duplicate_reason}
        fact = await record(session, Decision.APPROVED, standing, deciding, policy=policy, told=told)
        if fact.version == standing.bill.version + 1:
            return Approved(with_approvals(standing, [*standing.approvals, fact], policy=policy), duplicates)
        _, standing = await self._one(session, bill_id)  # a sync came between
        if not standing.is_by(deciding.by):
            raise NotAsSeen(standing.bill.words, standing.changed)
        return Approved(standing, duplicates)

    async def unapprove(self, session: AsyncSession, bill_id: UUID, deciding: Deciding) -> Standing:
        """Withdraw every approval that the bill has; without one nothing is changed.

        Raises:
            BillNotFound, BillDeleted, NothingOpen: it is too late.
        """
        await queries.hold_approvals(session, self.business_id, bill_id)
        policy, standing = await self._one(session, bill_id)
        self._refuse_what_is_over(standing)
        if await queries.find_last_decision(session, self.business_id, bill_id) is not Decision.APPROVED:
            return standing
        ended = {"withdrawn": [{"by": one.actor, "at": one.recorded_at} for one in standing.approvals]}
        await record(session, Decision.UNAPPROVED, standing, deciding, policy=policy, told=ended)
        return with_approvals(standing, (), policy=policy)

    async def standing(
        self, session: AsyncSession, bill_ids: Collection[UUID], *, with_material: bool = False
    ) -> dict[UUID, Standing]:
        """How the bills stand, in two round trips; what is not there is left out."""
        reads = queries.read_policy(self.business_id), *queries.read_standings(self.business_id, bill_ids)
        policy, figures, approvals = await read_in(session, *reads)
        return await queries.standings_of(
            session,
            self.business_id,
            figures,
            approvals,
            policy=queries.policy_of(policy),
            home_currency=self._home_currency,
            with_material=with_material,
        )

    async def may_be_paid(
        self, session: AsyncSession, amounts: Mapping[UUID, Decimal], *, payer: Signatory, limit: Decimal | None
    ) -> OodalooError | None:
        """Why these bills may not be paid together, or None: to be asked when a payment is asked for, and again just before it is sent.

        Args:
            session: sees the business.
            amounts: what is to come off each bill, in the bill's currency.
            payer: who asks for the payment.
            limit: the payer's approval limit, in home currency; None is none.
        """
        policy = await queries.find_policy(session, self.business_id)
        standings = await queries.list_standings(
            session, self.business_id, amounts.keys(), policy=policy, home_currency=self._home_currency
        )
        if missing := [bill_id for bill_id in amounts if bill_id not in standings]:
            return BillsMissing(missing)
        lines = [(standings[bill_id], amount) for bill_id, amount in amounts.items()]
        return refusal_to_pay(lines, policy=policy, payer=payer, limit=limit, home_currency=self._home_currency)

    async def list_duplicates(self, session: AsyncSession, standing: Standing) -> list[Duplicate]:
        """What the bill looks like, the strongest first."""
        bill = standing.bill
        search = await queries.search_for(session, self.business_id, bill, home_currency=self._home_currency)
        others = [*await queries.list_lookalikes(session, search), *await self._spent(session, search)]
        return find_duplicates(queries.lookalike_of(bill, home_currency=self._home_currency), others)

    async def get_policy(self, session: AsyncSession) -> ApprovalPolicy:
        return await queries.find_policy(session, self.business_id)

    async def set_policy(
        self, session: AsyncSession, wanted: NewPolicy, *, deciding: Deciding, now: datetime
    ) -> ApprovalPolicy:
        """What counts from now on, for bills that are approved already too. The same again changes nothing.

        Raises:
            PolicyContradicts: an amount would need two people, and no approval.
        """
        await queries.hold_approvals(session, self.business_id)
        return await approval_policies.set_policy(session, self.business_id, wanted, deciding=deciding, now=now)

    async def reopen(
        self, session: AsyncSession, standing: Standing, *, policy: ApprovalPolicy, deciding: Deciding
    ) -> None:
        """Write down that a material edit ended the bill's approvals: it counts none of them already."""
        changes = {name: list(pair) for name, pair in standing.changed.items()}
        await record(session, Decision.REOPENED, standing, deciding, policy=policy, told={"changed": changes})

    async def _one(self, session: AsyncSession, bill_id: UUID) -> tuple[ApprovalPolicy, Standing]:
        policies, figures, approvals = await read_in(
            session, queries.read_policy(self.business_id), *queries.read_standings(self.business_id, [bill_id])
        )
        policy = queries.policy_of(policies)
        found = await queries.standings_of(
            session,
            self.business_id,
            figures,
            approvals,
            policy=policy,
            home_currency=self._home_currency,
            with_material=True,
        )
        if bill_id not in found:
            raise BillNotFound(bill_id)
        return policy, found[bill_id]

    def _refuse_what_is_over(self, standing: Standing) -> None:
        if standing.bill.deleted_at is not None:
            raise BillDeleted(standing.bill.words)
        if standing.bill.balance == ZERO:
            raise NothingOpen(standing.bill.words)

    def _refuse_above_limit(self, standing: Standing, limit: Decimal | None) -> None:
        bill, home = standing.bill, standing.home_amount
        if home is None:
            raise RateUnknown(bill.words, currency=bill.currency or "", home_currency=self._home_currency)
        if limit is not None and home > limit:
            raise AboveApprovalLimit(bill.words, amount=home, limit=limit, currency=self._home_currency)
