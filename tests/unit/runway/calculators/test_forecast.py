"""The whole forecast of small books, by hand; and what must hold of any."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.core.movements import CashMovement
from runway.calculators.ageing import Application, OpenDocument, UnappliedCredit
from runway.calculators.burn_runway import RunwayState
from runway.calculators.cash import CashRules
from runway.calculators.expected_dates import ExpectedBy, Override
from runway.calculators.floor import AbsoluteFloor, DefaultFloor
from runway.calculators.flows import FlowRules
from runway.calculators.forecast import Forecast, ForecastRules, forecast, forecast_on, joined
from runway.calculators.forecast_rows import next_filing
from runway.calculators.groundwork import Books, groundwork
from runway.calculators.lateness import InvoiceHistory
from runway.calculators.outlook import PathRow
from runway.calculators.runway import RunwayInputs
from runway.calculators.to_come import Settled
from tests.unit.runway.calculators.making import BASIS, CHART, NOW, T, make_account, make_movement, whole, wholes

CHECKING = make_account("checking", subtype="Checking", balance=Decimal(10000))
RENT, WAGES, TAX = (
    make_account("rent", "Expense", "RentOrLeaseOfBuildings"),
    make_account("wages", "Expense", "PayrollExpenses"),
    make_account("tax", "Other Current Liability", "SalesTaxPayable", balance=Decimal(-450)),
)
FEW = ForecastRules(floor=AbsoluteFloor(Decimal(1000)), counts_to_come=False, counts_uninvoiced_sales=False)


def make_document(external_id: str, amount: int | Decimal, due_in: int, *, party: str = "p1") -> OpenDocument:
    due_on = T + timedelta(days=due_in)
    return OpenDocument(external_id, party, f"Party {party}", due_on - timedelta(days=30), due_on, Decimal(amount))


def make_history(days_late: int, *, party: str = "p1", paid_ago: int = 20, total: int = 100) -> InvoiceHistory:
    paid_on = T - timedelta(days=paid_ago)
    return InvoiceHistory(
        party, paid_on - timedelta(days=days_late), Decimal(total), (Application(paid_on, Decimal(total)),)
    )


def make_books(*movements: CashMovement, accounts: Any = (CHECKING, RENT, WAGES), **more: Any) -> Books:
    moved = movements or (make_movement(-1, 200),)
    inputs = RunwayInputs(basis=BASIS, accounts=accounts, movements=moved, synced_at=NOW, now=NOW)
    return Books(runway=inputs, **more)


def make_forecast(books: Books, rules: ForecastRules = FEW) -> Forecast:
    return forecast(books, company_id="company", rules=rules)


def monthly(amount: int, **more: Any) -> list[CashMovement]:
    """On the 5th of each of the last six months."""
    days = [date(2025, month, 5) for month in range(6, 12)]
    return [make_movement(amount, (T - day).days, external_id=f"{amount}/{day}", **more) for day in days]


def test_golden_a_small_book_by_hand() -> None:
    """T is Friday 21 November. Cash 10,000, floor 1,000.

    An invoice of 600 that is paid on its day always (due Mon 1 Dec), less a credit of 100: 500 on 1 December. Bills: 300 overdue,
    so today; 2,500 due on 15 December. Rent of 2,000 on the 5th: 5 December, 5 January, 5 February. Sales tax owed, 450, on
    20 December. Closing: 10,000 - 300 + 500 - 2,000 - 2,500 - 450 - 2,000 - 2,000 = 1,250.
    """
    books = make_books(
        *monthly(-2000, counterparty="Landlord"),
        accounts=(CHECKING, RENT, TAX),
        invoices=[make_document("i1", 600, 10)],
        invoice_credits=[UnappliedCredit("p1", "p1", "Party p1", Decimal(100))],
        bills=[make_document("b1", 300, -3, party="v1"), make_document("b2", 2500, 24, party="v2")],
        histories=[make_history(0) for _ in range(4)],
    )
    made = make_forecast(books)
    flows = [(flow.on, flow.row, whole(flow.amount)) for flow in made.path.flows if flow.row is not PathRow.INVOICES]
    assert flows == [
        (T, PathRow.BILLS, -300),
        (date(2025, 12, 5), PathRow.RECURRING, -2000),
        (date(2025, 12, 15), PathRow.BILLS, -2500),
        (date(2025, 12, 20), PathRow.TAX, -450),
        (date(2026, 1, 5), PathRow.RECURRING, -2000),
        (date(2026, 2, 5), PathRow.RECURRING, -2000),
    ]
    assert {flow.on for flow in made.path.flows if flow.row is PathRow.INVOICES} == {date(2025, 12, 1)}
    assert whole(made.path.days[-1].closing) == 1250
    assert made.standing.band.days[-1].p10 == made.standing.band.days[-1].p90 == Decimal(1250)
    assert made.standing.runway.state is RunwayState.FINITE  # steady burn goes on after the 13 weeks
    assert made.standing.runway.early.is_beyond_horizon
    assert (whole(made.standing.runway.low_point.amount.value), made.standing.runway.low_point.on) == (
        1250,
        date(2026, 2, 5),
    )
    assert wholes(made.receivables.total.value, made.payables.total.value, made.payables.overdue.value) == [
        500,
        2800,
        300,
    ]
    assert made.series[0].payee == "Landlord"
    assert made.standing.uncovered == ()


def test_the_first_day_below_the_floor_is_the_headline() -> None:
    books = make_books(bills=[make_document("b1", 8000, 12), make_document("b2", 1500, 40)])
    runway = make_forecast(books).standing.runway
    assert (whole(runway.days.value), runway.floor_on) == (40, T + timedelta(days=40))
    assert runway.zero_on is None or runway.zero_on > T + timedelta(days=91)


def test_below_the_floor_today_says_since_when() -> None:
    books = make_books(make_movement(-9500, 10), accounts=(replace(CHECKING, balance=Decimal(900)), RENT))
    runway = make_forecast(books).standing.runway
    assert runway.state is RunwayState.BELOW_FLOOR
    assert runway.below_since is not None
    assert (runway.below_since.on, runway.below_since.is_exact) == (T - timedelta(days=10), True)


def test_books_never_read_have_no_cash_and_no_numbers() -> None:
    made = make_forecast(make_books(accounts=()))
    assert made.standing.runway.state is RunwayState.CASH_UNKNOWN
    assert made.standing.runway.days.value is None


def test_one_payroll_is_the_floor_unless_somebody_says_otherwise() -> None:
    paid = [
        make_movement(-3000, 14 * run, counterparty="Gusto", counter_account_id="wages", external_id=f"pay {run}")
        for run in range(1, 6)
    ]
    made = make_forecast(make_books(*paid), ForecastRules(counts_to_come=False))
    assert (whole(made.report.floor.value), made.report.floor.n_of) == (3000, "payrolls")
    assert {flow.row for flow in made.flows if flow.is_must_pay} == {PathRow.PAYROLL}
    assert whole(make_forecast(make_books(*paid)).report.floor.value) == 1000
    assert ForecastRules().floor == DefaultFloor()


def test_what_is_usual_and_what_is_not_in_the_books_yet_are_rows_of_their_own() -> None:
    weeks = range(1, 14)
    spent = [make_movement(-70, 7 * week, counterparty=f"Shop {week}", external_id=f"s{week}") for week in weeks]
    sold = [make_movement(500, 7 * week + 1, source="SalesReceipt", external_id=f"r{week}") for week in weeks]
    settled = [
        Settled(T - timedelta(days=7 * week), T - timedelta(days=7 * week), Decimal(40), f"P{week}") for week in weeks
    ]
    books = make_books(*spent, *sold, collected=settled, paid=settled)
    made = make_forecast(books, ForecastRules(floor=AbsoluteFloor(Decimal(0))))
    rows = made.path.weeks()[5].rows
    assert {row: whole(amount) for row, amount in rows.items()} == {
        PathRow.UNINVOICED_SALES: 500,
        PathRow.NOT_YET_INVOICED: 40,
        PathRow.NOT_YET_BILLED: -40,
        PathRow.UNPLANNED: -70,
    }
    assert len(made.assumptions) == 6
    without = make_forecast(books, FEW)
    assert set(without.path.weeks()[5].rows) == {PathRow.UNPLANNED}
    assert any("not invoiced or billed" in said for said in without.assumptions)


def test_a_payee_that_comes_again_is_not_to_come_besides() -> None:
    settled = [
        Settled(T - timedelta(days=7 * week), T - timedelta(days=7 * week), Decimal(40), "Landlord")
        for week in range(1, 14)
    ]
    books = make_books(*monthly(-2000, counterparty="Landlord"), paid=settled)
    made = make_forecast(books, ForecastRules(floor=AbsoluteFloor(Decimal(0))))
    assert made.not_yet_billed.weekly.value == 0


def test_what_people_say_of_documents_counts() -> None:
    books = make_books(
        invoices=[make_document("i1", 600, 10), make_document("i2", 400, 10, party="p2")],
        bills=[make_document("b1", 300, 5)],
        histories=[make_history(0)],
    )
    day = T + timedelta(days=20)  # a Thursday
    rules = replace(
        FEW,
        overrides=[
            Override("i1", ExpectedBy.MANUAL, "user:1", T, on=day),
            Override("i2", ExpectedBy.EXCLUDED, "user:1", T),
        ],
        scheduled={"b1": T + timedelta(days=9)},
        must_pay=frozenset({"b1"}),
    )
    flows = [(flow.key, flow.on, flow.is_must_pay) for flow in make_forecast(books, rules).path.flows]
    assert flows == [("b1", T + timedelta(days=9), True), *[("i1", day, False)] * 5]


def test_an_account_that_the_owner_switched_counts() -> None:
    trust = make_account("trust", subtype="TrustAccounts", balance=Decimal(5000))
    books = make_books(accounts=(CHECKING, trust))
    rules = replace(FEW, flows=FlowRules(cash=CashRules(always_counted=frozenset({"trust"}))))
    assert wholes(make_forecast(books).report.cash.cash.value, make_forecast(books, rules).report.cash.cash.value) == [
        10000,
        15000,
    ]


@pytest.mark.parametrize(
    ("as_of", "day", "filing"),
    [
        (date(2025, 11, 20), 20, date(2025, 11, 20)),
        (date(2025, 11, 21), 20, date(2025, 12, 20)),
        (date(2025, 1, 31), 31, date(2025, 1, 31)),
        (date(2025, 2, 1), 31, date(2025, 2, 28)),
        (date(2025, 12, 21), 20, date(2026, 1, 20)),
    ],
)
def test_the_next_filing_day(as_of: date, day: int, filing: date) -> None:
    assert next_filing(as_of, day=day) == filing


AMOUNT = st.integers(1, 4000)
DOCUMENTS = st.lists(st.tuples(AMOUNT, st.integers(-40, 80), st.sampled_from("abc")), max_size=6)


def made_books(
    invoices: list[tuple[int, int, str]],
    bills: list[tuple[int, int, str]],
    *,
    cash: int = 10000,
    luck: Random | None = None,
) -> Books:
    def documents(kind: str, drawn: list[tuple[int, int, str]]) -> list[OpenDocument]:
        made = [make_document(f"{kind}{n}", amount, due, party=party) for n, (amount, due, party) in enumerate(drawn)]
        return made if luck is None else luck.sample(made, len(made))

    moved = [
        *monthly(-900, counterparty="Landlord"),
        *(make_movement(-50 - n, 3 * n, external_id=str(n)) for n in range(1, 30)),
    ]
    histories = [make_history(late, party=party) for late in (0, 5, 30) for party in "ab"]
    if luck is not None:
        luck.shuffle(moved)
        luck.shuffle(histories)
    accounts = (replace(CHECKING, balance=Decimal(cash)), RENT)
    return make_books(
        *moved, accounts=accounts, invoices=documents("i", invoices), bills=documents("b", bills), histories=histories
    )


@settings(max_examples=6, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.integers(0, 99))
def test_the_order_of_input_does_not_matter_and_the_path_adds_up(
    invoices: list[tuple[int, int, str]], bills: list[tuple[int, int, str]], seed: int
) -> None:
    plain = make_forecast(made_books(invoices, bills))
    shuffled = make_forecast(made_books(invoices, bills, luck=Random(seed)))  # noqa: S311  # an order, no secret
    assert (plain.path, plain.standing) == (shuffled.path, shuffled.standing)
    assert joined(plain.parts) == plain
    ground = groundwork(made_books(invoices, bills), FEW.flows)
    hurried = replace(FEW, floor=AbsoluteFloor(Decimal(5)), must_pay=frozenset({"b0"}), holidays=frozenset({T}))
    told = replace(
        FEW,
        overrides=[Override("i0", ExpectedBy.PROMISE, "owner", T, on=T + timedelta(9))],
        probabilities=(("i1", Decimal("0.25")),),
    )
    for rules in (FEW, told, hurried, FEW):
        decided = forecast_on(ground, company_id="company", rules=rules)
        assert decided == make_forecast(made_books(invoices, bills), rules)
    closing = plain.path.opening
    for day in plain.path.days:
        closing += sum((flow.amount for flow in plain.path.flows if flow.on == day.on), Decimal(0))
        assert day.closing == closing
    for one, next_one in zip(plain.path.weeks(), plain.path.weeks()[1:], strict=False):
        assert one.closing == one.opening + sum(one.rows.values()) == next_one.opening


@settings(max_examples=6, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.integers(1, 5000))
def test_more_cash_never_shortens_the_runway(
    invoices: list[tuple[int, int, str]], bills: list[tuple[int, int, str]], more: int
) -> None:
    less, richer = (
        make_forecast(made_books(invoices, bills, cash=cash)).standing.runway for cash in (9000, 9000 + more)
    )
    assert _days(richer.days.value) >= _days(less.days.value)
    assert (richer.low_point.amount.value or 0) - (less.low_point.amount.value or 0) == more


@settings(max_examples=6, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.integers(0, 5), st.integers(0, 80))
def test_paying_earlier_never_raises_the_low_point(
    invoices: list[tuple[int, int, str]], bills: list[tuple[int, int, str]], which: int, days: int
) -> None:
    if which >= len(bills):
        return
    due = max(T, T + timedelta(days=bills[which][1]))
    earlier = min(due, T + timedelta(days=days))
    books = made_books(invoices, bills)
    usual = make_forecast(books)
    early = make_forecast(books, replace(FEW, scheduled={f"b{which}": earlier}))
    assert early.path.low.closing <= usual.path.low.closing
    assert early.standing.runway.low_point.amount.value <= usual.standing.runway.low_point.amount.value  # type: ignore[operator]  # low points have a value


def _days(value: Decimal | None) -> Decimal:
    return Decimal("Infinity") if value is None else value


def test_the_chart_of_everybody_else_is_not_needed() -> None:
    """A wide chart with trust, cards and lines changes nothing but what it should."""
    made = make_forecast(make_books(accounts=CHART))
    assert whole(made.report.cash.cash.value) == 10000
    undeposited = [flow for flow in made.flows if flow.row is PathRow.UNDEPOSITED]
    assert [(flow.on, flow.amount) for flow in undeposited] == [(T + timedelta(days=3), Decimal("2062.52"))]
