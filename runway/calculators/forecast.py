"""The 13 weeks ahead of one company: every row joined into one path, its band, and the headline. Pure, so that history can be replayed."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from domains.core.movements import CashAccount
from infra.money import ZERO
from runway.calculators.ageing import OpenDocument, UnappliedCredit
from runway.calculators.burn import history_days
from runway.calculators.cash import is_undeposited
from runway.calculators.consequence import Baseline, Standing
from runway.calculators.draws import Draws, draw, seed_of
from runway.calculators.expected_dates import Expectations, ExpectedReceipt, Override
from runway.calculators.exposure import Concentration, concentration
from runway.calculators.figures import Basis
from runway.calculators.floor import DefaultFloor, FloorPolicy, below_floor_since
from runway.calculators.flows import Flow, FlowKind, classify
from runway.calculators.lateness import InvoiceHistory
from runway.calculators.outflow_kinds import OutflowKind, PastOutflow, past_outflows, payee_key
from runway.calculators.outlook import (
    CashPath,
    DatedFlow,
    PathRow,
    bill_flows,
    cash_path,
    receipt_flows,
    undeposited_flow,
)
from runway.calculators.party_credits import AfterCredits, after_credits
from runway.calculators.payers import PayerBook, payer_book
from runway.calculators.recurring import Recurring, find_recurring, recurring_flows, tax_flow, unexplained
from runway.calculators.runway import RunwayCalculator, RunwayInputs, RunwayReport
from runway.calculators.runway_gap import RunwayGap, runway_gap
from runway.calculators.to_come import Settled, ToCome, to_come
from runway.calculators.unplanned import WeekdayProfile, weekday_profile

# Sales that are invoiced for more than this leave no pattern worth a row of their own.
MOSTLY_INVOICED = Decimal("0.9")
_BILL_PAYMENT, _RECEIPT = "BillPayment", "Receipt"
_SALES_RECEIPT = "SalesReceipt"
_FILING_DAY = 20


@dataclass(frozen=True)
class Books:
    """What the domains hand over, all of T, in home currency.

    Attributes:
        runway: accounts, movements of 365 days, and how old they are.
        invoices, bills: what is open. `invoice_credits`, `bill_credits`: what is not applied yet.
        histories: invoices with a payment in the last 24 months.
        collected, paid: what invoices and bills were settled with in the last 91 days.
    """

    runway: RunwayInputs
    invoices: Sequence[OpenDocument] = ()
    invoice_credits: Sequence[UnappliedCredit] = ()
    bills: Sequence[OpenDocument] = ()
    bill_credits: Sequence[UnappliedCredit] = ()
    histories: Sequence[InvoiceHistory] = ()
    collected: Sequence[Settled] = ()
    paid: Sequence[Settled] = ()


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


@dataclass(frozen=True)
class Forecast:
    """Attributes:
    standing: the headline, its band and what may bounce.
    path: the expected path, row by row; its middle is a mean where the band's is a median.
    receipts: each open invoice on the days it may be paid.
    flows: all dated flows but the invoices'.
    invoices, bills: after credits.
    assumptions: in words, in the order of the rows.
    """

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
    series: tuple[Recurring, ...]
    unplanned: WeekdayProfile
    uninvoiced_sales: WeekdayProfile | None
    not_yet_invoiced: ToCome
    not_yet_billed: ToCome
    gap: RunwayGap | None
    concentration: Concentration | None
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Of one company: each row's flows, and what varies week by week."""

    flows: list[DatedFlow]
    residuals: dict[PathRow, tuple[Decimal, ...]]
    week_shares: dict[PathRow, tuple[Decimal, ...]]


def forecast(books: Books, *, company_id: str, rules: ForecastRules | None = None) -> Forecast:
    """The same books, company and rules give the same forecast, to the cent."""
    rules = rules or ForecastRules()
    basis, inputs = books.runway.basis, books.runway
    calculator = RunwayCalculator(floor=rules.floor)
    flows = classify(inputs.movements, inputs.accounts, rules=calculator.rules)
    history = history_days(flows, basis.as_of, began_on=inputs.history_from)
    outflows = past_outflows(flows, inputs.accounts)
    series = find_recurring(outflows, basis)
    calculator = replace(calculator, floor=_floor(rules.floor, series))
    report = calculator.calculate(inputs, flows=flows)

    payers = payer_book(books.histories, basis.as_of)
    invoices = after_credits(books.invoices, books.invoice_credits, basis=basis)
    bills = after_credits(books.bills, books.bill_credits, basis=basis)
    expectations = Expectations(payers, rules.overrides, rules.probabilities, rules.holidays)
    receipts = expectations.receipts(invoices.documents)

    unplanned = _unplanned(outflows, series, basis, history=history)
    sales = _uninvoiced_sales(flows, inputs.accounts, basis, history=history, rules=rules)
    collected = to_come(books.collected if rules.counts_to_come else (), basis, history=history)
    paid = to_come(_apart_from(books.paid, series) if rules.counts_to_come else (), basis, history=history)
    rows = _rows(unplanned, sales, collected, paid, basis)
    rows.flows.extend(undeposited_flow(report.cash.undeposited.value or ZERO, as_of=basis.as_of))
    rows.flows.extend(
        bill_flows(bills.documents, as_of=basis.as_of, scheduled=dict(rules.scheduled), must_pay=rules.must_pay)
    )
    rows.flows.extend(_recurring(series, bills, basis, rules=rules))
    rows.flows.extend(_sales_tax(series, inputs.accounts, basis, rules=rules))

    cash = report.cash.cash.value or ZERO
    draws = draw(
        cash,
        rows.flows,
        receipts=receipts,
        seed=seed_of(company_id, basis.as_of),
        as_of=basis.as_of,
        residuals=rows.residuals,
        week_shares=rows.week_shares,
    )
    baseline = _baseline(report, draws, rows.flows, inputs, n=len(books.invoices) + len(books.bills))
    standing = baseline.standing()
    path = cash_path(cash, [*rows.flows, *receipt_flows(receipts)], as_of=basis.as_of)
    return Forecast(
        company_id=company_id,
        basis=basis,
        report=report,
        baseline=baseline,
        standing=standing,
        path=path,
        payers=payers,
        receipts=tuple(receipts),
        flows=tuple(rows.flows),
        invoices=invoices,
        bills=bills,
        series=tuple(series),
        unplanned=unplanned,
        uninvoiced_sales=sales,
        not_yet_invoiced=collected,
        not_yet_billed=paid,
        gap=runway_gap(standing.runway, report.runway, flows=path.flows, as_of=basis.as_of),
        concentration=concentration(path.flows, basis=basis),
        assumptions=_assumptions(rules, sales, collected, paid),
    )


def _floor(policy: FloorPolicy, series: Sequence[Recurring]) -> FloorPolicy:
    """One payroll, its taxes with it, where nobody said otherwise and one is seen."""
    pay = [item for item in series if item.kind is OutflowKind.PAYROLL]
    if policy != DefaultFloor() or not pay:
        return policy
    taxes = [item for item in series if item.kind is OutflowKind.PAYROLL_TAX]
    return DefaultFloor(sum((item.amount.value or ZERO for item in (*pay, *taxes)), ZERO))


def _baseline(
    report: RunwayReport, draws: Draws, flows: Sequence[DatedFlow], inputs: RunwayInputs, *, n: int
) -> Baseline:
    position = report.cash
    since = partial(
        below_floor_since,
        position.cash.value or ZERO,
        report.floor.value or ZERO,
        movements=inputs.movements,
        account_ids={account.account_id for account in position.counted},
        as_of=inputs.basis.as_of,
    )
    return Baseline(
        cash=position.cash,
        floor=report.floor,
        draws=draws,
        flows=tuple(flows),
        burn=report.burn,
        basis=inputs.basis,
        below_since=since,
        n=n,
    )


def _unplanned(
    outflows: Sequence[PastOutflow], series: Sequence[Recurring], basis: Basis, *, history: int
) -> WeekdayProfile:
    """Bills are rows of their own, open and to come."""
    left = [item for item in unexplained(outflows, series) if item.source != _BILL_PAYMENT]
    return weekday_profile(((item.on, item.amount) for item in left), basis, history=history)


def _uninvoiced_sales(
    flows: Sequence[Flow], accounts: Sequence[CashAccount], basis: Basis, *, history: int, rules: ForecastRules
) -> WeekdayProfile | None:
    """None where (nearly) all sales are invoiced, or nobody wants the row."""
    clearing = {account.account_id for account in accounts if is_undeposited(account)}
    coming = [flow for flow in flows if flow.movement.amount > 0 and flow.movement.on < basis.as_of]
    sales = [flow for flow in coming if _is_uninvoiced_sale(flow, clearing)]
    recent = basis.as_of - timedelta(days=min(history, 91))
    invoiced = sum(
        (f.movement.amount for f in coming if f.movement.source == _RECEIPT and f.movement.on >= recent), ZERO
    )
    rest = sum((flow.movement.amount for flow in sales if flow.movement.on >= recent), ZERO)
    is_wanted = rules.counts_uninvoiced_sales
    if is_wanted is None:
        is_wanted = rest > 0 and invoiced <= MOSTLY_INVOICED * (invoiced + rest)
    if not is_wanted:
        return None
    return weekday_profile(((flow.movement.on, flow.movement.amount) for flow in sales), basis, history=history)


def _is_uninvoiced_sale(flow: Flow, clearing: AbstractSet[str]) -> bool:
    """A sales receipt, wherever it went first; or money that came to the bank without a document of ours."""
    movement = flow.movement
    if movement.source == _SALES_RECEIPT:
        return flow.kind in {FlowKind.OPERATING, FlowKind.UNDEPOSITED}
    return (
        flow.is_operating
        and movement.source != _RECEIPT
        and movement.counter_account_id not in clearing
        and not movement.is_trade
    )


def _apart_from(paid: Sequence[Settled], series: Sequence[Recurring]) -> list[Settled]:
    """Payees that come again have their own dates."""
    again = {key for item in series for key in item.payee_keys}
    return [item for item in paid if item.party_name is None or payee_key(item.party_name) not in again]


def _rows(
    unplanned: WeekdayProfile, sales: WeekdayProfile | None, collected: ToCome, paid: ToCome, basis: Basis
) -> _Rows:
    usual = [(PathRow.UNPLANNED, unplanned, -1)] + ([(PathRow.UNINVOICED_SALES, sales, 1)] if sales else [])
    coming = [(PathRow.NOT_YET_INVOICED, collected, 1), (PathRow.NOT_YET_BILLED, paid, -1)]
    profiles: list[tuple[PathRow, WeekdayProfile | ToCome, int]] = [*usual, *coming]
    return _Rows(
        flows=[flow for row, profile, sign in profiles for flow in profile.flows(row, as_of=basis.as_of, sign=sign)],
        residuals={row: profile.signed_residuals(sign) for row, profile, sign in profiles},
        week_shares={row: profile.week_shares for row, profile, _ in coming},
    )


def _recurring(
    series: Sequence[Recurring], bills: AfterCredits, basis: Basis, *, rules: ForecastRules
) -> list[DatedFlow]:
    billed = [(payee_key(bill.party_name), bill.ages_from) for bill in bills.documents if bill.open_amount]
    return recurring_flows(series, as_of=basis.as_of, open_bills=billed, holidays=rules.holidays)


def _sales_tax(
    series: Sequence[Recurring], accounts: Sequence[CashAccount], basis: Basis, *, rules: ForecastRules
) -> list[DatedFlow]:
    """What is owed now, on its filing date, unless remittances come in a rhythm of their own."""
    if any(item.kind is OutflowKind.SALES_TAX for item in series):
        return []
    owed = -sum((account.balance for account in accounts if _is_sales_tax(account)), ZERO)
    return tax_flow(owed, filing_on=rules.filing_on or _next_filing(basis.as_of))


def _is_sales_tax(account: CashAccount) -> bool:
    return account.account_type == "Other Current Liability" and account.account_subtype in {
        "SalesTaxPayable",
        "GlobalTaxPayable",
    }


def _next_filing(as_of: date) -> date:
    after = (as_of.replace(day=1) + timedelta(days=32)).replace(day=_FILING_DAY)
    return as_of.replace(day=_FILING_DAY) if as_of.day <= _FILING_DAY else after


def _assumptions(
    rules: ForecastRules, sales: WeekdayProfile | None, collected: ToCome, paid: ToCome
) -> tuple[str, ...]:
    said = ["Open invoices come as their customers have paid before, given that they have not paid yet."]
    if sales is not None:
        said.append("Sales without an invoice go on as in a usual week.")
    if collected.shares:
        said.append("New invoices are written and paid as in the last 13 weeks.")
    said.append("Open bills are paid on the day they are scheduled for, else on their due date; overdue ones today.")
    if paid.shares:
        said.append("New bills come and are paid as in the last 13 weeks.")
    if not rules.counts_to_come:
        said.append("Nothing is counted that is not invoiced or billed yet.")
    said.append("Payments that came in a rhythm come again; the rest of what goes out is that of a usual week.")
    return tuple(said)
