"""Bars of weeks, the bridge, sparklines, ageing and payers' dots: the geometry is the figures'."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from runway.web.charts.bridge import Step, bars_of, bridge_chart
from runway.web.charts.flows import WeekBars, flows_chart
from runway.web.charts.lateness import Paid, lateness_chart
from runway.web.charts.scale import Days, Scale, ticks
from runway.web.charts.spark import spark_chart
from runway.web.charts.svg import picture, tag
from tests.unit.runway.web.charts.drawn import Drawn, number, xs

MONDAY = date(2026, 3, 16)


def week(number: int, *, came: tuple[int, ...], went: tuple[int, ...]) -> WeekBars:
    starts = MONDAY + timedelta(days=7 * number)
    return WeekBars(
        starts,
        starts + timedelta(days=6),
        [("in", Decimal(amount)) for amount in came],
        [("out", Decimal(amount)) for amount in went],
        starts,
    )


def bottom(rect: object) -> float:
    return number(rect, "y") + number(rect, "height")  # type: ignore[arg-type]  # an element


@pytest.mark.parametrize("width", [328.0, 720.0])
def test_inflow_stands_on_zero_and_outflow_hangs_from_it(width: float) -> None:
    weeks = [week(0, came=(300, 100), went=(200, 50)), week(1, came=(0,), went=(600,))]
    drawn = Drawn.of(flows_chart("flows-wide", weeks, currency="USD", width=width))
    zero = number(drawn.one("line", "zero"), "y1")
    came = [one for one in drawn.parts("rect", "bar", "in") if number(one, "height")]
    went = drawn.parts("rect", "bar", "out")
    assert bottom(came[0]) == pytest.approx(zero, abs=0.1)
    assert bottom(came[1]) == pytest.approx(number(came[0], "y"), abs=0.1)
    assert number(went[0], "y") == pytest.approx(zero, abs=0.1)
    assert number(went[1], "y") == pytest.approx(bottom(went[0]), abs=0.2)
    assert number(came[0], "height") == pytest.approx(3 * number(came[1], "height"), rel=0.02)
    assert all(0 <= x <= width for x in xs(drawn))
    hits = [(one.get("data-in"), one.get("data-out")) for one in drawn.parts("rect", "hit")]
    assert hits == [("400", "250"), ("0", "600")]


def test_each_step_of_the_bridge_begins_where_the_one_before_ended() -> None:
    steps = [Step("a customer paid", Decimal(8)), Step("a bill came", Decimal(-20)), Step("nothing", Decimal(0))]
    rows = bars_of(("last week", Decimal(47)), steps, ("now", Decimal(35)))
    assert [(int(row.low), int(row.high), row.kind) for row in rows] == [
        (0, 47, "end"), (47, 55, "rise"), (35, 55, "fall"), (35, 35, "rise"), (0, 35, "end"),
    ]  # fmt: skip
    drawn = Drawn.of(bridge_chart("bridge-days", rows, show=str, width=600))
    bars = drawn.parts("rect", "bar")
    assert number(bars[1], "x") == pytest.approx(number(bars[0], "x") + number(bars[0], "width"), abs=0.1)
    assert len(drawn.parts("line", "joint")) == len(rows) - 1
    assert "a bill came: -20" in drawn.told("desc")


def test_a_bridge_that_does_not_add_up_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="lead to 40, not to 41"):
        bars_of(("before", Decimal(50)), [Step("less", Decimal(-10))], ("now", Decimal(41)))


def test_a_bridge_through_zero_has_its_bars_on_both_sides() -> None:
    rows = bars_of(("before", Decimal(10)), [Step("a tax", Decimal(-30))], ("now", Decimal(-20)))
    drawn = Drawn.of(bridge_chart("bridge-cash", rows, show=str, width=600))
    zero, bars = number(drawn.one("line", "zero"), "x1"), drawn.parts("rect", "bar")
    assert number(bars[1], "x") < zero < number(bars[1], "x") + number(bars[1], "width")
    assert number(bars[2], "x") + number(bars[2], "width") == pytest.approx(zero, abs=0.1)


def test_a_sparkline_has_its_lowest_point_and_goes_under_its_floor() -> None:
    points = [(MONDAY + timedelta(days=7 * index), Decimal(close)) for index, close in enumerate([90, 40, 70])]
    drawn = Drawn.of(spark_chart("spark-1", points, floor=Decimal(50), currency="USD"))
    assert "under" in drawn.one("circle", "low").get("class", "")
    assert len(drawn.parts("polyline", "under")) == 1
    assert drawn.told("desc") == "lowest $40 on Mar 23"
    assert Drawn.of(spark_chart("spark-2", points, floor=None, currency="USD")).parts("polyline", "under") == []


def test_later_is_higher_and_before_due_is_below_zero() -> None:
    paid = [Paid(MONDAY, 12, "1001"), Paid(MONDAY + timedelta(days=30), -3, "1002")]
    drawn = Drawn.of(lateness_chart("lateness-1", paid, p50=Decimal(5), p90=None, width=480))
    late, early = drawn.parts("circle", "dot")
    zero = number(drawn.one("line", "zero"), "y1")
    assert number(late, "cy") < zero < number(early, "cy")
    assert number(late, "cx") < number(early, "cx")
    assert late.get("data-told") == "1001, paid Mar 16, 2026: 12 days late"
    assert len(drawn.parts("line", "rule")) == 1


def test_one_payment_alone_can_be_drawn() -> None:
    drawn = Drawn.of(lateness_chart("lateness-1", [Paid(MONDAY, 0, "1")], p50=None, p90=None, width=480))
    assert len(drawn.parts("circle", "dot")) == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (-3, 7, [-4, -2, 0, 2, 4, 6, 8]), (0, 0, [0]), (0, 13, [0, 5, 10, 15])],
)
def test_ticks_are_round_and_enclose_both_ends(low: int, high: int, expected: list[int]) -> None:
    assert ticks(Decimal(low), Decimal(high)) == expected


def test_a_scale_turns_amounts_into_places() -> None:
    up = Scale(Decimal(0), Decimal(200), 100.0, 0.0)
    assert (up(Decimal(0)), up(Decimal(50)), up(Decimal(200))) == (100.0, 75.0, 0.0)
    assert Scale(Decimal(3), Decimal(3), 7.0, 9.0)(Decimal(3)) == 7.0


def test_months_are_those_within() -> None:
    assert Days(date(2026, 1, 1), date(2026, 3, 5), 0, 1).months() == [
        date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1),
    ]  # fmt: skip
    assert Days(date(2026, 1, 2), date(2026, 1, 30), 0, 1).months() == []


def test_what_a_vendor_is_called_cannot_leave_its_place() -> None:
    hostile = '"><script>alert(1)</script>'
    text = tag("rect", data_told=hostile) + picture("x", (1, 1), title=hostile, told=hostile)
    assert "<script" not in text
    assert 'data-told="&quot;&gt;&lt;script&gt;' in text
