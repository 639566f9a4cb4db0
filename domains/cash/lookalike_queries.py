"""What was paid on the spot and may be the same as a bill."""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.cash.models import Purchase
from domains.core.ledger import live
from domains.core.lookalikes import Lookalike, LookalikeKind, LookalikeSearch

_VENDOR = "Vendor"


async def list_spent(session: AsyncSession, search: LookalikeSearch) -> list[Lookalike]:
    """Expenses, cheques and card purchases of the days searched; refunds are none. The number is the cheque's or receipt's."""
    is_alike: ColumnElement[bool] = Purchase.total.between(search.least, search.most)
    if search.number_end:
        bare = func.lower(func.regexp_replace(Purchase.doc_number, "[^[:alnum:]]", "", "g"))
        is_alike |= bare.endswith(search.number_end, autoescape=True)
    query = select(
        Purchase.id, Purchase.external_id, Purchase.doc_number, func.coalesce(Purchase.entity_external_id, ""), Purchase.entity_name,
        Purchase.spent_on, Purchase.total, func.coalesce(Purchase.currency, search.home_currency),
    ).where(
        *live(Purchase, search.business_id),
        Purchase.spent_on.between(search.since, search.until),
        Purchase.entity_type == _VENDOR,
        Purchase.entity_external_id.in_(search.party_external_ids),
        Purchase.is_credit.is_(False),
        is_alike,
    )  # fmt: skip
    return [Lookalike(LookalikeKind.PURCHASE, *row) for row in await session.execute(query)]
