"""Looks at approvals after a sync: what a material edit has reopened, and payments made past them. Its looking is tables; it asks no rail."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import approval_queries, bypass_queries
from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import ApprovalPolicy, Signatory, Standing
from domains.ap.bypass_queries import Bypassing
from domains.ap.deciding import Deciding
from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDORS_FROM_QBO
from domains.core import notices
from domains.core import queries as core_queries
from domains.core.errors import BusinessNotFound
from domains.core.ledger import LEDGER
from domains.core.notices import Matter, NoticeKind, Severity
from infra.actions.states import CANCELLABLE
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.ids import new_id
from infra.logging import get_logger
from runway.orchestrators.held_payments import hold_payment, lock_payments
from runway.orchestrators.watch import NOTICE_MAIL_JOB

_ACTOR: Final = "system:approvals"
_BILLS, _PAYMENTS, _VENDORS = BILLS_FROM_QBO.entity, BILL_PAYMENTS_FROM_QBO.entity, VENDORS_FROM_QBO.entity

_CHANGED: Final = (
    "{bill} was changed in QuickBooks after it was approved. Approve it again, then execute this, or cancel it."
)

log = get_logger()


@dataclass(frozen=True)
class ApprovalWatch:
    """`uow` is of the books."""

    uow: UnitOfWorkFactory
    clock: Clock

    async def look(self, business_id: UUID, entities: AbstractSet[str]) -> None:
        """After a sync that changed `entities`. Nothing hangs on it but the telling: an approval of other figures counts for nothing anyway."""
        if not entities & {_BILLS, _PAYMENTS, _VENDORS}:
            return
        try:
            await self._look(business_id, entities)
        except DBAPIError:
            # A lock, a time-out: the books are in step all the same, and who waits for them waits no longer. The next look finds it.
            log.exception("approvals.look.failed", business_id=str(business_id))

    async def _look(self, business_id: UUID, entities: AbstractSet[str]) -> None:
        async with self.uow([business_id]) as uow:
            business = await core_queries.find_business(uow.session, business_id)
            if business is None:
                raise BusinessNotFound(business_id)
            approvals = ApprovalService(business_id, home_currency=business.home_currency)
            policy = await approvals.get_policy(uow.session)
            if entities & {_BILLS, _VENDORS}:
                await self._reopen(uow, approvals, policy=policy, any_version=_VENDORS in entities)
            since = await self._asked_since(uow.session, business_id, policy)
            if entities & {_BILLS, _PAYMENTS} and since is not None:
                found = await bypass_queries.list_bypassing(
                    uow.session,
                    business_id,
                    policy=policy,
                    home_currency=business.home_currency,
                    since=since,
                    now=self.clock.now(),
                )
                for payment in found:
                    await self._tell(uow, business_id, _bypass(payment, is_asked_for=policy.version > 0))

    async def _reopen(
        self, uow: UnitOfWork, approvals: ApprovalService, *, policy: ApprovalPolicy, any_version: bool
    ) -> None:
        session, business_id = uow.session, approvals.business_id
        asked = await approval_queries.list_approved_to_look_at(session, business_id, any_version=any_version)
        doubtful = sorted(bill_id for bill_id, one in (await approvals.standing(session, asked)).items() if one.changed)
        if not doubtful:
            return
        payments = await lock_payments(uow, business_id, doubtful)
        for bill_id in doubtful:
            await approval_queries.hold_approvals(session, business_id, bill_id)
        # What another look has reopened meanwhile is none of these any more.
        still = await approval_queries.list_approved_to_look_at(session, business_id, any_version=any_version)
        deciding = Deciding(business_id, Signatory(_ACTOR, None), request_id=str(new_id()))
        held: set[UUID] = set()
        for standing in (await approvals.standing(session, set(still) & set(doubtful))).values():
            if standing.changed:
                waiting = [
                    payment
                    for payment in payments
                    if payment.bill_id == standing.bill.id and payment.state in CANCELLABLE
                ]
                await approvals.reopen(session, standing, policy=policy, deciding=deciding)
                for payment in waiting:
                    if payment.intent_id in held:  # another of its bills was changed too
                        continue
                    held.add(payment.intent_id)
                    why = _CHANGED.format(bill=standing.bill.words)
                    await hold_payment(uow, payment, why=why, deciding=deciding)
                await self._tell(uow, business_id, _reopened(standing, is_held=bool(waiting)))

    async def _asked_since(self, session: AsyncSession, business_id: UUID, policy: ApprovalPolicy) -> datetime | None:
        """What was recorded before anybody could approve here is not held against it; None without a connection."""
        connection = await core_queries.find_connection(session, business_id, rail=LEDGER)
        if connection is None:
            return None
        return max(connection.connected_at, policy.first_set_at or connection.connected_at)

    async def _tell(self, uow: UnitOfWork, business_id: UUID, matter: Matter) -> None:
        raised = await notices.raise_notice(uow.session, business_id, matter, now=self.clock.now())
        if raised.is_new:
            log.warning("notice.raised", kind=matter.kind, subject=matter.subject, business_id=str(business_id))
            if matter.severity is Severity.ALARM:
                uow.enqueue(NOTICE_MAIL_JOB, str(business_id), str(raised.notice_id), queue="interactive")


def _reopened(standing: Standing, *, is_held: bool) -> Matter:
    bill = standing.bill
    told = "; ".join(
        f"{field.replace('_', ' ')} from {_said(then)} to {_said(now)}"
        for field, (then, now) in standing.changed.items()
    )
    return Matter(
        NoticeKind.APPROVAL_REOPENED,
        str(bill.id),
        Severity.WARNING,
        f"{bill.words} has to be approved again",
        f"It was changed in QuickBooks after it was approved: {told}. Its approval counts no more."
        f"{' Its payment waits: approve the bill again, then execute it.' if is_held else ''}",
        {"bill_id": str(bill.id), "external_id": bill.external_id, "changed": sorted(standing.changed)},
    )


def _bypass(payment: Bypassing, *, is_asked_for: bool) -> Matter:
    """Where nobody has set what is to be approved it is told, and nobody is written to."""
    bills = ", ".join(standing.bill.words for standing in payment.bills)
    amount = f"{payment.total:,.2f} {payment.currency}"
    return Matter(
        NoticeKind.BYPASS,
        str(payment.payment_id),
        Severity.ALARM if is_asked_for else Severity.WARNING,
        f"Paid without approval: {payment.vendor}, {amount}",
        f"A payment of {amount} to {payment.vendor} on {payment.paid_on.isoformat()} was recorded in QuickBooks itself "
        f"(payment {payment.external_id}), for what was not approved here: {bills}. QuickBooks does not say by whom.",
        {
            "payment_id": str(payment.payment_id),
            "external_id": payment.external_id,
            "bills": [str(standing.bill.id) for standing in payment.bills],
        },
    )


def _said(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return "none" if value is None else str(value)
