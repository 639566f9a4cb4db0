"""Pay bills: joins the accounts that pay, the closing date, approvals and the action engine. No rail is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.executing_service import ExecutingService
from domains.ap.models import PayType
from domains.ap.pay_bills import PAY_BILLS
from domains.ap.payer import Payer
from domains.ap.paying import PayingAccount, WantedBill, WantedCredit, WantedPayment
from domains.ap.paying_service import AT_ONCE, Ledger, PayingService, Terms
from domains.ap.payment_errors import AccountUnusable, DayReversed, DayTooFar
from domains.ap.voiding_service import VoidingService
from domains.cash.models import Account, AccountType
from domains.cash.queries import find_account
from domains.core.asking import Asking, find_asked
from domains.core.models import Business
from domains.core.queries import find_closed_through
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError

_FURTHEST = timedelta(days=366)


@dataclass(frozen=True)
class Wish:
    """One payment as it was asked for. `on`: scheduled for that day, and dated so."""

    bills: Sequence[WantedBill]
    account_id: str
    paid_on: date | None = None
    credits: Sequence[WantedCredit] = ()
    check_number: str | None = None
    is_similar_confirmed: bool = False
    is_held: bool = False
    on: date | None = None


@dataclass(frozen=True)
class PayingBills:
    business: Business
    uow: UnitOfWorkFactory
    paying: PayingService
    executing: ExecutingService
    voiding: VoidingService
    today: date

    async def pay(self, wish: Wish, *, payer: Payer, asking: Asking) -> ActionIntent:
        """Ask for one payment; the same key again is the same payment.

        Raises:
            DayTooFar, DayReversed, AccountUnusable: it makes no sense.
            OodalooError: as `PayingService.pay`.
        """
        async with self.uow([self.business.id]) as uow:
            known = await find_asked(uow.session, self.business.id, PAY_BILLS.operation, asking)
            if known is not None:
                return known
            terms, paid_on = self._terms(wish)
            wanted = WantedPayment(
                wish.bills,
                await self.get_account(uow.session, wish.account_id),
                paid_on,
                credits=wish.credits,
                check_number=wish.check_number,
                is_similar_confirmed=wish.is_similar_confirmed,
            )
            credit_ids = [one.credit_id for one in wish.credits]
            ledger = await self.read_ledger(uow.session, wish.bills, credit_ids=credit_ids, paid_on=paid_on)
            try:
                return await self.paying.pay(uow, wanted, ledger=ledger, payer=payer, asking=asking, terms=terms)
            except OodalooError:
                # The first click of two came between: what stands in the way may be what this very key asked for.
                known = await find_asked(uow.session, self.business.id, PAY_BILLS.operation, asking)
                if known is None:
                    raise
                return known

    async def execute(self, payment_id: UUID, *, payer: Payer, request_id: str) -> ActionIntent:
        """Release one payment that is held or scheduled.

        Raises:
            OodalooError: as `ExecutingService.execute_many` refuses.
        """
        async with self.uow([self.business.id]) as uow:
            outcomes = await self.executing.execute_many(uow, [payment_id], payer=payer, request_id=request_id)
        outcome = outcomes[payment_id]
        if isinstance(outcome, OodalooError):
            raise outcome
        return outcome

    async def void(self, payment_id: UUID, *, reason: str, payer: Payer, asking: Asking) -> ActionIntent:
        """Take back a recorded payment.

        Raises:
            OodalooError: as `VoidingService.void`.
        """
        async with self.uow([self.business.id]) as uow:
            return await self.voiding.void(uow, payment_id, reason=reason, payer=payer, asking=asking)

    async def read_ledger(
        self, session: AsyncSession, bills: Sequence[WantedBill], *, credit_ids: Sequence[UUID] = (), paid_on: date
    ) -> Ledger:
        return await self.paying.read_ledger(
            session,
            [one.bill_id for one in bills],
            credit_ids=credit_ids,
            paid_on=paid_on,
            closed_on=await closed_through(session, self.business.id),
        )

    async def get_account(self, session: AsyncSession, account_id: str) -> PayingAccount:
        """Whose id it is, ours or the rail's.

        Raises:
            AccountUnusable: there is none, or it pays no bills.
        """
        account = await find_account(session, self.business.id, account_id)
        if account is None:
            raise AccountUnusable(f"Account {account_id}", "there is no such account")
        return paying_account(account, self.business.home_currency)

    def _terms(self, wish: Wish) -> tuple[Terms, date]:
        if wish.on is None:
            return (Terms(is_held=True) if wish.is_held else AT_ONCE), wish.paid_on or self.today
        if wish.on <= self.today or wish.paid_on is not None:
            raise DayReversed
        if wish.on - self.today > _FURTHEST:
            raise DayTooFar(_FURTHEST.days)
        begins = datetime.combine(wish.on, time.min, tzinfo=ZoneInfo(self.business.time_zone))
        return Terms(not_before=begins.astimezone(UTC), is_held=wish.is_held), wish.on


async def closed_through(session: AsyncSession, business_id: UUID) -> date | None:
    """The day through which the books are closed; None while they are open."""
    return await find_closed_through(session, business_id)


def paying_account(account: Account, home_currency: str) -> PayingAccount:
    """What pays, of the chart.

    Raises:
        AccountUnusable: it is neither a bank account nor a card, or not in use.
    """
    pays = {AccountType.BANK.value: PayType.CHECK, AccountType.CREDIT_CARD.value: PayType.CREDIT_CARD}
    if account.account_type not in pays:
        why = f"it is of type {account.account_type}, and only bank accounts and credit cards pay"
        raise AccountUnusable(account.name, why)
    if not account.is_active:
        raise AccountUnusable(account.name, "it is inactive in QuickBooks")
    pay_type = pays[account.account_type]
    return PayingAccount(account.external_id, account.name, pay_type, account.currency or home_currency)
