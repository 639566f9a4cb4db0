"""What a business decided about its runway: the floor, which accounts are cash, and which rows count."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from domains.cash.models import Account, AccountType
from domains.cash.settings_models import RunwaySettingsRow
from domains.core.ledger import live
from infra.db.reads import Read, Statement
from infra.errors import InvalidInput

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runway_settings:' || :business_id, 0))")


@dataclass(frozen=True)
class RunwayChoices:
    """As `RunwaySettingsRow` has them; of a business that never chose: the defaults."""

    floor_amount: Decimal | None = None
    floor_days: int | None = None
    counted_accounts: tuple[str, ...] = ()
    uncounted_accounts: tuple[str, ...] = ()
    filing_day: int | None = None
    counts_owner_draws: bool = True
    counts_uninvoiced_sales: bool | None = None
    counts_to_come: bool = True
    bills_by_habit: bool = False


@dataclass(frozen=True)
class RunwaySettings:
    """`version` 0 while nobody has set anything."""

    choices: RunwayChoices
    version: int = 0
    set_at: datetime | None = None
    actor: str | None = None


class TwoFloors(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Give floor_amount or floor_days (days of gross burn), not both.")


class AccountNotCash(InvalidInput):
    """Only a bank account can be operating cash, and each in one list alone."""

    def __init__(self, account: str, why: str) -> None:
        super().__init__(f"Account {account} cannot be switched: {why}.")


_NAMES = tuple(field.name for field in fields(RunwayChoices))


def _chosen(business_id: UUID, *columns: Any) -> tuple[UUID, RunwayChoices]:
    pairs = zip(_NAMES, columns, strict=True)
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in pairs}
    return business_id, RunwayChoices(**values)


_CHOICES = Statement(
    select(RunwaySettingsRow.business_id, *(getattr(RunwaySettingsRow, name) for name in _NAMES))
    .where(RunwaySettingsRow.business_id == any_(bindparam("business_ids", type_=ARRAY(Uuid))))
    .ext(distinct_on(RunwaySettingsRow.business_id))
    .order_by(RunwaySettingsRow.business_id, RunwaySettingsRow.version.desc()),
    _chosen,
)


async def find_settings(session: AsyncSession, business_id: UUID) -> RunwaySettings:
    """What counts now."""
    row = await session.scalar(
        select(RunwaySettingsRow)
        .where(RunwaySettingsRow.business_id == business_id)
        .order_by(RunwaySettingsRow.version.desc())
        .limit(1)
    )
    return RunwaySettings(RunwayChoices()) if row is None else _settings(row)


def settings_of(business_ids: Sequence[UUID]) -> Read[tuple[UUID, RunwayChoices]]:
    """What counts now, of several businesses at once; one that never chose is not in it."""
    return _CHOICES.with_(business_ids=list(business_ids))


def _settings(row: RunwaySettingsRow) -> RunwaySettings:
    values = {name: getattr(row, name) for name in _NAMES}
    values |= {name: tuple(values[name]) for name in ("counted_accounts", "uncounted_accounts")}
    return RunwaySettings(RunwayChoices(**values), row.version, row.set_at, row.actor)


async def set_settings(
    session: AsyncSession, business_id: UUID, wanted: RunwayChoices, *, actor: str, request_id: str
) -> RunwaySettings:
    """The next version; what counts already makes none.

    Raises:
        TwoFloors: an amount and days.
        AccountNotCash: an account of another kind, of nobody, or in both lists.
    """
    if wanted.floor_amount is not None and wanted.floor_days is not None:
        raise TwoFloors
    await session.execute(_LOCK, {"business_id": str(business_id)})
    await _check_accounts(session, business_id, wanted)
    held = await find_settings(session, business_id)
    if held.version and held.choices == wanted:
        return held
    values = {name: getattr(wanted, name) for name in _NAMES}
    values |= {name: list(values[name]) for name in ("counted_accounts", "uncounted_accounts")}
    session.add(
        RunwaySettingsRow(
            business_id=business_id, version=held.version + 1, **values, actor=actor, request_id=request_id
        )
    )
    await session.flush()  # read again here, with the database's time
    return await find_settings(session, business_id)


async def _check_accounts(session: AsyncSession, business_id: UUID, wanted: RunwayChoices) -> None:
    if both := set(wanted.counted_accounts) & set(wanted.uncounted_accounts):
        raise AccountNotCash(min(both), "it is in both lists")
    named = {*wanted.counted_accounts, *wanted.uncounted_accounts}
    if not named:
        return
    query = select(Account.external_id, Account.account_type).where(
        *live(Account, business_id), Account.external_id.in_(named)
    )
    types: dict[str, str] = {row.external_id: row.account_type for row in await session.execute(query)}
    for account in sorted(named):
        if account not in types:
            raise AccountNotCash(account, "there is no such account")
        if types[account] != AccountType.BANK:
            raise AccountNotCash(account, f"it is of type {types[account]}")
