"""Early-payment discounts that a person confirmed: nothing is taken from a name alone."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.discount_models import DiscountTerm
from infra.db.tenancy import TenantAwareService


class DiscountTerms(TenantAwareService):
    async def confirm(
        self,
        session: AsyncSession,
        terms_external_id: str,
        *,
        name: str,
        percent: Decimal,
        discount_days: int,
        net_days: int,
        actor: str,
        now: datetime,
    ) -> DiscountTerm:
        """From now on, for every bill with these terms; said again, the later word counts."""
        told = {
            "name": name,
            "percent": percent,
            "discount_days": discount_days,
            "net_days": net_days,
            "actor": actor,
            "confirmed_at": now,
        }
        return (
            await session.scalars(
                insert(DiscountTerm)
                .values(business_id=self.business_id, terms_external_id=terms_external_id, **told)
                .on_conflict_do_update(index_elements=["business_id", "terms_external_id"], set_=told)
                .returning(DiscountTerm),
                execution_options={"populate_existing": True},
            )
        ).one()

    async def forget(self, session: AsyncSession, terms_external_id: str) -> bool:
        """Whether there was anything to forget."""
        gone = await session.execute(
            delete(DiscountTerm)
            .where(DiscountTerm.business_id == self.business_id, DiscountTerm.terms_external_id == terms_external_id)
            .returning(DiscountTerm.terms_external_id)
        )
        return gone.first() is not None


async def list_terms(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, dict[str, DiscountTerm]]:
    """Of several businesses at once: business → the ledger's id of the terms → what it means."""
    found: dict[UUID, dict[str, DiscountTerm]] = defaultdict(dict)
    for term in await session.scalars(select(DiscountTerm).where(DiscountTerm.business_id.in_(business_ids))):
        found[term.business_id][term.terms_external_id] = term
    return found
