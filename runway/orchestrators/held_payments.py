"""Payments of ours that wait, and whose bills lost their approval meanwhile: they are held until a person releases them again."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import Standing
from domains.ap.deciding import Deciding
from domains.ap.mirrors import BILLS_FROM_QBO
from domains.ap.pay_bills import PAY_BILLS
from domains.ap.payment_errors import BillBeingPaid
from infra.actions import reviewing
from infra.actions.accept import BY_PERSON
from infra.actions.models import ActionIntent, ActionLine
from infra.actions.states import CANCELLABLE, SETTLED, ActionState
from infra.db.unit_of_work import UnitOfWork

_OVER = [state.value for state in SETTLED]
_WITHDRAWN = "The approval of {bill} was withdrawn after this was asked for. Approve the bill again, then execute this, or cancel it."


@dataclass(frozen=True)
class HeldPayments:
    """`too_late` are on their way to the rail: nothing holds them any more."""

    held: Collection[UUID]
    too_late: Collection[UUID]


async def withdraw(uow: UnitOfWork, approvals: ApprovalService, bill_id: UUID, *, deciding: Deciding) -> Standing:
    """Withdraw a bill's approvals, and hold a payment of it that has not left yet.

    Raises:
        BillNotFound, BillDeleted, NothingOpen: as `ApprovalService.unapprove`.
        BillBeingPaid: its payment is on its way to the rail.
    """
    standing = await approvals.unapprove(uow.session, bill_id, deciding)
    found = await hold_payments_of(uow, standing, why=_WITHDRAWN.format(bill=standing.bill.words), deciding=deciding)
    for intent_id in found.too_late:
        raise BillBeingPaid(standing.bill.words, intent_id=intent_id)
    return standing


async def hold_payments_of(uow: UnitOfWork, standing: Standing, *, why: str, deciding: Deciding) -> HeldPayments:
    """Let a payment of this bill wait for a person, if there is one; who releases it is asked for approvals anew."""
    business_id = deciding.business_id
    rows = await uow.session.execute(
        select(ActionIntent.id, ActionIntent.state, ActionIntent.hold)
        .join(
            ActionLine,
            (ActionLine.business_id == ActionIntent.business_id) & (ActionLine.intent_id == ActionIntent.id),
        )
        .where(
            ActionLine.business_id == business_id,
            ActionLine.target_kind == BILLS_FROM_QBO.entity,
            ActionLine.target_external_id == standing.bill.external_id,
            ActionLine.is_open,
            ActionIntent.operation == PAY_BILLS.operation,
            ActionIntent.state.not_in(_OVER),
        )
        .with_for_update(of=ActionIntent)
    )
    held, too_late = [], []
    who = {"actor": deciding.by.actor, "request_id": deciding.request_id}
    for intent_id, state, hold in rows.all():
        if state not in CANCELLABLE:
            too_late.append(intent_id)
            continue
        if state == ActionState.BLOCKED and hold != BY_PERSON:
            # It would go on by itself once the rail lets us in again.
            await reviewing.release(uow, business_id, intent_id, **who)
        if state != ActionState.BLOCKED or hold != BY_PERSON:
            await reviewing.hold(uow, business_id, intent_id, why=why, **who)
        held.append(intent_id)
    return HeldPayments(held, too_late)
