"""A sample of `make bench-forecast`: what is asked of the whole run is asked of a few companies too."""

from dataclasses import replace

import pytest

from benchmarks.forecast_rules.measuring import MOST_WAPE, measure
from benchmarks.forecast_rules.rules import OURS, RULES, Known
from benchmarks.forecast_rules.town import Regime, T, sales_of


@pytest.mark.parametrize("regime", list(Regime))
def test_our_rule_misses_least_and_leans_neither_way(regime: Regime) -> None:
    result = measure(regime, runs=20)
    wapes = {name: result.rules[name].wape for name in RULES}
    assert min(wapes, key=lambda name: wapes[name]) == OURS
    assert wapes[OURS] <= MOST_WAPE
    biases = {name: abs(result.rules[name].bias_percent) for name in RULES}
    assert biases[OURS] < 10 < biases["due date, overdue on tomorrow"]
    assert 70 <= result.coverage_percent <= 90


def test_no_rule_looks_ahead() -> None:
    """When an open invoice will be paid changes nothing of what is said on T."""
    sales = sales_of(Regime.BASE, 3)
    later = [replace(sale, paid_on=sale.paid_on.replace(year=2030)) if sale.paid_on > T else sale for sale in sales]
    now, then = Known.of(sales), Known.of(later)
    assert now.open != then.open
    assert all(rule(now) == rule(then) for rule in RULES.values())


def test_the_same_seed_gives_the_same_company() -> None:
    assert sales_of(Regime.SLOW, 1) == sales_of(Regime.SLOW, 1) != sales_of(Regime.SLOW, 2)
