"""`make soak` at the size of a sample: a morning of three companies, by a seed never tried before."""

import pytest

from benchmarks import soak
from benchmarks.soak import measures

# How soon a change arrives is the machine's affair, which does much besides: `make soak` holds it to its bar.
# So is how many calls arrive in one second once they were let go: processes that stand still for a second send theirs together.
_BY_THE_CLOCK = {measures.DRIFT_SHARE, measures.DRIFT_AGE, measures.IN_ONE_SECOND, measures.REFUSED}


@pytest.mark.timeout(400)
async def test_a_morning_of_three_companies_ends_with_nothing_lost_and_nothing_hidden() -> None:
    result = await soak.run(soak.SAMPLE)  # the seed and what was seen are shown when it fails
    missed = [measure for measure in result.measures if not measure.ok and measure.name not in _BY_THE_CLOCK]
    assert missed == []
