"""What is owed, as a table that can be acted on: each bill with its approval, the day it is planned for, and the payment that has it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from domains.ap import payable_queries
from domains.ap.approval_service import ApprovalService
from domains.ap.approvals import Standing
from domains.ap.bill_service import BillService
from domains.ap.must_pays import list_must_pays
from domains.ap.paying import Credit
from domains.ap.queries import ListedBill
from domains.core.documents import DocumentFilter
from infra.actions import listing
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.sync.freshness import AS_IT_STANDS, Fetched, FreshnessNeed
from runway.calculators.ageing import Ageing
from runway.calculators.forecast import Forecast
from runway.calculators.impacts import Impact, Impacts
from runway.calculators.outlook import DatedFlow
from runway.orchestrators.ageing import ageing_beside
from runway.orchestrators.cash_runway import oldest_of
from runway.orchestrators.outlook import Outlook


@dataclass(frozen=True)
class Payable:
    """One bill.

    Attributes:
        planned: the days on which the forecast pays it.
        payment: ours that has hold of it and is not over.
        late_by_habit: days after its due day, where its vendor's habit is why it is paid then.
    """

    bill: ListedBill
    standing: Standing | None
    planned: Sequence[DatedFlow]
    is_must_pay: bool
    payment: ActionIntent | None
    late_by_habit: int | None = None


@dataclass(frozen=True)
class PayablesPage:
    """`ageing` is of all that is open, whatever was asked for."""

    rows: Sequence[Payable]
    next_cursor: str | None
    ageing: Ageing
    forecast: Forecast


@dataclass(frozen=True)
class PayablesTable:
    """Reads the mirror, our own tables and the kept forecast: a number of statements that does not grow with the rows."""

    bills: BillService
    approvals: ApprovalService
    outlook: Outlook
    uow: UnitOfWorkFactory
    today: date

    async def get(self, wanted: DocumentFilter, *, freshness: FreshnessNeed) -> Fetched[PayablesPage]:
        """One page.

        Raises:
            UnreadableCursor: `wanted.after` is none of ours.
        """
        listed, outlook = await asyncio.gather(
            self.bills.list_bills(wanted, freshness=freshness), self.outlook.get(freshness=AS_IT_STANDS)
        )
        rows = await self._rows(listed.value.items, outlook.value)
        aged = await ageing_beside(self.bills, outlook, today=self.today)
        page = PayablesPage(rows, listed.value.next_cursor, aged, outlook.value)
        return Fetched(page, oldest_of([listed.freshness, outlook.freshness]))

    async def list_rows(self, wanted: DocumentFilter, *, freshness: FreshnessNeed) -> Fetched[list[ListedBill]]:
        """Every page of it, for a table that is taken along."""
        first = page = await self.bills.list_bills(wanted, freshness=freshness)
        rows = list(page.value.items)
        while page.value.next_cursor is not None:
            page = await self.bills.list_bills(replace(wanted, after=page.value.next_cursor), freshness=AS_IT_STANDS)
            rows += page.value.items
        return Fetched(rows, first.freshness)

    async def _rows(self, listed: Sequence[ListedBill], forecast: Forecast) -> list[Payable]:
        external = [bill["external_id"] for bill in listed]
        business_id = self.bills.business_id
        async with self.uow([business_id]) as uow:
            standings = await self.approvals.standing(uow.session, [bill["id"] for bill in listed])
            marked = await list_must_pays(uow.session, business_id)
            held = await listing.list_holding(uow.session, business_id, kinds=["Bill"], external_ids=external)
        flows = forecast.index.bill_flows
        return [
            Payable(
                bill,
                standings.get(bill["id"]),
                sorted(flows.get(bill["external_id"], []), key=lambda flow: flow.on),
                is_must_pay=bill["external_id"] in marked,
                payment=held.get(bill["external_id"]),
                late_by_habit=forecast.parts.late_by_habit.get(bill["external_id"]),
            )
            for bill in listed
        ]


@dataclass(frozen=True)
class PayableDetail:
    """One bill with what a decision about it takes to know.

    Attributes:
        credits: its vendor's that are not used up, in the bill's currency.
        impact: what paying it costs against not paying it, as its item of the tray tells; None where the forecast does not count it.
        forecast: None where it was not there to ask: it is being worked out.
    """

    payable: Payable
    duplicates: Sequence[str]
    credits: Sequence[Credit]
    impact: Impact | None
    forecast: Fetched[Forecast] | None


@dataclass(frozen=True)
class PayableDesk:
    """One bill, as somebody opens it."""

    table: PayablesTable

    async def get(
        self, bill_id: UUID, *, freshness: FreshnessNeed, patience: timedelta | None = None
    ) -> Fetched[PayableDetail]:
        """The bill as it stands; without what the forecast says of it, where that takes longer than `patience`.

        Raises:
            BillNotFound: no such bill, or it is deleted.
        """
        table = self.table
        found, outlook = await asyncio.gather(
            table.bills.get_listed_bill(bill_id, freshness=freshness),
            table.outlook.get_within(patience, freshness=AS_IT_STANDS),
        )
        bill, business_id, forecast = found.value, table.bills.business_id, outlook.value
        async with table.uow([business_id]) as uow:
            standing = (await table.approvals.standing(uow.session, [bill_id], with_material=True))[bill_id]
            marked = await list_must_pays(uow.session, business_id)
            held = await listing.list_holding(
                uow.session, business_id, kinds=["Bill"], external_ids=[bill["external_id"]]
            )
            alike = await table.approvals.list_duplicates(uow.session, standing)
            left = await payable_queries.list_unused_credits(uow.session, business_id, bill["vendor_external_id"])
        row = Payable(
            bill,
            standing,
            sorted(forecast.index.bill_flows.get(bill["external_id"], []), key=lambda flow: flow.on)
            if forecast
            else [],
            is_must_pay=bill["external_id"] in marked,
            payment=held.get(bill["external_id"]),
            late_by_habit=forecast.parts.late_by_habit.get(bill["external_id"]) if forecast else None,
        )
        usable = [one for one in left if one.currency in {bill["currency"], None}]
        impact = Impacts(forecast.baseline).of_paying(row.planned) if forecast and row.planned else None
        told = None if forecast is None else Fetched(forecast, outlook.freshness)
        detail = PayableDetail(row, [one.words for one in alike], usable, impact, told)
        return Fetched(detail, oldest_of([found.freshness, outlook.freshness]))
