"""Letting payments go that are held or scheduled, in the caller's transaction. No rail is asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import payable_queries as queries
from domains.ap.actions import PAY_BILLS, PayBills
from domains.ap.approval_queries import find_policy, list_standings
from domains.ap.approvals import ApprovalPolicy, Standing
from domains.ap.payer import Payer
from domains.ap.payment_errors import NotToBeExecuted, PaymentNotFound
from domains.ap.payment_states import GIVEN_UP, end_of, waits
from domains.ap.releases import PAYER, refusal_to_pay
from infra.actions import listing
from infra.actions.in_bulk import release_many
from infra.actions.models import ActionIntent
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError


@dataclass(frozen=True)
class _Releases:
    """Payments that wait, and what is known of their bills. `amounts`: our id of each bill, None where it is gone, and what comes off."""

    intents: Mapping[UUID, ActionIntent]
    amounts: Mapping[UUID, Sequence[tuple[UUID | None, Decimal]]]
    standings: Mapping[UUID, Standing]
    policy: ApprovalPolicy


class ExecutingService(TenantAwareService):
    def __init__(self, business_id: UUID, *, home_currency: str) -> None:
        super().__init__(business_id)
        self._home = home_currency

    async def execute_many(
        self, uow: UnitOfWork, payment_ids: Collection[UUID], *, payer: Payer, request_id: str
    ) -> dict[UUID, ActionIntent | OodalooError]:
        """Release those that are held, or scheduled for later, each for itself. What is under way or recorded stays as it is.

        Refused are, of each: PaymentNotFound; NotToBeExecuted, when it was cancelled or refused; and what `pay` refuses for want of
        approval or beyond a limit, asked anew of whoever executes it.
        """
        releases = await self._read_releases(uow.session, payment_ids)
        found: dict[UUID, ActionIntent | OodalooError] = {}
        for payment_id in payment_ids:
            intent = releases.intents.get(payment_id)
            refusal = self._refusal_to_release(payment_id, releases, payer)
            if refusal is not None:
                found[payment_id] = refusal
            elif intent is not None and not waits(intent):
                found[payment_id] = intent
        waiting = [payment_id for payment_id in payment_ids if payment_id not in found]
        actor, person = payer.signatory.actor, payer.signatory.user_id
        by = {PAYER: None if person is None else str(person)}
        return found | await release_many(
            uow, self.business_id, waiting, actor=actor, request_id=request_id, details=by
        )

    def _refusal_to_release(self, payment_id: UUID, releases: _Releases, payer: Payer) -> OodalooError | None:
        intent = releases.intents.get(payment_id)
        if intent is None:
            return PaymentNotFound(payment_id)
        if intent.state in GIVEN_UP:
            return NotToBeExecuted(end_of(intent))
        if not waits(intent) or payment_id not in releases.amounts:  # of other actions nothing is asked anew
            return None
        lines = [
            (releases.standings[bill_id], amount)
            for bill_id, amount in releases.amounts[payment_id]
            if bill_id is not None and bill_id in releases.standings
        ]
        return refusal_to_pay(
            lines, policy=releases.policy, payer=payer.signatory, limit=payer.limit, home_currency=self._home
        )

    async def _read_releases(self, session: AsyncSession, payment_ids: Collection[UUID]) -> _Releases:
        """What their release is decided on, in a number of statements that does not grow with them."""
        intents = await listing.get_intents(session, self.business_id, payment_ids)
        meant = {
            intent.id: PayBills.of(intent.meaning)
            for intent in intents.values()
            if intent.operation == PAY_BILLS.operation
        }
        external_ids = {line.bill for payment in meant.values() for line in payment.bills}
        ids = await queries.ids_of_bills(session, self.business_id, external_ids)
        policy = await find_policy(session, self.business_id)
        return _Releases(
            intents=intents,
            amounts={
                payment_id: [(ids.get(line.bill), line.amount) for line in payment.bills]
                for payment_id, payment in meant.items()
            },
            standings=await list_standings(
                session, self.business_id, ids.values(), policy=policy, home_currency=self._home
            ),
            policy=policy,
        )
