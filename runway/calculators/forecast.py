"""The 13 weeks ahead of one company: every row joined into one path, its band, and the headline. Pure, so that history can be replayed."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property

from domains.core.rates import HomeRate
from infra.money import ZERO
from runway.calculators.ageing import Ageing, OpenDocument, UnappliedCredit
from runway.calculators.assumptions import assumptions_of
from runway.calculators.consequence import Baseline, Standing
from runway.calculators.draws import Draws, draw, seed_of
from runway.calculators.expected_dates import Expectations, ExpectedReceipt, Override, counted_from
from runway.calculators.exposure import Concentration, concentration
from runway.calculators.figures import Basis
from runway.calculators.floor import BelowFloorSince, DefaultFloor, FloorPolicy, KnownSince
from runway.calculators.flows import FlowRules
from runway.calculators.forecast_floor import below_since, floor_policy
from runway.calculators.forecast_index import ForecastIndex
from runway.calculators.forecast_rows import (
    apart_from,
    recurring_rows,
    sales_tax,
    uninvoiced_sales,
    unplanned_profile,
    usual_rows,
)
from runway.calculators.groundwork import Books, Groundwork, LeftOut, Sides, groundwork, sides_of
from runway.calculators.lately import Lately, lately
from runway.calculators.outlook import CashPath, DatedFlow, bill_flows, cash_path, receipt_flows, undeposited_flow
from runway.calculators.party_credits import AfterCredits
from runway.calculators.payers import PayerBook
from runway.calculators.recurring import Recurring
from runway.calculators.runway import RunwayCalculator, RunwayReport
from runway.calculators.runway_gap import RunwayGap, runway_gap
from runway.calculators.to_come import ToCome, to_come
from runway.calculators.unplanned import WeekdayProfile
from runway.calculators.vendor_habit import late_by_habit


@dataclass(frozen=True)
class ForecastRules:
    """What people decided.

    Attributes:
        floor: DefaultFloor() becomes one payroll where a pay-run is seen.
        overrides: of the dates on which invoices are expected.
        probabilities: invoice → chance of collecting, where a dispute or write-off is recorded.
        scheduled: bill → the day on which it is to be paid.
        must_pay: bills.
        filing_on: when sales tax is next due; None takes the 20th of the month after T.
        counts_uninvoiced_sales: None decides by the share of sales that is invoiced.
        counts_to_come: also what is not invoiced and billed yet.
        bills_by_habit: a bill without a plan is paid as long after its due date as its vendor usually is.
        flows: which accounts are cash, and which movements are operating.
    """

    floor: FloorPolicy = field(default_factory=DefaultFloor)
    overrides: Sequence[Override] = ()
    probabilities: tuple[tuple[str, Decimal], ...] = ()
    scheduled: Mapping[str, date] = field(default_factory=dict)
    must_pay: frozenset[str] = frozenset()
    filing_on: date | None = None
    holidays: AbstractSet[date] = frozenset()
    counts_uninvoiced_sales: bool | None = None
    counts_to_come: bool = True
    bills_by_habit: bool = False
    flows: FlowRules = field(default_factory=FlowRules)


@dataclass(frozen=True)
class ForecastParts:
    """What takes the books to know. All else of a forecast is joined from it, and so it is what is kept.

    Attributes:
        since: of use only where cash is at or below the floor.
        flows: all dated flows but the invoices'.
        open_invoices, open_bills: before credits.
        lately: what was booked and settled in the last weeks, for whoever asks what changed.
    rates: of other currencies, by which balances are converted.
    late_by_habit: bill → days after its due date on which it is paid, of those that their vendor's habit moves.
    """

    company_id: str
    basis: Basis
    report: RunwayReport
    draws: Draws
    since: BelowFloorSince
    payers: PayerBook
    receipts: tuple[ExpectedReceipt, ...]
    flows: tuple[DatedFlow, ...]
    open_invoices: tuple[OpenDocument, ...]
    invoice_credits: tuple[UnappliedCredit, ...]
    open_bills: tuple[OpenDocument, ...]
    bill_credits: tuple[UnappliedCredit, ...]
    series: tuple[Recurring, ...]
    unplanned: WeekdayProfile
    uninvoiced_sales: WeekdayProfile | None
    not_yet_invoiced: ToCome
    not_yet_billed: ToCome
    assumptions: tuple[str, ...]
    lately: Lately
    rates: Mapping[str, HomeRate] = field(default_factory=dict)
    late_by_habit: Mapping[str, int] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)

    @cached_property
    def asked_in_tray(self) -> int:
        """How many receipts are so late that nothing is expected until a person says otherwise."""
        return sum(receipt.asks_in_tray for receipt in self.receipts)

    @cached_property
    def largest_receipts(self) -> tuple[ExpectedReceipt, ...]:
        """All, the largest first."""
        return tuple(sorted(self.receipts, key=lambda one: (-one.amount, one.external_id)))

    @cached_property
    def customer_names(self) -> dict[str, str]:
        """By invoice."""
        return {one.external_id: one.party_name for one in self.open_invoices}


@dataclass(frozen=True)
class Forecast:
    """Attributes:
    parts: what it was joined from.
    standing: the headline, its band and what may bounce.
    path: the expected path, row by row; its middle is a mean where the band's is a median.
    receipts: each open invoice on the days it may be paid.
    flows: all dated flows but the invoices'.
    invoices, bills: after credits; `receivables`, `payables`: before them, by age.
    assumptions: in words, in the order of the rows.
    index: its documents, receipts and bills' flows by id.
    """

    parts: ForecastParts
    company_id: str
    basis: Basis
    report: RunwayReport
    baseline: Baseline
    standing: Standing
    path: CashPath
    payers: PayerBook
    receipts: tuple[ExpectedReceipt, ...]
    flows: tuple[DatedFlow, ...]
    invoices: AfterCredits
    bills: AfterCredits
    receivables: Ageing
    payables: Ageing
    series: tuple[Recurring, ...]
    unplanned: WeekdayProfile
    uninvoiced_sales: WeekdayProfile | None
    not_yet_invoiced: ToCome
    not_yet_billed: ToCome
    gap: RunwayGap | None
    concentration: Concentration | None
    assumptions: tuple[str, ...]
    index: ForecastIndex = field(repr=False, compare=False)


def forecast(books: Books, *, company_id: str, rules: ForecastRules | None = None) -> Forecast:
    """The same books, company and rules give the same forecast, to the cent."""
    rules = rules or ForecastRules()
    return forecast_on(groundwork(books, rules.flows), company_id=company_id, rules=rules)


def forecast_on(ground: Groundwork, *, company_id: str, rules: ForecastRules) -> Forecast:
    """The same as `forecast` of its books; the rules of flows are the groundwork's."""
    return joined(_parts_of(ground, company_id=company_id, rules=rules), sides=ground.sides)


def _parts_of(ground: Groundwork, *, company_id: str, rules: ForecastRules) -> ForecastParts:
    books, flows, outflows, series = ground.books, ground.flows, ground.outflows, ground.series
    basis, inputs, history, banking = books.runway.basis, books.runway, ground.history, ground.banking
    calculator = RunwayCalculator(floor=floor_policy(rules.floor, series), rules=ground.rules)
    report = calculator.calculate(inputs, flows=flows)

    through = inputs.booked_through or basis.as_of
    expectations = Expectations(ground.payers, rules.overrides, rules.probabilities, rules.holidays, banking)
    usual = ground.receipts_by_habit.setdefault(frozenset(rules.holidays), {})
    found = expectations.receipts(ground.sides.invoices.documents, usual=usual)
    receipts = counted_from(basis.as_of, found, since=through)

    unplanned = unplanned_profile(outflows, series, basis, history=history)
    sales = uninvoiced_sales(flows, inputs.accounts, basis, history=history, is_wanted=rules.counts_uninvoiced_sales)
    collected = to_come(ground.banked if rules.counts_to_come else (), basis, history=history)
    paid = to_come(apart_from(books.paid, series) if rules.counts_to_come else (), basis, history=history)
    rows = usual_rows(unplanned, sales, collected, paid, replace(basis, as_of=through))
    rows.flows.extend(undeposited_flow(report.cash.undeposited.value or ZERO, as_of=basis.as_of))
    owed, moved = _owed(ground, rules)
    rows.flows.extend(owed)
    draws = draw(
        report.cash.cash.value or ZERO,
        rows.flows,
        receipts=receipts,
        seed=seed_of(company_id, basis.as_of),
        as_of=basis.as_of,
        residuals=rows.residuals,
        week_shares=rows.week_shares,
    )
    return ForecastParts(
        company_id=company_id,
        basis=basis,
        report=report,
        draws=draws,
        since=below_since(report, inputs),
        payers=ground.payers,
        receipts=tuple(receipts),
        flows=tuple(rows.flows),
        open_invoices=tuple(books.invoices),
        invoice_credits=tuple(books.invoice_credits),
        open_bills=tuple(books.bills),
        bill_credits=tuple(books.bill_credits),
        series=tuple(series),
        unplanned=unplanned,
        uninvoiced_sales=sales,
        not_yet_invoiced=collected,
        not_yet_billed=paid,
        assumptions=assumptions_of(
            sales,
            collected=collected,
            paid=paid,
            counts_to_come=rules.counts_to_come,
            waits=banking.is_any_late,
            bills_by_habit=rules.bills_by_habit,
        ),
        lately=lately(
            flows,
            outflows,
            series=series,
            counted={account.account_id for account in report.cash.counted},
            collected=books.collected,
            paid=books.paid,
            as_of=basis.as_of,
        ),
        rates=dict(inputs.rates),
        late_by_habit=moved,
        left_out=books.left_out,
    )


def _owed(ground: Groundwork, rules: ForecastRules) -> tuple[list[DatedFlow], Mapping[str, int]]:
    """Bills, what comes again and sales tax; and the bills that a habit moves."""
    bills, series, basis = ground.sides.bills, ground.series, ground.books.runway.basis
    day, scheduled, must_pay = basis.as_of, rules.scheduled, rules.must_pay
    moved: Mapping[str, int] = {}
    if rules.bills_by_habit:
        moved = late_by_habit(bills.documents, ground.vendors, as_of=day, planned=scheduled.keys() | must_pay)
    found = [
        *bill_flows(bills.documents, as_of=day, scheduled=scheduled, must_pay=must_pay, late_by_habit=moved),
        *recurring_rows(series, bills, basis, outflows=ground.outflows, holidays=rules.holidays, late_by_habit=moved),
        *sales_tax(series, ground.books.runway.accounts, basis, filing_on=rules.filing_on),
    ]
    return found, moved


def joined(parts: ForecastParts, *, sides: Sides | None = None) -> Forecast:
    """The forecast of these parts, the same whether they were just made or kept. `sides` are theirs, where somebody has them."""
    basis, report = parts.basis, parts.report
    sides = sides or sides_of(
        parts.open_invoices,
        parts.invoice_credits,
        parts.open_bills,
        parts.bill_credits,
        basis=basis,
        left_out=parts.left_out,
    )
    baseline = Baseline(
        cash=report.cash.cash,
        floor=report.floor,
        draws=parts.draws,
        flows=parts.flows,
        burn=report.burn,
        basis=basis,
        below_since=KnownSince(parts.since),
        n=len(parts.open_invoices) + len(parts.open_bills),
    )
    standing = baseline.standing()
    path = cash_path(report.cash.cash.value or ZERO, [*parts.flows, *receipt_flows(parts.receipts)], as_of=basis.as_of)
    return Forecast(
        parts=parts,
        company_id=parts.company_id,
        basis=basis,
        report=report,
        baseline=baseline,
        standing=standing,
        path=path,
        payers=parts.payers,
        receipts=parts.receipts,
        flows=parts.flows,
        invoices=sides.invoices,
        bills=sides.bills,
        receivables=sides.receivables,
        payables=sides.payables,
        series=parts.series,
        unplanned=parts.unplanned,
        uninvoiced_sales=parts.uninvoiced_sales,
        not_yet_invoiced=parts.not_yet_invoiced,
        not_yet_billed=parts.not_yet_billed,
        gap=runway_gap(standing.runway, report.runway, flows=path.flows, as_of=basis.as_of),
        concentration=concentration(path.flows, basis=basis),
        assumptions=parts.assumptions,
        index=ForecastIndex(
            basis.as_of, sides.invoices.documents, sides.bills.documents, parts.receipts, parts.flows, parts.payers
        ),
    )
