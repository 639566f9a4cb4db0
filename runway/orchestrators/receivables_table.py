"""What is owing, as a table that can be acted on: each invoice with the day it is expected, the last contact and the next reminder."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from domains.ar.collection_notes import CollectionNotes
from domains.ar.expected_dates import find_expected
from domains.ar.invoice_service import InvoiceService
from domains.ar.note_models import CollectionNote
from domains.ar.queries import ListedInvoice
from domains.ar.reminder_plan import PlannedCustomer, PlannedInvoice
from domains.ar.reminder_service import DayPlan
from domains.core.documents import DocumentFilter
from infra.actions import listing
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators.ageing import Ageing
from runway.calculators.expected_dates import ExpectedReceipt
from runway.calculators.forecast import Forecast
from runway.orchestrators.ageing import ageing_beside
from runway.orchestrators.cash_runway import oldest_of
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.reminding import Reminding


@dataclass(frozen=True)
class Receivable:
    """One invoice.

    Attributes:
        expected: None where the forecast does not know it, as one that is paid.
        plan, customer: how its reminders stand, and those of its customer; None where nothing is open.
        are_reminders_on: whether any goes out by itself.
        action: ours that has hold of it and is not over, a mail or a payment.
    """

    invoice: ListedInvoice
    expected: ExpectedReceipt | None
    plan: PlannedInvoice | None
    customer: PlannedCustomer | None
    are_reminders_on: bool
    action: ActionIntent | None


@dataclass(frozen=True)
class ReceivablesPage:
    """`ageing` is of all that is open, whatever was asked for."""

    rows: Sequence[Receivable]
    next_cursor: str | None
    ageing: Ageing
    forecast: Forecast


@dataclass(frozen=True)
class ReceivableDetail:
    """One invoice and its notes, the latest first.

    Attributes:
        is_said: somebody has named the day on which it is expected, or that it is not.
        forecast: None where it was not there to ask: it is being worked out.
    """

    receivable: Receivable
    notes: Sequence[CollectionNote]
    is_said: bool
    forecast: Fetched[Forecast] | None


@dataclass(frozen=True)
class ReceivablesTable:
    """Reads the mirror, our own tables and the kept forecast: a number of statements that does not grow with the rows."""

    invoices: InvoiceService
    reminding: Reminding
    outlook: Outlook
    uow: UnitOfWorkFactory
    today: date

    async def get(self, wanted: DocumentFilter, *, freshness: FreshnessNeed) -> Fetched[ReceivablesPage]:
        """One page.

        Raises:
            UnreadableCursor: `wanted.after` is none of ours.
        """
        listed, outlook = await asyncio.gather(
            self.invoices.list_invoices(wanted, freshness=freshness), self.outlook.get(freshness=AS_IT_STANDS)
        )
        items = listed.value.items
        plan, held = await asyncio.gather(self._plan(items), self._held(items))
        rows = _rows(items, outlook.value, plan, held)
        aged = await ageing_beside(self.invoices, outlook, today=self.today)
        page = ReceivablesPage(rows, listed.value.next_cursor, aged, outlook.value)
        return Fetched(page, oldest_of([listed.freshness, outlook.freshness]))

    async def get_one(
        self, invoice_id: UUID, *, freshness: FreshnessNeed, patience: timedelta | None = None
    ) -> Fetched[ReceivableDetail]:
        """One invoice, as somebody opens it; without what the forecast says of it, where that takes longer than `patience`.

        Raises:
            InvoiceNotFound: no such invoice, or it is deleted.
        """
        found, outlook = await asyncio.gather(
            self.invoices.get_listed_invoice(invoice_id, freshness=freshness),
            self.outlook.get_within(patience, freshness=AS_IT_STANDS),
        )
        plan, held, (notes, is_said) = await asyncio.gather(
            self._plan([found.value]), self._held([found.value]), self._said_of(invoice_id)
        )
        (row,) = _rows([found.value], outlook.value, plan, held)
        told = None if outlook.value is None else Fetched(outlook.value, outlook.freshness)
        detail = ReceivableDetail(row, notes, is_said, told)
        return Fetched(detail, oldest_of([found.freshness, outlook.freshness]))

    async def list_rows(self, wanted: DocumentFilter, *, freshness: FreshnessNeed) -> Fetched[list[ListedInvoice]]:
        """Every page of it, for a table that is taken along."""
        first = page = await self.invoices.list_invoices(wanted, freshness=freshness)
        rows = list(page.value.items)
        while page.value.next_cursor is not None:
            after = replace(wanted, after=page.value.next_cursor)
            page = await self.invoices.list_invoices(after, freshness=AS_IT_STANDS)
            rows += page.value.items
        return Fetched(rows, first.freshness)

    async def _plan(self, listed: Sequence[ListedInvoice]) -> DayPlan:
        shown = {one["customer_external_id"] for one in listed}
        return (await self.reminding.look(customers=shown, freshness=AS_IT_STANDS)).value

    async def _held(self, listed: Sequence[ListedInvoice]) -> Mapping[str, ActionIntent]:
        kinds, external_ids = ["Invoice", "InvoiceMail"], [one["external_id"] for one in listed]
        business_id = self.invoices.business_id
        async with self.uow([business_id]) as uow:
            return await listing.list_holding(uow.session, business_id, kinds=kinds, external_ids=external_ids)

    async def _said_of(self, invoice_id: UUID) -> tuple[Sequence[CollectionNote], bool]:
        """Its notes, and whether somebody has said when it is expected."""
        business_id = self.invoices.business_id
        async with self.uow([business_id]) as uow:
            notes = await CollectionNotes(business_id).list_notes(uow.session, invoice_id)
            return notes, await find_expected(uow.session, business_id, invoice_id) is not None


def _rows(
    listed: Sequence[ListedInvoice], forecast: Forecast | None, plan: DayPlan, held: Mapping[str, ActionIntent]
) -> list[Receivable]:
    customers = {one.debtor.external_id: one for one in plan.customers}
    planned = {each.invoice.id: each for one in plan.customers for each in one.invoices}
    return [
        Receivable(
            invoice,
            forecast.index.receipt.get(invoice["external_id"]) if forecast else None,
            planned.get(invoice["id"]),
            customers.get(invoice["customer_external_id"]),
            are_reminders_on=plan.kept.rules.is_on,
            action=held.get(invoice["external_id"]),
        )
        for invoice in listed
    ]
