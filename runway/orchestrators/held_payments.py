"""Payments of ours that wait, and whose bills lost their approval meanwhile: they are held until a person releases them again."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import ApprovalStatus, Standing
from domains.ap.deciding import Deciding
from domains.ap.mirrors import BILLS_FROM_QBO
from domains.ap.models import Bill
from domains.ap.pay_bills import PAY_BILLS
from domains.ap.payment_errors import BillBeingPaid
from domains.core.ledger import LEDGER
from infra.actions import reviewing
from infra.actions.accept import BY_PERSON
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.states import CANCELLABLE, SETTLED, ActionState
from infra.db.unit_of_work import UnitOfWork

_OVER = [state.value for state in SETTLED]
_WITHDRAWN = "The approval of {bill} was withdrawn after this was asked for. Approve the bill again, then execute this, or cancel it."


class WaitingPayment(NamedTuple):
    """A payment of ours that is not over, and a bill in it; locked until the transaction ends."""

    bill_id: UUID
    intent_id: UUID
    state: str
    hold: str | None


async def withdraw(uow: UnitOfWork, approvals: ApprovalService, bill_id: UUID, *, deciding: Deciding) -> Standing:
    """Withdraw a bill's approvals, and hold a payment of it that has not left yet.

    Raises:
        BillNotFound, BillDeleted, NothingOpen: as `ApprovalService.unapprove`.
        BillBeingPaid: its payment is on its way to the rail.
    """
    payments = await lock_payments(uow, deciding.business_id, [bill_id])
    standing = await approvals.unapprove(uow.session, bill_id, deciding)
    if standing.status is ApprovalStatus.NOT_NEEDED:
        return standing
    for payment in payments:
        if payment.state not in CANCELLABLE:
            raise BillBeingPaid(standing.bill.words, intent_id=payment.intent_id)
        await hold_payment(uow, payment, why=_WITHDRAWN.format(bill=standing.bill.words), deciding=deciding)
    return standing


async def lock_payments(uow: UnitOfWork, business_id: UUID, bill_ids: Collection[UUID]) -> list[WaitingPayment]:
    """Payments of these bills that are not over. Taken before any lock of approvals or of the mirror: the engine has the same order."""
    rows = await uow.session.execute(
        select(Bill.id, ActionIntent.id, ActionIntent.state, ActionIntent.hold)
        .join(
            ActionLine,
            (ActionLine.business_id == Bill.business_id)
            & (ActionLine.target_kind == BILLS_FROM_QBO.entity)
            & (ActionLine.target_external_id == Bill.external_id)
            & ActionLine.is_open,
        )
        .join(
            ActionIntent,
            (ActionIntent.business_id == ActionLine.business_id) & (ActionIntent.id == ActionLine.intent_id),
        )
        .where(
            Bill.business_id == business_id,
            Bill.rail == LEDGER.value,
            Bill.id.in_(bill_ids),
            ActionIntent.operation == PAY_BILLS.operation,
            ActionIntent.state.not_in(_OVER),
        )
        .order_by(ActionIntent.id)
        .with_for_update(of=ActionIntent)
    )
    return [WaitingPayment(*row) for row in rows]


async def hold_payment(uow: UnitOfWork, payment: WaitingPayment, *, why: str, deciding: Deciding) -> None:
    """Let it wait for a person; whoever releases it is asked for approvals anew."""
    business_id, intent_id = deciding.business_id, payment.intent_id
    actor, request_id = deciding.by.actor, deciding.request_id
    if payment.state == ActionState.BLOCKED:
        if payment.hold == BY_PERSON:
            return
        # It would go on by itself once the rail lets us in again.
        await reviewing.release(uow, business_id, intent_id, actor=actor, request_id=request_id)
    await reviewing.hold(uow, business_id, intent_id, why=why, actor=actor, request_id=request_id)
