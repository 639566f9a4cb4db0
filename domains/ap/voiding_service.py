"""Taking recorded payments back, in the caller's transaction. No rail is asked."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import payable_queries as queries
from domains.ap.actions import PAY_BILLS, VOID_PAYMENT, VoidPayment
from domains.ap.payer import Payer
from domains.ap.payment_errors import AboveLimit, BillBeingPaid, NothingToVoid, PaymentNotFound
from domains.ap.payment_states import end_of
from domains.core.asking import Asking, find_asked
from domains.core.ledger import in_home_currency
from infra.actions.engine import ActionEngine
from infra.actions.errors import IntentNotFound, TargetTaken
from infra.actions.identity import IdentityGraph
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest
from infra.actions.states import ActionState
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork


class VoidingService(TenantAwareService):
    def __init__(self, business_id: UUID, *, home_currency: str, engine: ActionEngine) -> None:
        super().__init__(business_id)
        self._home = home_currency
        self._engine = engine

    async def void(
        self, uow: UnitOfWork, payment_id: UUID, *, reason: str, payer: Payer, asking: Asking
    ) -> ActionIntent:
        """Take back a recorded payment, ours or one that was entered in the ledger itself; `payment_id` is the action's or the mirror's.

        Raises:
            PaymentNotFound: none of that id.
            NothingToVoid: it is not recorded, or voided already.
            AboveLimit: it is more than they may pay.
            BillBeingPaid: it is being voided already.
        """
        known = await find_asked(uow.session, self.business_id, VOID_PAYMENT.operation, asking)
        if known is not None:
            return known
        recorded = await self._recorded(uow.session, payment_id)
        _refuse_above_limit(recorded, payer, self._home)
        meaning = VoidPayment(
            payment=recorded.external_id,
            total=recorded.total,
            currency=None if recorded.currency in {None, self._home} else recorded.currency,
            bills=recorded.bills,
            reason=reason,
        )
        request = ActionRequest(
            business_id=self.business_id,
            operation=VOID_PAYMENT.operation,
            client_key=asking.key,
            meaning=meaning.as_meaning(),
            actor=asking.actor,
            request_id=asking.request_id,
            facts=asking.facts(total=recorded.total, paid_on=recorded.paid_on, vendor=recorded.vendor_name),
            undo_window=asking.undo_window,
        )
        try:
            return await self._engine.request(uow, request)
        except TargetTaken as error:
            raise BillBeingPaid(f"Payment {recorded.external_id}", intent_id=error.intent_id) from error

    async def _recorded(self, session: AsyncSession, payment_id: UUID) -> queries.RecordedPayment:
        graph = IdentityGraph(session, self.business_id)
        try:
            intent = await graph.get(payment_id)
        except IntentNotFound:
            recorded = await queries.find_recorded(session, self.business_id, payment_id=payment_id)
            if recorded is None:
                raise PaymentNotFound(payment_id) from None
        else:
            if intent.operation != PAY_BILLS.operation or intent.state != ActionState.CONFIRMED.value:
                raise NothingToVoid(end_of(intent))
            recorded = await queries.find_recorded(session, self.business_id, external_id=intent.external_id)
            if recorded is None:
                raise NothingToVoid("QuickBooks has deleted it since.")
        if recorded.is_voided:
            raise NothingToVoid("It is voided already.")
        return recorded


def _refuse_above_limit(recorded: queries.RecordedPayment, payer: Payer, home_currency: str) -> None:
    if payer.limit is None:
        return
    at_home = in_home_currency(recorded.total, recorded.exchange_rate)
    if at_home > payer.limit:
        raise AboveLimit(amount=at_home, limit=payer.limit, currency=home_currency)
