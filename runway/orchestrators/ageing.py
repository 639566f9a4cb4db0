"""What is owed, and owing, by age: from the mirror's documents, in home currency."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from domains.core.documents import OpenDocument, UnappliedCredit
from domains.core.ledger import in_home_currency as at_home
from infra.config import Rail
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators import ageing
from runway.calculators.ageing import Ageing
from runway.calculators.figures import Basis
from runway.calculators.forecast import Forecast
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
        home = self._basis.currency
        rated = [one for one in documents.value if is_rated(one, home)]
        known = in_home_currency(unapplied.value, home)
        aged = ageing.age(
            [document_of(one) for one in rated],
            [credit_of(one) for one in known],
            basis=self._basis,
            left_out=len(documents.value) - len(rated) + len(unapplied.value) - len(known),
        )
        return Fetched(aged, oldest_of([documents.freshness, unapplied.freshness]))

    async def _documents(self, freshness: FreshnessNeed) -> Fetched[list[OpenDocument]]:
        if isinstance(self._side, BillService):
            return await self._side.list_open_bills_for_ageing(freshness=freshness)
        return await self._side.list_open_invoices_for_ageing(freshness=freshness)


async def ageing_beside(side: BillService | InvoiceService, outlook: Fetched[Forecast], *, today: date) -> Ageing:
    """The forecast's own; where it may be of older books than the rows that are shown beside, the mirror's."""
    forecast = outlook.value
    if outlook.freshness.stale:
        mirror = MirrorAgeing(side, today=today, home_currency=forecast.basis.currency)
        return (await mirror.get(freshness=AS_IT_STANDS)).value
    return forecast.payables if isinstance(side, BillService) else forecast.receivables


def in_home_currency(credits_left: Sequence[UnappliedCredit], currency: str) -> list[UnappliedCredit]:
    """By the documents' own rates; one of another currency without a rate is left out, for unlike units are never added."""
    home = [one for one in credits_left if one.currency in {None, currency}]
    foreign = [one for one in credits_left if one.currency not in {None, currency}]
    return home + [replace(one, amount=one.home_amount) for one in foreign if one.home_amount is not None]


def is_rated(held: OpenDocument, currency: str) -> bool:
    """Whether it is in home currency, or says what it is worth in it."""
    return held.currency in {None, currency} or held.exchange_rate is not None


def document_of(held: OpenDocument) -> ageing.OpenDocument:
    """Of one that `is_rated`."""
    return ageing.OpenDocument(
        external_id=held.external_id,
        party_id=held.party_external_id,
        party_name=held.party_name or held.party_external_id,
        issued_on=held.issued_on,
        due_on=held.due_on,
        open_amount=at_home(held.balance, held.exchange_rate),
    )


def credit_of(held: UnappliedCredit) -> ageing.UnappliedCredit:
    return ageing.UnappliedCredit(
        external_id=held.party_external_id,
        party_id=held.party_external_id,
        party_name=held.party_name or held.party_external_id,
        amount=held.amount,
    )
