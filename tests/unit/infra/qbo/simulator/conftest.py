import pytest

from infra.qbo.simulator.books.company import Company
from tests.unit.infra.qbo.simulator.small_company import MovableClock, make_company


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def company(clock: MovableClock) -> Company:
    return make_company(clock)
