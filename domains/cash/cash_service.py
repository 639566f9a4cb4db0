from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.cash import queries
from domains.cash.mirrors import (
    ACCOUNTS_FROM_QBO,
    DEPOSITS_FROM_QBO,
    JOURNAL_ENTRIES_FROM_QBO,
    PURCHASES_FROM_QBO,
    TRANSFERS_FROM_QBO,
)
from domains.cash.models import Account, AccountType, BankTransfer, Deposit, JournalEntry, Purchase
from domains.cash.queries import ChosenAccount
from domains.core.movements import CashAccount, CashMovement
from domains.core.paging import MAX_PAGE, Page
from domains.core.rates import HomeRate, list_newest
from infra.db.tenancy import TenantAwareService
from infra.money import ZERO
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed

_DATED = (
    (Purchase, Purchase.spent_on),
    (Deposit, Deposit.deposited_on),
    (BankTransfer, BankTransfer.transferred_on),
    (JournalEntry, JournalEntry.entered_on),
)
_MOVING = (ACCOUNTS_FROM_QBO, PURCHASES_FROM_QBO, DEPOSITS_FROM_QBO, TRANSFERS_FROM_QBO, JOURNAL_ENTRIES_FROM_QBO)


class CashService(TenantAwareService):
    """The accounts that hold money, and what moves between them outside bills and invoices."""

    def __init__(self, business_id: UUID, qbo: QBOSyncService) -> None:
        super().__init__(business_id)
        self._qbo = qbo

    async def list_accounts(
        self,
        *,
        account_type: AccountType | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int = 50,
        freshness: FreshnessNeed = ON_DEMAND,
    ) -> Fetched[Page[Account]]:
        """One page of the chart by name.

        Raises:
            UnreadableCursor: `after` is none of our cursors.
        """

        async def page(session: AsyncSession) -> Page[Account]:
            return await queries.page_of_accounts(
                session,
                self.business_id,
                account_type=account_type.value if account_type else None,
                search=search,
                after=after,
                limit=max(1, min(limit, MAX_PAGE)),
            )

        return await self._qbo.fetch([ACCOUNTS_FROM_QBO], page, freshness=freshness)

    async def list_choices(
        self, account_types: Sequence[AccountType], *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[ChosenAccount]]:
        """The active accounts of these types: those of the first by name, then those of the next."""
        read = queries.choices_of(self.business_id, account_types)
        fetched = await self._qbo.select([ACCOUNTS_FROM_QBO], read, freshness=freshness)
        order = [one.value for one in account_types]
        return Fetched(sorted(fetched.value, key=lambda one: order.index(one.account_type)), fetched.freshness)

    async def get_cash_accounts(
        self, *, home_currency: str = "USD", freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[CashAccount]]:
        """The whole chart as the runway sees it, inactive accounts included: any of them may be a counter account.

        An account without a currency of its own is in `home_currency`; one without a balance (income, expense) has zero.
        """

        async def accounts(session: AsyncSession) -> list[CashAccount]:
            rows = await queries.list_accounts(session, self.business_id)
            return [_cash_account(row, home_currency) for row in rows]

        return await self._qbo.fetch([ACCOUNTS_FROM_QBO], accounts, freshness=freshness)

    async def list_movements(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[CashMovement]]:
        """Purchases, deposits, transfers and journal entries dated from `since` to `until`, both inside."""

        async def movements(session: AsyncSession) -> list[CashMovement]:
            return await queries.list_movements(session, self.business_id, since=since, until=until)

        return await self._qbo.fetch(_MOVING, movements, freshness=freshness)

    async def list_rates(
        self, since: date, until: date, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[list[HomeRate]]:
        """What purchases, deposits, transfers and journal entries of those days, both inside, tell of other currencies."""

        async def rows(session: AsyncSession) -> list[HomeRate]:
            return await list_newest(session, self.business_id, _DATED, since=since, until=until)

        return await self._qbo.fetch(_MOVING, rows, freshness=freshness)


def _cash_account(account: Account, home_currency: str) -> CashAccount:
    return CashAccount(
        account_id=account.external_id,
        name=account.name,
        account_type=account.account_type,
        account_subtype=account.account_subtype,
        balance=ZERO if account.current_balance is None else account.current_balance,
        is_active=account.is_active,
        currency=account.currency or home_currency,
    )
