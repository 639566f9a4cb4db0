"""Money that waits in Undeposited Funds is no cash until it is banked."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from domains.core.movements import CashMovement
from runway.calculators.banking_habit import BankingHabit, banking_habit
from runway.calculators.expected_dates import Expectations
from runway.calculators.outlook import PathRow
from tests.unit.runway.calculators.making import BASIS, CHART, T, make_account, make_movement
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, make_invoice, make_override
from tests.unit.runway.calculators.test_forecast import make_books, make_document, make_forecast, make_history

MONDAY, TUESDAY, WEDNESDAY = 0, 1, 2
CLEARING = make_account("undeposited", "Other Current Asset", "UndepositedFunds", balance=Decimal(30))


def received(on: date, amount: int, customer: str = "Acme", *, account: str = "undeposited") -> CashMovement:
    more = {"source": "Receipt", "account_id": account, "counterparty": customer, "counter_account_id": None}
    return make_movement(amount, (T - on).days, external_id=f"{on}/{customer}/{amount}", is_trade=True, **more)


def banked(on: date, amount: int) -> CashMovement:
    more = {"source": "Deposit", "counter_account_id": None, "counterparty": None, "is_trade": True}
    return make_movement(amount, (T - on).days, external_id=f"{on}", **more)


def tuesdays_banking() -> list[CashMovement]:
    """Twelve weeks: 10 come on Monday, 20 on Wednesday and 30 straight into the bank; on Tuesday all that waits is banked.

    Besides, 25 are booked to what waits that never reach the bank.
    """
    moved = [received(T - timedelta(days=80), 25, "Nobody")]
    for week in range(12):
        monday = T - timedelta(days=T.weekday() + 7 * week)
        tuesday = monday + timedelta(days=1)
        moved += [received(monday, 10), received(monday + timedelta(days=2), 20)]
        moved += [received(monday, 30, "Wire & Co", account="checking"), banked(tuesday, 10), banked(tuesday, 20)]
    return moved


def habit(movements: list[CashMovement]) -> BankingHabit:
    return banking_habit(movements, (*CHART[:-1], CLEARING), currency="USD", as_of=T)


def test_each_weekday_s_money_waits_until_the_day_of_the_deposit() -> None:
    found = habit(tuesdays_banking())
    assert (found.waits[MONDAY], found.waits[WEDNESDAY], found.n) == (1, 6, 25)
    assert found.waits[TUESDAY] == 6, "a weekday without money waits as most of it does"
    assert found.ways == {"Acme": True, "Nobody": True, "Wire & Co": False}
    monday = date(2025, 12, 1)
    assert found.banked_on(monday, "Acme") == monday + timedelta(days=1)
    assert found.banked_on(monday, "Wire & Co") == monday
    assert found.banked_on(monday, "Somebody new") == monday + timedelta(days=found.is_usual)


def test_the_order_of_input_does_not_matter() -> None:
    moved = tuesdays_banking()
    shuffled = Random(4).sample(moved, len(moved))  # noqa: S311  # no secret
    assert habit(shuffled) == habit(moved)


def test_with_few_receipts_or_none_that_wait_nothing_waits() -> None:
    direct = [item for item in tuesdays_banking() if item.account_id == "checking" and item.source == "Receipt"]
    for found in (habit([]), habit(direct), habit(tuesdays_banking()[:11])):
        assert not found.is_late("Acme")
        assert found.banked_on(T, "Acme") == T


def test_a_receipt_counts_on_the_day_on_which_it_is_banked_and_shows_the_day_on_which_it_is_paid() -> None:
    waiting = BankingHabit(waits=(7,) * 7, is_usual=True, n=8)
    plain, late = Expectations(WEEKS_LATE), Expectations(WEEKS_LATE, banking=waiting)
    (before,), (after,) = (model.receipts([make_invoice()]) for model in (plain, late))
    assert after.dates == before.dates
    week = timedelta(days=7)
    assert [on for on, _ in after.spread()] == [on + week for on in before.dates]
    assert after.likely_days == tuple(ahead + 7 for ahead in before.likely_days)
    assert sum(amount for _, amount in after.spread()) == before.amount
    (said,) = replace(late, overrides=(make_override(days=3),)).receipts([make_invoice()])
    assert not said.banked, "a day that a person names is the day on which the money is there"


def test_the_path_has_the_money_when_it_is_in_the_bank() -> None:
    """Due on Wednesday 3 December and paid on its day always: banked on the Tuesday after."""
    books = make_books(
        *tuesdays_banking(),
        accounts=(*CHART[:-1], CLEARING),
        invoices=[make_document("i1", 600, 12, party="p1")],
        histories=[make_history(0) for _ in range(4)],
    )
    acme = [replace(one, party_name="Acme") for one in books.invoices]
    wire = [replace(one, party_name="Wire & Co") for one in books.invoices]

    def days(invoices: list[object]) -> set[date]:
        made = make_forecast(replace(books, invoices=invoices))  # type: ignore[arg-type]  # both are open documents
        return {flow.on for flow in made.path.flows if flow.row is PathRow.INVOICES}

    assert any("Undeposited Funds" in said for said in make_forecast(books).assumptions)
    assert (days([*wire]), days([*acme])) == ({date(2025, 12, 3)}, {date(2025, 12, 9)})


def test_on_the_morning_of_a_day_what_it_brings_is_still_to_come() -> None:
    """An invoice that is due today and always paid on its day: in the evening it is late, in the morning it comes today."""
    books = make_books(invoices=[make_document("i1", 600, 0)], histories=[make_history(late) for late in (0, 0, 0, 9)])
    through = T - timedelta(days=1)
    morning = replace(books, runway=replace(books.runway, booked_through=through))
    first = [min(flow.on for flow in make_forecast(one).path.flows if flow.amount > 0) for one in (morning, books)]
    assert first == [T, T + timedelta(days=10)], "the ninth day is a Sunday"
    drawn = make_forecast(morning).standing.band.days[0]
    assert drawn.p50 > make_forecast(books).standing.band.days[0].p50
    assert BASIS.as_of == T
