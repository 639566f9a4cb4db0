"""Several bills or invoices that somebody has picked out: what is open on them together, in home currency."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar
from uuid import UUID

from domains.ap import approval_queries
from domains.ap.approvals import BillFigures
from domains.ar import tray_queries as receivable_queries
from domains.ar.tray_queries import InvoiceFigures
from domains.core.ledger import in_home_currency
from domains.core.models import Business
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.money import ZERO
from runway.calculators.figures import Basis, Figure

D = TypeVar("D")


@dataclass(frozen=True)
class Selected(Generic[D]):
    """`documents` are those with something open, soonest due first; what was paid or deleted meanwhile is left out."""

    documents: Sequence[D]
    total: Figure


@dataclass(frozen=True)
class Selections:
    business: Business
    uow: UnitOfWorkFactory
    today: date

    async def bills(self, ids: Collection[UUID]) -> Selected[BillFigures]:
        async with self.uow([self.business.id]) as uow:
            found = await approval_queries.list_figures(uow.session, self.business.id, ids) if ids else []
        kept = [one for one in found if one.deleted_at is None and one.balance > ZERO]
        kept.sort(key=lambda one: (one.due_on or date.max, one.external_id))
        home = self.business.home_currency
        return Selected(kept, self._total(one.in_home(one.balance, home) for one in kept))

    async def invoices(self, ids: Collection[UUID]) -> Selected[InvoiceFigures]:
        async with self.uow([self.business.id]) as uow:
            found = await receivable_queries.list_figures(uow.session, self.business.id, ids)
        kept = [one for one in found.values() if one.balance > ZERO]
        kept.sort(key=lambda one: (one.due_on or date.max, one.external_id))
        return Selected(kept, self._total(in_home_currency(one.balance, one.exchange_rate) for one in kept))

    def _total(self, amounts: Iterable[Decimal | None]) -> Figure:
        basis = Basis(self.today, Rail.QBO.value, self.business.home_currency)
        known = [amount for amount in amounts if amount is not None]
        return basis.figure(sum(known, ZERO), basis.currency, n=len(known), n_of="documents")
