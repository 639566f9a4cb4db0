"""What a set of actions would do to the runway, before anybody confirms them. Everything is measured against one kept forecast."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap import approval_queries
from domains.ap.approvals import BillFigures
from domains.ap.errors import BillNotFound
from domains.ap.payment_errors import BillPaidAlready
from domains.ar import tray_queries as receivable_queries
from domains.ar.collection_errors import InvoicePaidAlready
from domains.ar.errors import InvoiceNotFound
from domains.ar.tray_queries import InvoiceFigures
from domains.core.ledger import in_home_currency
from domains.core.models import Business
from domains.core.saved_scenarios import SavedScenarios
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import InvalidInput
from infra.money import ZERO
from infra.sync.freshness import Fetched, FreshnessNeed
from runway.calculators.consequence import Consequence
from runway.calculators.decisions import Expected, PayBill, ReceiveInvoice, Step, decide
from runway.calculators.forecast import Forecast
from runway.orchestrators.outlook import Outlook
from runway.orchestrators.scenario_steps import READY_MADE, read_step


class ActionKind(StrEnum):
    PAY = "pay"
    SCHEDULE = "schedule"
    DELAY = "delay"
    REMIND = "remind"
    PROMISE = "promise"
    SCENARIO = "scenario"


_OF_BILLS = frozenset({ActionKind.PAY, ActionKind.SCHEDULE, ActionKind.DELAY})
_OF_INVOICES = frozenset({ActionKind.REMIND, ActionKind.PROMISE})


class ActionIncomplete(InvalidInput):
    def __init__(self, kind: ActionKind, needs: str) -> None:
        super().__init__(f"To preview {kind.value}, say {needs}.")


class DayOver(InvalidInput):
    def __init__(self, on: date, today: date) -> None:
        super().__init__(f"{on} is over: the company's today is {today}. Name today or a day to come.")


class NotLater(InvalidInput):
    def __init__(self, words: str, planned_on: date) -> None:
        super().__init__(f"{words} is expected to be paid on {planned_on}: to put it off, name a later day.")


class MoreThanOpen(InvalidInput):
    def __init__(self, words: str, *, amount: Decimal, open_amount: Decimal) -> None:
        super().__init__(f"{amount:,.2f} is more than is open on {words}: {open_amount:,.2f}.")


@dataclass(frozen=True)
class WantedAction:
    """One action as it was asked for. `amount` in the document's own currency; `scenario` is one written step."""

    kind: ActionKind
    bill_id: UUID | None = None
    invoice_id: UUID | None = None
    on: date | None = None
    amount: Decimal | None = None
    scenario: Mapping[str, Any] | None = None
    scenario_id: str | None = None


@dataclass(frozen=True)
class Previewed:
    forecast: Forecast
    consequence: Consequence


@dataclass(frozen=True)
class _Named:
    """What the actions name, read at once."""

    bills: Mapping[UUID, BillFigures]
    invoices: Mapping[UUID, InvoiceFigures]
    customers: Mapping[UUID, str]
    scenarios: Mapping[str, Sequence[Mapping[str, Any]]]


class Previews:
    """Nothing is decided by it, and nothing written."""

    def __init__(self, business: Business, *, uow: UnitOfWorkFactory, outlook: Outlook, today: date) -> None:
        self._business = business
        self._uow = uow
        self._outlook = outlook
        self._today = today

    async def preview(
        self, actions: Sequence[WantedAction], *, freshness: FreshnessNeed, on: Fetched[Forecast] | None = None
    ) -> Fetched[Previewed]:
        """All of them together, in their order, against the forecast without any: the same draws, so nothing else differs.

        `on` is that forecast, where the caller has it.

        Raises:
            BillNotFound, InvoiceNotFound, ScenarioNotFound: named, and not there.
            BillPaidAlready, InvoicePaidAlready: it is settled.
            InvalidInput: a day that is over, more than is open, something missing.
            StaleRefused: as `Outlook.get`.
        """
        fetched = on or await self._outlook.get(freshness=freshness)
        forecast = fetched.value
        async with self._uow([self._business.id]) as uow:
            named = await self._read(uow.session, actions)
        steps = [step for action in actions for step in self._steps(action, named, forecast)]
        # In a thread: with other receipts all draws are ranked anew.
        consequence = await asyncio.to_thread(consequence_of, forecast, steps)
        return Fetched(Previewed(forecast, consequence), fetched.freshness)

    async def _read(self, session: AsyncSession, actions: Sequence[WantedAction]) -> _Named:
        steps = [action.scenario for action in actions if action.scenario]
        kept = {UUID(str(one)) for step in steps for one in step.get("keep_bills") or ()}
        bill_ids = {action.bill_id for action in actions if action.bill_id} | kept
        invoice_ids = {action.invoice_id for action in actions if action.invoice_id}
        customer_ids = {one for step in steps if (one := as_id(step.get("customer_id")))}
        figures = await approval_queries.list_figures(session, self._business.id, bill_ids) if bill_ids else []
        scenarios = {one.key: one.steps for one in READY_MADE}
        saved = SavedScenarios(self._business.id)
        for action in actions:
            if action.scenario_id is not None and action.scenario_id not in scenarios:
                found = await saved.get(session, as_id(action.scenario_id) or self._business.id)
                scenarios[action.scenario_id] = found.steps
        return _Named(
            bills={bill.id: bill for bill in figures if bill.deleted_at is None},
            invoices=await receivable_queries.list_figures(session, self._business.id, invoice_ids),
            customers=await receivable_queries.list_customer_ids(session, self._business.id, customer_ids),
            scenarios=scenarios,
        )

    def _steps(self, action: WantedAction, named: _Named, forecast: Forecast) -> list[Step]:
        if action.on is not None and action.on < self._today:
            raise DayOver(action.on, self._today)
        if action.kind in _OF_BILLS:
            return [self._bill_step(action, named, forecast)]
        if action.kind in _OF_INVOICES:
            return [self._invoice_step(action, named)]
        if (action.scenario is None) == (action.scenario_id is None):
            raise ActionIncomplete(action.kind, "either scenario or scenario_id")
        written = [action.scenario] if action.scenario is not None else named.scenarios[action.scenario_id or ""]
        return [read_step(with_rail_ids(step, named.bills, named.customers), forecast) for step in written]

    def _bill_step(self, action: WantedAction, named: _Named, forecast: Forecast) -> PayBill:
        if action.bill_id is None:
            raise ActionIncomplete(action.kind, "bill_id")
        if action.on is None and action.kind is not ActionKind.PAY:
            raise ActionIncomplete(action.kind, "on, the day")
        bill = named.bills.get(action.bill_id)
        if bill is None:
            raise BillNotFound(action.bill_id)
        if bill.balance <= ZERO:
            raise BillPaidAlready(bill.words)
        if action.amount is not None and action.amount > bill.balance:
            raise MoreThanOpen(bill.words, amount=action.amount, open_amount=bill.balance)
        on = action.on or self._today
        if action.kind is ActionKind.DELAY:
            planned = max((flow.on for flow in forecast.flows if flow.key == bill.external_id), default=None)
            if planned is not None and on <= planned:
                raise NotLater(bill.words, planned)
        amount = None if action.amount is None else in_home_currency(action.amount, bill.exchange_rate)
        return PayBill(bill.external_id, on, amount)

    def _invoice_step(self, action: WantedAction, named: _Named) -> ReceiveInvoice:
        if action.invoice_id is None:
            raise ActionIncomplete(action.kind, "invoice_id")
        if action.on is None:
            raise ActionIncomplete(action.kind, "on, the day by which it is taken to be paid")
        invoice = named.invoices.get(action.invoice_id)
        if invoice is None:
            raise InvoiceNotFound(action.invoice_id)
        if invoice.balance <= ZERO:
            raise InvoicePaidAlready(invoice.words)
        if action.amount is not None and action.amount > invoice.balance:
            raise MoreThanOpen(invoice.words, amount=action.amount, open_amount=invoice.balance)
        amount = None if action.amount is None else in_home_currency(action.amount, invoice.exchange_rate)
        return ReceiveInvoice(invoice.external_id, action.on, amount)


def consequence_of(forecast: Forecast, steps: Sequence[Step]) -> Consequence:
    expected = Expected(forecast.basis.as_of, forecast.flows, forecast.receipts)
    return forecast.baseline.preview(decide(expected, steps))


def with_rail_ids(
    step: Mapping[str, Any], bills: Mapping[UUID, BillFigures], customers: Mapping[UUID, str]
) -> dict[str, Any]:
    """The written step with the rail's ids in place of ours.

    Raises:
        BillNotFound: a bill to keep is not there.
    """
    read = dict(step)
    if (ours := as_id(step.get("customer_id"))) in customers and ours is not None:
        read["customer_id"] = customers[ours]
    kept = [UUID(str(one)) for one in step.get("keep_bills") or ()]
    for one in kept:
        if one not in bills:
            raise BillNotFound(one)
    return read | {"keep_bills": [bills[one].external_id for one in kept]}


def as_id(value: Any) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
