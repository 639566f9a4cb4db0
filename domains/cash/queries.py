"""Every SELECT over accounts and what moves between them. Each filters by the business once more.

Lines are read from the ledger's payload, a whole period in one statement. Each line of a document is a movement of the
document's account; where the line's own account holds money too (a cheque into savings, a card paid by cheque), the other side is
a second movement, so that each account's movements add up to its change.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domains.cash.models import Account
from domains.core.ledger import LEDGER, live, movements_of
from domains.core.movements import CashMovement
from domains.core.paging import MAX_PAGE, NameCursor, Page, list_by_name, matches_text, page_of
from infra.db.reads import Read, Statement

_MONEY_ACCOUNTS = """
money AS (
  SELECT external_id FROM account
  WHERE business_id = :business_id AND rail = :rail
    AND (account_type IN ('Bank', 'Credit Card') OR account_subtype IN ('UndepositedFunds', 'LineOfCredit'))
)"""

# The rest is what the lines leave of the total: tax that QBO adds outside them.
_PURCHASES = text(f"""
WITH {_MONEY_ACCOUNTS}, documents AS (
  SELECT spent_on AS day, account_external_id AS account, entity_name AS party, external_id, memo, exchange_rate,
    CASE WHEN is_credit THEN 1 ELSE -1 END AS sign, total, queryable(payload) AS payload
  FROM purchase
  WHERE business_id = :business_id AND rail = :rail AND deleted_at IS NULL AND spent_on BETWEEN :since AND :until
), lines AS (
  SELECT d.*, (line ->> 'Amount')::numeric AS line_amount,
    line #>> '{{AccountBasedExpenseLineDetail,AccountRef,value}}' AS counter, line ->> 'Description' AS description,
    line ? 'ItemBasedExpenseLineDetail' AS is_trade
  FROM documents AS d CROSS JOIN LATERAL jsonb_path_query(d.payload, '$.Line[*] ? (exists (@.Amount))') AS line
), postings AS (
  SELECT day, sign * line_amount AS amount, account, counter, party, external_id, coalesce(description, memo) AS memo, exchange_rate,
    is_trade
  FROM lines
  UNION ALL
  SELECT day, -sign * line_amount, counter, account, party, external_id, coalesce(description, memo), exchange_rate, is_trade
  FROM lines WHERE counter IN (SELECT external_id FROM money)
  UNION ALL
  SELECT d.day, d.sign * (d.total - coalesce(l.amount, 0)), d.account, NULL, d.party, d.external_id, d.memo, d.exchange_rate,
    false
  FROM documents AS d
  LEFT JOIN (SELECT external_id, sum(line_amount) AS amount FROM lines GROUP BY external_id) AS l USING (external_id)
)
SELECT *, 'Purchase' AS source FROM postings WHERE amount <> 0 ORDER BY day, external_id
""")  # noqa: S608  # the inserted part is a constant of this module

# A line that deposits a receipt has no account of its own; cash back leaves the deposit for another account.
_DEPOSITS = text(f"""
WITH {_MONEY_ACCOUNTS}, documents AS (
  SELECT deposited_on AS day, account_external_id AS account, external_id, memo, exchange_rate, total, queryable(payload) AS payload
  FROM deposit
  WHERE business_id = :business_id AND rail = :rail AND deleted_at IS NULL AND deposited_on BETWEEN :since AND :until
), lines AS (
  SELECT d.*, (line ->> 'Amount')::numeric AS line_amount,
    line #>> '{{DepositLineDetail,AccountRef,value}}' AS counter,
    line #>> '{{DepositLineDetail,Entity,name}}' AS party, line ->> 'Description' AS description,
    line #> '{{LinkedTxn,0}}' IS NOT NULL AS is_trade
  FROM documents AS d CROSS JOIN LATERAL jsonb_path_query(d.payload, '$.Line[*] ? (exists (@.Amount))') AS line
  UNION ALL
  SELECT d.*, -(payload #>> '{{CashBack,Amount}}')::numeric, payload #>> '{{CashBack,AccountRef,value}}',
    NULL, payload #>> '{{CashBack,Memo}}', false
  FROM documents AS d WHERE payload #> '{{CashBack,Amount}}' IS NOT NULL
), postings AS (
  SELECT day, line_amount AS amount, account, counter, party, external_id, coalesce(description, memo) AS memo, exchange_rate, is_trade
  FROM lines
  UNION ALL
  SELECT day, -line_amount, counter, account, party, external_id, coalesce(description, memo), exchange_rate, is_trade
  FROM lines WHERE counter IN (SELECT external_id FROM money)
  UNION ALL
  SELECT d.day, d.total - coalesce(l.amount, 0), d.account, NULL, NULL, d.external_id, d.memo, d.exchange_rate, false
  FROM documents AS d
  LEFT JOIN (SELECT external_id, sum(line_amount) AS amount FROM lines GROUP BY external_id) AS l USING (external_id)
)
SELECT *, 'Deposit' AS source FROM postings WHERE amount <> 0 ORDER BY day, external_id
""")  # noqa: S608  # the inserted part is a constant of this module

_TRANSFERS = text("""
SELECT t.transferred_on AS day, side.amount, side.account, side.counter, NULL AS party, 'Transfer' AS source,
  t.external_id, t.memo, t.exchange_rate, false AS is_trade
FROM bank_transfer AS t
CROSS JOIN LATERAL (VALUES
  (-t.amount, t.from_account_external_id, t.to_account_external_id),
  (t.amount, t.to_account_external_id, t.from_account_external_id)
) AS side (amount, account, counter)
WHERE t.business_id = :business_id AND t.rail = :rail AND t.deleted_at IS NULL AND t.amount <> 0
  AND t.transferred_on BETWEEN :since AND :until
ORDER BY day, t.external_id
""")

# A line does not tell its other side: the largest line opposite stands for it.
_JOURNAL_ENTRIES = text(f"""
WITH {_MONEY_ACCOUNTS}, lines AS (
  SELECT j.entered_on AS day, j.external_id, j.memo, j.exchange_rate, n,
    (line ->> 'Amount')::numeric AS amount,
    line #>> '{{JournalEntryLineDetail,PostingType}}' = 'Debit' AS is_debit,
    line #>> '{{JournalEntryLineDetail,AccountRef,value}}' AS account,
    line #>> '{{JournalEntryLineDetail,Entity,EntityRef,name}}' AS party, line ->> 'Description' AS description
  FROM journal_entry AS j
  CROSS JOIN LATERAL jsonb_path_query(queryable(j.payload), '$.Line[*] ? (exists (@.JournalEntryLineDetail))') WITH ORDINALITY AS l (line, n)
  WHERE j.business_id = :business_id AND j.rail = :rail AND j.deleted_at IS NULL AND j.entered_on BETWEEN :since AND :until
), largest AS (
  SELECT DISTINCT ON (external_id, is_debit) external_id, is_debit, account FROM lines
  ORDER BY external_id, is_debit, amount DESC, n
)
SELECT l.day, CASE WHEN l.is_debit THEN l.amount ELSE -l.amount END AS amount, l.account, o.account AS counter, l.party,
  'JournalEntry' AS source, l.external_id, coalesce(l.description, l.memo) AS memo, l.exchange_rate,
  false AS is_trade
FROM lines AS l LEFT JOIN largest AS o ON o.external_id = l.external_id AND o.is_debit <> l.is_debit
WHERE l.amount <> 0 AND l.account IN (SELECT external_id FROM money)
ORDER BY l.day, l.external_id, l.n
""")  # noqa: S608  # the inserted part is a constant of this module


async def list_movements(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[CashMovement]:
    parameters = {"business_id": business_id, "rail": LEDGER.value, "since": since, "until": until}
    movements: list[CashMovement] = []
    for statement in (_PURCHASES, _DEPOSITS, _TRANSFERS, _JOURNAL_ENTRIES):
        movements += movements_of(await session.execute(statement, parameters))
    return movements


async def list_accounts(session: AsyncSession, business_id: UUID) -> list[Account]:
    """The whole chart, inactive accounts included."""
    return list(
        await session.scalars(select(Account).where(*live(Account, business_id)).order_by(Account.name, Account.id))
    )


class ChosenAccount(NamedTuple):
    """An account that can be chosen to pay from, or into. `balance` as QuickBooks has it: of a card what is owed."""

    id: UUID
    name: str
    account_type: str
    balance: Decimal | None
    currency: str | None


_CHOICES = Statement(
    select(*(getattr(Account, name) for name in ("id", "name", "account_type", "current_balance", "currency")))
    .where(
        *live(Account, bindparam("business_id", type_=Uuid)),
        Account.is_active,
        Account.account_type == any_(bindparam("account_types", type_=ARRAY(Text))),
    )
    .order_by(Account.name, Account.id)
    .limit(MAX_PAGE),
    ChosenAccount,
)


def choices_of(business_id: UUID, account_types: Sequence[str]) -> Read[ChosenAccount]:
    """The active accounts of these types by name, the first MAX_PAGE of them."""
    return _CHOICES.with_(business_id=business_id, account_types=list(account_types))


async def page_of_accounts(
    session: AsyncSession,
    business_id: UUID,
    *,
    account_type: str | None,
    search: str | None,
    after: str | None,
    limit: int,
) -> Page[Account]:
    conditions = [*live(Account, business_id)]
    if account_type is not None:
        conditions.append(Account.account_type == account_type)
    if search:
        conditions.append(
            or_(matches_text(Account.name, search), Account.fully_qualified_name.icontains(search, autoescape=True))
        )
    rows = await list_by_name(
        session,
        select(Account).where(*conditions),
        name=Account.name,
        row_id=Account.id,
        after=NameCursor.decode(after) if after else None,
        limit=limit + 1,
    )
    return page_of(rows, limit, cursor_of=lambda account: NameCursor(account.name, account.id).encode())


_OF_BUSINESS = select(Account).where(*live(Account, bindparam("business_id", type_=Uuid)))
_BY_OUR_ID = _OF_BUSINESS.where(Account.id == bindparam("account_id", type_=Uuid))
_BY_RAILS_ID = _OF_BUSINESS.where(Account.external_id == bindparam("account_id", type_=Text))


async def find_account(session: AsyncSession, business_id: UUID, account_id: str) -> Account | None:
    """One account of the chart by its id, ours or the rail's."""
    asked: UUID | str
    try:
        statement, asked = _BY_OUR_ID, UUID(account_id)
    except ValueError:
        statement, asked = _BY_RAILS_ID, account_id
    found: Account | None = await session.scalar(statement, {"business_id": business_id, "account_id": asked})
    return found
