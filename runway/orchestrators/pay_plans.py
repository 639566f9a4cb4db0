"""When to pay what is open, so that even the cautious path stays above the floor: the plan, with the bills it is about."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domains.ap.bill_service import BillService
from domains.ap.tray_queries import DiscountedBill, list_discounted
from domains.core.documents import OpenDocument as OpenBill
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.money import ZERO
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators.ageing import OpenDocument
from runway.calculators.discounts import DiscountTerms, discount_offer
from runway.calculators.draws import Band
from runway.calculators.figures import Basis, Figure
from runway.calculators.forecast import Forecast
from runway.calculators.outlook import DatedFlow
from runway.calculators.pay_plan import PlannedBill, PlanRow, pay_plan
from runway.orchestrators.outlook import Outlook


@dataclass(frozen=True)
class PlannedPayment:
    """One row of the plan. `bill` is None of one that was paid or deleted since the forecast was made."""

    row: PlanRow
    document: OpenDocument
    bill: OpenBill | None
    is_must_pay: bool
    is_fixed: bool
    saving: Decimal


@dataclass(frozen=True)
class SafePlan:
    """Attributes:
    rows: in the order in which they were given room.
    kept: what the cautious path is kept above: the floor; zero, where it falls below the floor even if no bill is paid.
    total, unmet: home currency; `unmet` is what finds no day within the horizon.
    lowest_p10: of the path with the whole plan in it.
    """

    rows: tuple[PlannedPayment, ...]
    floor: Figure
    kept: Figure
    lowest_p10: Figure
    total: Figure
    unmet: Figure


@dataclass(frozen=True)
class PayPlans:
    """Proposes; nothing is scheduled by it."""

    bills: BillService
    outlook: Outlook
    uow: UnitOfWorkFactory

    async def get(self, *, freshness: FreshnessNeed) -> Fetched[SafePlan]:
        """The plan of the company's today.

        Raises:
            StaleRefused: as `Outlook.get`.
        """
        fetched = await self.outlook.get(freshness=freshness)
        open_bills = await self.bills.list_open_bills_for_ageing(freshness=AS_IT_STANDS)
        business_id, today = self.bills.business_id, fetched.value.basis.as_of
        async with self.uow([business_id]) as uow:
            discounted = (await list_discounted(uow.session, [business_id], today=today)).get(business_id, {})
        known = {bill.external_id: bill for bill in open_bills.value}
        # Greedy over all open bills: seconds where there are tens of thousands.
        plan = await asyncio.to_thread(safe_plan, fetched.value, discounted, known)
        return Fetched(plan, fetched.freshness)


def safe_plan(forecast: Forecast, discounted: Mapping[str, DiscountedBill], known: Mapping[str, OpenBill]) -> SafePlan:
    """Args:
    forecast: its draws, less the bills, are the path that the plan keeps above the floor.
    discounted: bills with a discount that can still be taken, by the rail's id.
    known: open bills by the rail's id.
    """
    if forecast.report.cash.cash.value is None:
        return _no_plan(forecast)
    flows = forecast.index.bill_flows
    documents = {bill.external_id: bill for bill in forecast.bills.documents if bill.external_id in flows}
    planned = {
        external_id: _planned(document, flows[external_id], forecast, discounted.get(external_id))
        for external_id, document in documents.items()
    }
    undone = [DatedFlow(one.on, -one.amount, one.row, one.key, one.party_id) for own in flows.values() for one in own]
    basis, floor = forecast.basis, forecast.report.floor
    band = forecast.baseline.draws.shifted(undone).band()
    kept = _kept(floor, band, basis)
    plan = pay_plan(planned.values(), band, floor=kept.value or ZERO)
    unmet = [documents[one].open_amount for one in plan.unmet]
    money = basis.currency
    return SafePlan(
        rows=tuple(_row(row, planned[row.external_id], documents, known) for row in plan.rows),
        floor=floor,
        kept=kept,
        lowest_p10=basis.figure(plan.lowest_p10, money, n=len(planned), n_of="documents"),
        total=basis.figure(
            sum((row.amount for row in plan.rows if row.pay_on), ZERO), money, n=len(planned), n_of="documents"
        ),
        unmet=basis.figure(sum(unmet, ZERO), money, n=len(unmet), n_of="documents"),
    )


def _no_plan(forecast: Forecast) -> SafePlan:
    """Of cash that is not known nobody can say what it has room for."""
    why = forecast.report.cash.cash.reason or "n/a"
    unknown = forecast.basis.missing(why, forecast.basis.currency, n=0, n_of="documents")
    floor = forecast.report.floor
    return SafePlan(rows=(), floor=floor, kept=floor, lowest_p10=unknown, total=unknown, unmet=unknown)


def _kept(floor: Figure, band: Band, basis: Basis) -> Figure:
    """Where nothing could be paid without breaking the floor, a plan that keeps out of the red says more than none."""
    low = band.low_p10.p10
    if floor.value is None or low >= floor.value or low < 0:
        return floor
    note = f"below the floor of {floor.value} even if no bill is paid: kept out of the red instead"
    return basis.figure(ZERO, basis.currency, n=floor.n, n_of=floor.n_of, note=note)


def _planned(
    document: OpenDocument, own: Sequence[DatedFlow], forecast: Forecast, discount: DiscountedBill | None
) -> PlannedBill:
    """A day that is neither the due date nor today, nor a habit, is one that somebody set. A habit is no plan: the due date is."""
    on, habits = own[0].on, forecast.parts.late_by_habit
    is_fixed = document.external_id not in habits and on != max(document.ages_from, forecast.basis.as_of)
    return PlannedBill(
        external_id=document.external_id,
        amount=-sum((flow.amount for flow in own), ZERO),
        due_on=on if is_fixed else document.ages_from,
        discount=None if discount is None else _discount(document, own, forecast, discount),
        is_must_pay=any(flow.is_must_pay for flow in own),
        is_fixed=is_fixed,
    )


def _discount(
    document: OpenDocument, own: Sequence[DatedFlow], forecast: Forecast, bill: DiscountedBill
) -> tuple[date, Decimal] | None:
    """None where taking it is not worth the risk."""
    offer = discount_offer(
        document.external_id,
        DiscountTerms(bill.percent, bill.discount_days, bill.net_days),
        issued_on=bill.issued_on,
        open_amount=document.open_amount,
        planned=own,
        draws=forecast.baseline.draws,
        floor=forecast.report.floor.value or ZERO,
        basis=forecast.basis,
    )
    return (offer.pay_by, offer.saving.value or ZERO) if offer.is_recommended else None


def _row(
    row: PlanRow, planned: PlannedBill, documents: Mapping[str, OpenDocument], known: Mapping[str, OpenBill]
) -> PlannedPayment:
    return PlannedPayment(
        row=row,
        document=documents[row.external_id],
        bill=known.get(row.external_id),
        is_must_pay=planned.is_must_pay,
        is_fixed=planned.is_fixed,
        saving=planned.amount - row.amount if row.takes_discount else ZERO,
    )
