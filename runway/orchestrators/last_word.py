"""The last word before QuickBooks is told: joins approvals, the accounts that money leaves or reaches, and the closing date.

It is asked in the transaction that begins to send, of the books as they were just read. QuickBooks would refuse most of it too, but by
an answer that it gives for much else, so that nobody could tell at once whether something was recorded.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.mirrors import BILLS_FROM_QBO
from domains.ap.pay_bills import PAY_BILLS_OPERATION, PayBills
from domains.ap.paying_rights import PayingRights
from domains.ap.payment_errors import AccountUnusable, BooksClosed
from domains.ar.collection_errors import DepositAccountUnusable, ReceiptInClosedBooks
from domains.ar.receive_payment import RECEIVE_PAYMENT_OPERATION, ReceivePayment
from domains.cash.models import Account
from domains.cash.queries import find_account
from domains.core import queries as core_queries
from domains.core.errors import BusinessNotFound
from infra.actions.models import ActionIntent
from infra.actions.spec import Objection, Refuse, Wait
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.errors import OodalooError
from runway.orchestrators.approval_watch import ApprovalWatch
from runway.orchestrators.collecting import usable_account
from runway.orchestrators.paying_bills import closed_through, paying_account

_WAITS: Final = "{why} Nothing was sent: once that is done, execute this, or cancel it."


@dataclass(frozen=True)
class LastWord:
    """`uow` is of the books."""

    uow: UnitOfWorkFactory
    clock: Clock

    async def say(self, uow: UnitOfWork, row: ActionIntent) -> Objection | None:
        """Refuse what the books forbid; let wait what people have to allow again."""
        if row.operation == RECEIVE_PAYMENT_OPERATION:
            return _refused(await self._of_receipt(uow.session, row))
        if row.operation != PAY_BILLS_OPERATION:
            return None
        home = await self._home(uow.session, row)
        if refusal := await self._of_payment(uow.session, row, home=home):
            return _refused(refusal)
        why = await PayingRights(row.business_id, home_currency=home).refusal(uow.session, row)
        return None if why is None else Wait(_WAITS.format(why=why))

    async def stopped(self, row: ActionIntent) -> None:
        """What was read for it may have ended approvals: that is written down and told, as after a sync."""
        if row.operation == PAY_BILLS_OPERATION:
            await ApprovalWatch(self.uow, self.clock).look(row.business_id, {BILLS_FROM_QBO.entity})

    async def _of_payment(self, session: AsyncSession, row: ActionIntent, *, home: str) -> OodalooError | None:
        meant = PayBills.of(row.meaning)
        closed_on = await closed_through(session, row.business_id)
        if closed_on is not None and meant.paid_on <= closed_on:
            return BooksClosed(on=meant.paid_on, closed_on=closed_on)
        account = await find_account(session, row.business_id, meant.account)
        return unfit_to_pay(account, meant, home_currency=home)

    async def _of_receipt(self, session: AsyncSession, row: ActionIntent) -> OodalooError | None:
        meant = ReceivePayment.of(row.meaning)
        closed_on = await closed_through(session, row.business_id)
        if closed_on is not None and meant.received_on <= closed_on:
            return ReceiptInClosedBooks(on=meant.received_on, closed_on=closed_on)
        if meant.deposit_to is None:
            return None
        account = await find_account(session, row.business_id, meant.deposit_to)
        return unfit_to_receive(account, meant, home_currency=await self._home(session, row))

    async def _home(self, session: AsyncSession, row: ActionIntent) -> str:
        business = await core_queries.find_business(session, row.business_id)
        if business is None:
            raise BusinessNotFound(row.business_id)
        return business.home_currency


def unfit_to_pay(account: Account | None, meant: PayBills, *, home_currency: str) -> AccountUnusable | None:
    """Why the account that was chosen cannot pay now; None when it can."""
    if account is None:
        return AccountUnusable(f"Account {meant.account}", "it is no longer in QuickBooks")
    try:
        pays = paying_account(account, home_currency)
    except AccountUnusable as error:
        return error
    currency = meant.currency or home_currency
    if pays.currency not in {currency, home_currency}:
        return AccountUnusable(pays.name, f"it is in {pays.currency}, and the bill in {currency}")
    if pays.pay_type is not meant.pay_type:
        why = f"it has become one of type {account.account_type} since this was asked for, so start again"
        return AccountUnusable(pays.name, why)
    return None


def unfit_to_receive(
    account: Account | None, meant: ReceivePayment, *, home_currency: str
) -> DepositAccountUnusable | None:
    """Why the account that was chosen cannot take the customer's payment now; None when it can."""
    try:
        usable = usable_account(account, str(meant.deposit_to))
    except DepositAccountUnusable as error:
        return error
    currency, kept = meant.currency or home_currency, usable.currency or home_currency
    if kept in {currency, home_currency}:
        return None
    return DepositAccountUnusable(usable.name, f"it is in {kept}, and the invoice in {currency}")


def _refused(error: OodalooError | None) -> Refuse | None:
    return None if error is None else Refuse(getattr(error, "code", "refused"), str(error))
