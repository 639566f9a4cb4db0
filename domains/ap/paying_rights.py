"""Whether a payment that was asked for may still go out, by the approvals and the policy as they are now. No rail is asked."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import payable_queries as queries
from domains.ap.approval_queries import find_policy, list_standings
from domains.ap.approvals import ApprovalPolicy, Signatory, Standing
from domains.ap.pay_bills import PayBills
from domains.ap.releases import FOR_A_SECOND, PAYER, refusal_to_pay
from infra.actions import listing
from infra.actions.models import ActionIntent
from infra.db.tenancy import TenantAwareService
from infra.errors import OodalooError


class PayingRights(TenantAwareService):
    def __init__(self, business_id: UUID, *, home_currency: str) -> None:
        super().__init__(business_id)
        self._home = home_currency

    async def refusal(self, session: AsyncSession, payment: ActionIntent) -> OodalooError | None:
        """Why it has to wait, None when it may go. What was allowed to whoever asked is asked anew of whoever let it go last.

        Limits are left out: they were held against the same amounts.
        """
        meant = PayBills.of(payment.meaning)
        ids = await queries.ids_of_bills(session, self.business_id, {line.bill for line in meant.bills})
        policy = await find_policy(session, self.business_id)
        standings = await list_standings(
            session, self.business_id, ids.values(), policy=policy, home_currency=self._home
        )
        lines = [(standings[ids[line.bill]], line.amount) for line in meant.bills if line.bill in ids]
        refusal = self._refusal(lines, policy, payer=_asker(payment))
        if isinstance(refusal, FOR_A_SECOND):
            released = await listing.find_last_release(session, payment)
            if released is not None:
                refusal = self._refusal(lines, policy, payer=_person(released.actor, released.changes.get(PAYER)))
        return refusal

    def _refusal(
        self, lines: Sequence[tuple[Standing, Decimal]], policy: ApprovalPolicy, *, payer: Signatory
    ) -> OodalooError | None:
        return refusal_to_pay(lines, policy=policy, payer=payer, limit=None, home_currency=self._home)


def _asker(payment: ActionIntent) -> Signatory:
    if PAYER in payment.facts:
        return _person(payment.created_by, payment.facts[PAYER])
    kind, _, named = payment.created_by.partition(":")  # asked for before it was kept
    return _person(payment.created_by, named if kind == "user" else None)


def _person(actor: str, user_id: str | None) -> Signatory:
    return Signatory(actor, None if user_id is None else UUID(user_id))
