"""Accounts to choose from in forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domains.cash.models import AccountType
from infra.sync.freshness import AS_IT_STANDS
from runway.web.clients import Client


@dataclass(frozen=True)
class AccountChoice:
    """`balance` as QuickBooks has it: of a card what is owed."""

    id: str
    name: str
    balance: Decimal | None
    currency: str
    is_card: bool


async def paying_accounts(client: Client) -> Sequence[AccountChoice]:
    """Bank accounts, then cards."""
    return await _choices(client, AccountType.BANK, AccountType.CREDIT_CARD)


async def deposit_accounts(client: Client) -> Sequence[AccountChoice]:
    return await _choices(client, AccountType.BANK)


async def _choices(client: Client, *kinds: AccountType) -> Sequence[AccountChoice]:
    found = await client.services.cash.list_choices(kinds, freshness=AS_IT_STANDS)
    return [
        AccountChoice(
            id=str(one.id),
            name=one.name,
            balance=one.balance,
            currency=one.currency or client.home_currency,
            is_card=one.account_type == AccountType.CREDIT_CARD.value,
        )
        for one in found.value
    ]
