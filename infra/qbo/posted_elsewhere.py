"""Names to whose A/P or A/R something is posted that is no bill, invoice, credit or payment: journal entries, purchases, deposits.

How much of such a posting is still open is in no object of QBO's, so of these names the sum of all postings is what can be compared.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select, text

from infra.config import Rail
from infra.money import to_cents
from infra.qbo.answers import Payload
from infra.qbo.reading import QBOPull

_ENTITIES: Final = ("JournalEntry", "Purchase", "Deposit")
_POSTS_TO: Final = (
    "jsonb_path_exists(queryable(payload), '$.Line[*].*.AccountRef ? (@.value == $ids[*])', CAST(:ids AS jsonb))"
)
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Side:
    """Payables or receivables. `sign` makes a credit posting of A/P positive (1), and a debit posting of A/R (-1)."""

    name: str
    report: str
    party: str
    party_column: str
    account_type: str
    document: str
    credit: str
    payment: str
    sign: int


async def posted_elsewhere(pull: QBOPull, side: Side) -> dict[str, Decimal]:
    """By name, the sum of everything that is posted to it, for the names with such a posting."""
    accounts = await _accounts(pull, side)
    sums: dict[str, Decimal] = defaultdict(lambda: _ZERO)
    for entity in _ENTITIES if accounts else ():
        for payload in await _posting_to(pull, entity, accounts):
            rate = Decimal(payload.get("ExchangeRate") or 1)
            for name, credit in _credits(entity, payload, accounts):
                sums[name] += side.sign * to_cents(credit * rate)
    for entity, sign in ((side.document, 1), (side.credit, -1), (side.payment, -1)):
        for name, total in await _totals(pull, side, entity=entity, names=sorted(sums)):
            sums[name] += sign * total
    return dict(sums)


async def _accounts(pull: QBOPull, side: Side) -> set[str]:
    mirror = pull.specs["Account"].mirror
    query = select(mirror.external_id).where(
        mirror.business_id == pull.business_id,
        mirror.rail == Rail.QBO.value,
        mirror.account_type == side.account_type,
    )
    async with pull.uow([pull.business_id]) as uow:
        return set(await uow.session.scalars(query))


async def _posting_to(pull: QBOPull, entity: str, accounts: set[str]) -> list[Payload]:
    mirror = pull.specs[entity].mirror
    ids = '{"ids": [' + ", ".join(f'"{one}"' for one in sorted(accounts)) + "]}"
    query = select(mirror.payload).where(
        mirror.business_id == pull.business_id,
        mirror.rail == Rail.QBO.value,
        mirror.deleted_at.is_(None),
        text(_POSTS_TO).bindparams(ids=ids),
    )
    async with pull.uow([pull.business_id]) as uow:
        return list(await uow.session.scalars(query))


def _credits(entity: str, payload: Payload, accounts: set[str]) -> Iterator[tuple[str, Decimal]]:
    """(name, credit less debit) of each line that is posted to one of the accounts."""
    for line in payload.get("Line") or ():
        detail: dict[str, Any] = line.get(line.get("DetailType") or "") or {}
        if (detail.get("AccountRef") or {}).get("value") not in accounts:
            continue
        amount, who = Decimal(line.get("Amount") or 0), detail.get("Entity") or {}
        if entity == "JournalEntry":
            name, sign = (who.get("EntityRef") or {}).get("value"), 1 if detail.get("PostingType") == "Credit" else -1
        elif entity == "Deposit":
            name, sign = who.get("value"), 1
        else:
            name, sign = (payload.get("EntityRef") or {}).get("value"), 1 if payload.get("Credit") else -1
        if name:
            yield str(name), sign * amount


async def _totals(pull: QBOPull, side: Side, *, entity: str, names: list[str]) -> list[tuple[str, Decimal]]:
    if not names:
        return []
    mirror = pull.specs[entity].mirror
    party = getattr(mirror, side.party_column)
    home = func.round(mirror.total * func.coalesce(mirror.exchange_rate, 1), 2)
    query = (
        select(party, func.sum(home))
        .where(
            mirror.business_id == pull.business_id,
            mirror.rail == Rail.QBO.value,
            mirror.deleted_at.is_(None),
            party.in_(names),
        )
        .group_by(party)
    )
    async with pull.uow([pull.business_id]) as uow:
        return [(name, total) for name, total in await uow.session.execute(query)]
