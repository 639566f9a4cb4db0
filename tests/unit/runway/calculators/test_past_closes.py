from datetime import timedelta

from runway.calculators.past_closes import past_closes
from tests.unit.runway.calculators.making import T, make_movement, make_transfer, whole
from tests.unit.runway.calculators.test_forecast import make_books, make_forecast


def test_each_past_close_is_todays_cash_less_what_was_booked_since() -> None:
    made = make_forecast(make_books(make_movement(-300, 1), make_movement(1000, 3), make_movement(-50, 5)))
    closes = [((T - on).days, whole(close)) for on, close in past_closes(made, days=42)]
    assert closes == [(5, 9300), (4, 9300), (3, 10300), (2, 10300), (1, 10000)]


def test_what_is_booked_today_or_dated_later_is_no_part_of_yesterday() -> None:
    made = make_forecast(make_books(make_movement(-300, 0), make_movement(-700, -4), make_movement(-50, 2)))
    assert [whole(close) for _on, close in past_closes(made, days=42)] == [11000, 11000]


def test_money_that_is_moved_to_another_account_left_cash() -> None:
    moved = make_transfer(400, 2, origin="checking", target="elsewhere")
    made = make_forecast(make_books(*moved, make_movement(10, 4)))
    assert [whole(close) for _on, close in past_closes(made, days=3)] == [10400, 10000, 10000]


def test_no_more_days_than_asked_for_and_none_before_the_books() -> None:
    made = make_forecast(make_books(make_movement(-1, 30)))
    assert [on for on, _close in past_closes(made, days=2)] == [T - timedelta(days=2), T - timedelta(days=1)]
    assert len(past_closes(made, days=70)) == 30
