from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from runway.calculators.draws import Band, Draws, draw, seed_of
from runway.calculators.expected_dates import Expectations, ExpectedBy, ExpectedReceipt
from runway.calculators.outlook import DatedFlow, PathRow, cash_path, receipt_flows
from tests.unit.runway.calculators.making import T, wholes
from tests.unit.runway.calculators.test_expected_dates import WEEKS_LATE, make_invoice, make_override
from tests.unit.runway.calculators.test_outlook import FLOWS, make_flow

SEED = seed_of("acme", T)
FEW = settings(max_examples=15, deadline=None)  # each draws a band


def make_receipts(count: int = 20, amount: int = 100) -> list[ExpectedReceipt]:
    return Expectations(WEEKS_LATE).receipts([make_invoice(amount=amount, external_id=str(i)) for i in range(count)])


def make_draws(*flows: DatedFlow, receipts: list[ExpectedReceipt] | None = None, opening: int = 1000) -> Draws:
    return draw(Decimal(opening), flows, receipts=receipts or [], seed=SEED, as_of=T)


def closings(band: Band) -> list[tuple[Decimal, ...]]:
    return [(day.p10, day.p50, day.p90) for day in band.days]


def test_without_anything_to_draw_the_band_is_the_path() -> None:
    flows = [make_flow(-300, 0), make_flow(Decimal("10.05"), 91), make_flow(7, 92)]
    path = cash_path(Decimal(1000), flows, as_of=T)
    assert closings(make_draws(*flows).band()) == [(day.closing,) * 3 for day in path.days]


def test_the_shares_of_the_draws_are_those_of_the_habit() -> None:
    """Ten equally likely weeks: on day 21 three tenths of the draws have the money, on day 7 one tenth."""
    draws = make_draws(receipts=make_receipts(1), opening=0)
    paid = [sum(sum(row[: day + 1]) > 0 for row in draws.random) / len(draws.random) for day in (6, 7, 21, 49, 70)]
    assert paid[0] == 0
    assert all(abs(share - expected) < 0.07 for share, expected in zip(paid[1:], (0.1, 0.3, 0.7, 1.0), strict=True))
    days = {day.on: day for day in draws.band().days}
    assert [days[T + timedelta(days=ahead)].p50 for ahead in (6, 28, 42)] == [0, 0, 100]
    assert wholes(days[T + timedelta(days=21)].p10, days[T + timedelta(days=21)].p90) == [0, 100]


def test_the_same_seed_gives_the_same_band_and_another_another() -> None:
    receipts = make_receipts()
    assert make_draws(receipts=receipts).band() == make_draws(receipts=receipts[::-1]).band()
    other = draw(Decimal(1000), [], receipts=receipts, seed=seed_of("bolt", T), as_of=T)
    assert other.band() != make_draws(receipts=receipts).band()


def test_a_golden_band() -> None:
    """Pinned, so that a change of the draws is a decision and not an accident.

    The middle by hand: 20 invoices of 100, of which 2, 8 and 18 are paid on average by days 7, 30 and 63.
    """
    band = make_draws(make_flow(-900, 30), receipts=make_receipts()).band()
    assert [wholes(*closings(band)[ahead]) for ahead in (7, 30, 63)] == [
        [1000, 1200, 1400],
        [600, 900, 1200],
        [1700, 1900, 2100],
    ]


def test_excluded_invoices_and_days_beyond_the_horizon_bring_nothing() -> None:
    excluded = ExpectedReceipt("1", "a", Decimal(50), ExpectedBy.EXCLUDED, (), (), 0)
    late = ExpectedReceipt("2", "a", Decimal(50), ExpectedBy.MODEL, (T + timedelta(days=92),) * 5, (92,) * 50, 0)
    assert set(closings(make_draws(receipts=[excluded, late]).band())) == {(Decimal(1000),) * 3}


def test_small_invoices_beyond_the_largest_250_enter_by_their_spread() -> None:
    receipts = make_receipts(251, amount=10)
    draws = make_draws(receipts=receipts)
    assert len(draws.drawn) == 250
    assert sum(draws.fixed) == 1000
    assert draws.with_receipts(receipts, []).band() == make_draws().band()


def test_residuals_are_drawn_a_week_and_keep_their_cents() -> None:
    weeks = [Decimal("-100.01"), Decimal("40.00")]
    draws = draw(Decimal(0), [], receipts=[], seed=SEED, as_of=T, residuals={PathRow.UNPLANNED: weeks})
    assert {sum(row[1:8]) for row in draws.random} == {-10001, 4000}
    assert {row[0] for row in draws.random} == {0}
    reversed_ = draw(Decimal(0), [], receipts=[], seed=SEED, as_of=T, residuals={PathRow.UNPLANNED: weeks[::-1]})
    assert reversed_.random == draws.random


def test_another_expectation_of_one_invoice_is_as_if_drawn_anew() -> None:
    before = make_receipts()
    after = Expectations(WEEKS_LATE, overrides=(make_override(),)).receipts(
        [make_invoice(external_id=str(i)) for i in range(20)]
    )
    changed = [(b, a) for b, a in zip(before, after, strict=True) if b != a]
    assert len(changed) == 1
    updated = make_draws(receipts=before).with_receipts([changed[0][0]], [changed[0][1]])
    assert updated == make_draws(receipts=after)
    assert updated.band() == make_draws(receipts=after).band()


@FEW
@given(FLOWS, FLOWS)
def test_shifting_is_drawing_with_the_flows(flows: list[DatedFlow], more: list[DatedFlow]) -> None:
    receipts = make_receipts(5)
    draws = make_draws(*flows, receipts=receipts)
    draws.band()
    assert draws.shifted(more).band() == make_draws(*flows, *more, receipts=receipts).band()


@FEW
@given(FLOWS, st.integers(0, 60), st.integers(1, 30), st.decimals(min_value=1, max_value=9999, places=2))
def test_paying_earlier_never_raises_a_low_point(flows: list[DatedFlow], early: int, by: int, amount: Decimal) -> None:
    draws = make_draws(*flows, receipts=make_receipts(5))
    sooner = draws.shifted([make_flow(-amount, early)]).band()
    later = draws.shifted([make_flow(-amount, early + by)]).band()
    assert sooner.low_p50.p50 <= later.low_p50.p50
    assert sooner.low_p10.p10 <= later.low_p10.p10


def test_the_middle_of_the_draws_stays_near_the_expected_path() -> None:
    receipts = make_receipts(200)
    path = cash_path(Decimal(0), receipt_flows(receipts), as_of=T)
    band = make_draws(receipts=receipts, opening=0).band()
    furthest = max(abs(day.p50 - mid.closing) for day, mid in zip(band.days, path.days, strict=True))
    assert furthest <= 200 * 100 * Decimal("0.12")  # five dates stand for ten
