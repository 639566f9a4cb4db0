from collections import Counter

from infra.crash_points import POINTS
from tests.architecture.source import calls


def test_every_crash_point_stands_in_the_source_once() -> None:
    placed = Counter(
        str(getattr(call.args[0], "value", "?"))
        for path, name, call in calls()
        if name == "crash_point" and path != "infra/crash_points.py"
    )
    assert placed == Counter(POINTS)
    assert len(POINTS) >= 30
