"""What is owed, and owing, by age: from the mirror's documents, in home currency."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from domains.core.documents import OpenDocument, UnappliedCredit
from infra.config import Rail
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators import ageing
from runway.calculators.ageing import Ageing
from runway.calculators.figures import Basis
from runway.orchestrators.cash_runway import oldest_of


class MirrorAgeing:
    """One side. The credits are read as they stand: one refresh has brought both up to date."""

    def __init__(self, side: BillService | InvoiceService, *, today: date, home_currency: str) -> None:
        self._side = side
        self._basis = Basis(as_of=today, source=Rail.QBO.value, currency=home_currency)

    async def get(self, *, freshness: FreshnessNeed) -> Fetched[Ageing]:
        """Aged on the company's today.

        Raises:
            StaleRefused: the strategy is `live` and no refresh succeeded in time.
        """
        documents = await self._documents(freshness)
        unapplied = await self._side.list_unapplied_credits(freshness=AS_IT_STANDS)
        aged = ageing.age(
            [document_of(one) for one in documents.value],
            [credit_of(one) for one in in_home_currency(unapplied.value, self._basis.currency)],
            basis=self._basis,
        )
        return Fetched(aged, oldest_of([documents.freshness, unapplied.freshness]))

    async def _documents(self, freshness: FreshnessNeed) -> Fetched[list[OpenDocument]]:
        if isinstance(self._side, BillService):
            return await self._side.list_open_bills_for_ageing(freshness=freshness)
        return await self._side.list_open_invoices_for_ageing(freshness=freshness)


def in_home_currency(credits_left: Sequence[UnappliedCredit], currency: str) -> list[UnappliedCredit]:
    """Those of other currencies have no rate of their own and are left out; QBO's report has them."""
    return [one for one in credits_left if one.currency in {None, currency}]


def document_of(held: OpenDocument) -> ageing.OpenDocument:
    return ageing.OpenDocument(
        external_id=held.external_id,
        party_id=held.party_external_id,
        party_name=held.party_name or held.party_external_id,
        issued_on=held.issued_on,
        due_on=held.due_on,
        open_amount=held.balance * (held.exchange_rate or Decimal(1)),
    )


def credit_of(held: UnappliedCredit) -> ageing.UnappliedCredit:
    return ageing.UnappliedCredit(
        external_id=held.party_external_id,
        party_id=held.party_external_id,
        party_name=held.party_name or held.party_external_id,
        amount=held.amount,
    )
