"""The balance line: where it is drawn, where it turns, and what it tells those who do not see it."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from runway.web.charts.balance import Balance, Expected, MustPay, balance_chart, runs, told_of
from tests.unit.runway.web.charts.drawn import Drawn, number, points, xs

TODAY = date(2026, 3, 15)


def on(ahead: int) -> date:
    return TODAY + timedelta(days=ahead)


def make_balance(
    middle: list[int], *, floor: str | None = "100", spread: int = 20, history: list[int] | None = None
) -> Balance:
    return Balance(
        history=[(on(number - len(history or [])), Decimal(close)) for number, close in enumerate(history or [])],
        expected=[
            Expected(on(ahead), Decimal(close - spread), Decimal(close), Decimal(close + spread))
            for ahead, close in enumerate(middle)
        ],
        floor=Decimal(floor) if floor else None,
        must_pays=[MustPay(on(5), "payroll", Decimal(50)), MustPay(on(20), "tax", Decimal(70))],
        currency="USD",
    )


FALLING = [300 - 4 * ahead for ahead in range(92)]


def draw(balance: Balance, width: float = 720) -> Drawn:
    return Drawn.of(balance_chart("balance-wide", balance, width=width))


@pytest.mark.parametrize("width", [328.0, 720.0])
def test_all_of_it_lies_on_its_paper(width: float) -> None:
    drawn = draw(make_balance(FALLING, history=[310, 305, 302]), width)
    assert drawn.size[0] == width
    assert all(0 <= x <= width for x in xs(drawn))
    heights = [y for one in drawn.parts("polyline") for _x, y in points(one)]
    assert all(0 <= y <= drawn.size[1] for y in heights)


def test_what_was_is_one_line_and_what_is_expected_goes_on_where_it_ends() -> None:
    drawn = draw(make_balance([250] * 92, history=[310, 305, 302]))
    past, ahead = points(drawn.one("polyline", "past")), points(drawn.one("polyline", "ahead"))
    assert (len(past), len(ahead)) == (4, 92)
    assert past[-1] == ahead[0]
    assert [x for x, _y in ahead] == sorted(x for x, _y in ahead)


def test_more_is_higher_and_the_band_is_around_the_line() -> None:
    drawn = draw(make_balance(FALLING, floor=None))
    ahead, band = points(drawn.one("polyline", "ahead")), points(drawn.one("polygon", "band"))
    above, under = band[:92], band[92:][::-1]
    for (x, y), (x_above, y_above), (x_under, y_under) in zip(ahead, above, under, strict=True):
        assert x == x_above == x_under
        assert y_above < y < y_under
    assert ahead[0][1] < ahead[-1][1]


def test_only_what_is_below_the_floor_has_another_colour() -> None:
    drawn = draw(make_balance(FALLING))
    under = drawn.one("polyline", "ahead", "under")
    (above,) = [one for one in drawn.parts("polyline", "ahead") if one is not under]
    floor = number(drawn.one("line", "floor"), "y1")
    assert points(above)[-1] == points(under)[0]
    assert points(under)[0][1] == pytest.approx(floor, abs=0.1)
    assert all(y <= floor + 0.1 for _x, y in points(above))
    assert all(y >= floor - 0.1 for _x, y in points(under))
    assert draw(make_balance([101] * 92)).parts("polyline", "under") == []


def test_a_line_that_touches_the_floor_is_not_below_it() -> None:
    assert runs([(on(0), Decimal(5)), (on(1), Decimal(3)), (on(2), Decimal(5))], Decimal(3)) == [
        (False, [(0.0, Decimal(5)), (1.0, Decimal(3)), (2.0, Decimal(5))])
    ]


def test_it_is_cut_exactly_where_it_crosses() -> None:
    cut = runs([(on(0), Decimal(10)), (on(10), Decimal(0)), (on(20), Decimal(10))], Decimal(5))
    assert cut == [
        (False, [(0.0, Decimal(10)), (5.0, Decimal(5))]),
        (True, [(5.0, Decimal(5)), (10.0, Decimal(0)), (15.0, Decimal(5))]),
        (False, [(15.0, Decimal(5)), (20.0, Decimal(10))]),
    ]


def test_thirteen_weeks_can_be_pointed_at_each_with_its_last_day() -> None:
    weeks = draw(make_balance(FALLING)).parts("rect", "hit")
    assert len(weeks) == 13
    assert (weeks[0].get("data-week"), weeks[0].get("data-p50")) == ("2026-03-15", str(300 - 4 * 7))
    assert (weeks[-1].get("data-week"), weeks[-1].get("data-p50")) == ("2026-06-08", str(300 - 4 * 91))
    assert weeks[1].get("data-week") == "2026-03-23"
    edges = [(number(one, "x"), number(one, "x") + number(one, "width")) for one in weeks]
    assert all(abs(before[1] - after[0]) < 0.2 for before, after in pairwise(edges))


def test_pay_and_taxes_differ_in_shape() -> None:
    drawn = draw(make_balance(FALLING))
    assert len(drawn.parts("rect", "must", "payroll")) == 1
    assert len(drawn.parts("polygon", "must", "tax")) == 1


def test_the_low_point_is_the_first_of_the_lowest_and_says_so() -> None:
    balance = make_balance([300, 90, 200, 90, *[250] * 88])
    drawn = draw(balance)
    dot, label = drawn.one("circle", "low"), drawn.one("text", "low", "label")
    assert "under" in dot.get("class", "")
    assert label.text == "low $90, Mar 16"
    assert number(dot, "cy") == max(y for one in drawn.parts("polyline") for _x, y in points(one))


def test_who_does_not_see_it_is_told_the_same() -> None:
    drawn = draw(make_balance(FALLING))
    assert drawn.root.get("role") == "img"
    assert drawn.root.get("aria-labelledby") == "balance-wide-title balance-wide-desc"
    assert drawn.told("desc") == told_of(make_balance(FALLING))
    assert "lowest at \N{MINUS SIGN}$64.00 on Jun 14" in drawn.told("desc")
    assert "falls below the floor of $100.00" in drawn.told("desc")
    assert "stays above the floor" in told_of(make_balance([200] * 92))


def test_it_is_styled_by_class_alone() -> None:
    text = balance_chart("balance-wide", make_balance(FALLING), width=720)
    assert " style=" not in text
    assert " fill=" not in text
