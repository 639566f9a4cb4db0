"""Getting paid: joins invoices, the accounts that money goes to, the closing date and the action engine. No rail is asked."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.collection_errors import DepositAccountUnusable
from domains.ar.collections_service import CollectionsService, Received, Through
from domains.ar.receive_payment import RECEIVE_PAYMENT_OPERATION
from domains.cash.models import Account, AccountType
from domains.cash.queries import find_account
from domains.core.asking import Asking, find_asked
from domains.core.models import Business
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.orchestrators.paying_bills import closed_through

_TAKES_MONEY = frozenset({AccountType.BANK.value, AccountType.OTHER_CURRENT_ASSET.value})


@dataclass(frozen=True)
class Collecting:
    business: Business
    uow: UnitOfWorkFactory
    collections: CollectionsService
    today: date

    async def send_reminder(
        self, invoice_id: UUID, *, through: Through, to: str | None, asking: Asking
    ) -> ActionIntent:
        """Ask for one reminder.

        Raises:
            OodalooError: as `CollectionsService.send_reminder`.
        """
        async with self.uow([self.business.id]) as uow:
            return await self.collections.send_reminder(uow, invoice_id, through=through, to=to, asking=asking)

    async def record_payment(self, invoice_id: UUID, received: Received, *, asking: Asking) -> ActionIntent:
        """Ask for a customer's payment to be recorded; `received.deposit_to` may be our id of the account.

        Raises:
            DepositAccountUnusable: no money goes there.
            OodalooError: as `CollectionsService.record_payment`.
        """
        async with self.uow([self.business.id]) as uow:
            known = await find_asked(uow.session, self.business.id, RECEIVE_PAYMENT_OPERATION, asking)
            if known is not None:  # whatever has become of the account since
                return known
            return await self.collections.record_payment(
                uow,
                invoice_id,
                await self._deposited(uow.session, received),
                today=self.today,
                closed_on=await closed_through(uow.session, self.business.id),
                asking=asking,
            )

    async def _deposited(self, session: AsyncSession, received: Received) -> Received:
        """With the rail's id of where it goes, and the currency there."""
        if received.deposit_to is None:
            return received
        found = await find_account(session, self.business.id, received.deposit_to)
        account = usable_account(found, received.deposit_to)
        currency = account.currency or self.business.home_currency
        return replace(received, deposit_to=account.external_id, deposit_currency=currency)


def usable_account(account: Account | None, account_id: str) -> Account:
    """Where a customer's money can go.

    Raises:
        DepositAccountUnusable: there is none of this id, it is of another kind, or it is not in use.
    """
    if account is None:
        raise DepositAccountUnusable(f"Account {account_id}", "there is no such account")
    if account.account_type not in _TAKES_MONEY:
        raise DepositAccountUnusable(account.name, f"it is of type {account.account_type}")
    if not account.is_active:
        raise DepositAccountUnusable(account.name, "it is inactive in QuickBooks")
    return account
