from datetime import timedelta
from decimal import Decimal

from runway.calculators.ageing import OpenDocument, age
from runway.calculators.ratios import Charge, Paid
from runway.calculators.working_capital import Turnover, WorkingCapital, working_capital
from tests.unit.runway.calculators.making import BASIS, T, whole


def make_open(amount: int, due_in: int) -> OpenDocument:
    due_on = T + timedelta(days=due_in)
    return OpenDocument(f"{amount}/{due_in}", "p", "P", due_on - timedelta(days=30), due_on, Decimal(amount))


def make_charge(amount: int, days_ago: int) -> Charge:
    return Charge(T - timedelta(days=days_ago), Decimal(amount))


def make_paid(amount: int, days_ago: int, *, took: int) -> Paid:
    on = T - timedelta(days=days_ago)
    return Paid(on - timedelta(days=took), on, Decimal(amount))


def make_capital(turnover: Turnover, *open_: OpenDocument) -> WorkingCapital:
    aged = age(open_, [], basis=BASIS)
    return working_capital(turnover, receivables=aged, payables=aged, basis=BASIS)


def test_by_hand() -> None:
    """Sold 900 in 90 days, 300 open of which 100 is not due; 500 was applied since, so it began with 300 + 500 - 900 = -100 and
    of (-100 + 900 - 100) = 700 that could have come, 500 did.
    """
    sales = [make_charge(300, days) for days in (10, 40, 70)]
    paid = [make_paid(200, 5, took=30), make_paid(300, 60, took=10), make_paid(999, 100, took=1)]
    turnover = Turnover(sales=sales, purchases=sales, collected=paid, paid=paid[:1])
    capital = make_capital(turnover, make_open(200, -5), make_open(100, 5))
    assert [whole(one.value) for one in (capital.dso_simple, capital.best_possible, capital.delinquent)] == [30, 10, 20]
    assert whole(capital.dpo.value) == 30
    assert capital.cei.value == Decimal("71.43")
    assert capital.days_to_pay.value == Decimal("6.67")  # (200 x 30 + 300 x 10 + 999 x 1) / 1499
    assert capital.days_we_take.reason == "n/a (only 1 payments in 365 days)"


def test_without_sales_every_ratio_says_why() -> None:
    capital = make_capital(Turnover())
    assert {one.value for one in vars(capital).values()} == {None}
    assert all(one.reason.startswith("n/a") for one in vars(capital).values())
