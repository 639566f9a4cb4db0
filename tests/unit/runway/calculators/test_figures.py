from decimal import Decimal

import pytest

from runway.calculators.figures import DAYS, Figure
from tests.unit.runway.calculators.making import BASIS, T


def test_a_figure_carries_where_it_is_from() -> None:
    figure = BASIS.figure(Decimal(3), BASIS.daily, n=90, n_of=DAYS)
    assert (figure.unit, figure.as_of, figure.source, figure.n, figure.n_of) == ("USD/day", T, "qbo", 90, "days")


@pytest.mark.parametrize(("value", "reason"), [(None, None), (Decimal(1), "no rate")])
def test_a_figure_has_either_a_value_or_a_reason(value: Decimal | None, reason: str | None) -> None:
    with pytest.raises(ValueError, match="not both, not neither"):
        Figure(value, "USD", T, "qbo", 0, "accounts", reason=reason)
