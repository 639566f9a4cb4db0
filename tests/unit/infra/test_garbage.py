import gc
from contextlib import suppress

import pytest

from infra.garbage import WHILE_ANSWERING, WHILE_WORKING, Thresholds, long_lived, look_seldom


@pytest.mark.parametrize("wanted", [WHILE_WORKING, WHILE_ANSWERING])
def test_python_looks_for_garbage_as_before_when_it_ends(wanted: Thresholds, monkeypatch: pytest.MonkeyPatch) -> None:
    before, told = gc.get_threshold(), list[str]()
    monkeypatch.setattr(gc, "freeze", lambda: told.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: told.append("unfreeze"))
    with suppress(KeyError), long_lived(wanted):
        assert gc.get_threshold() == wanted
        assert told == ["freeze"]
        raise KeyError
    assert gc.get_threshold() == before
    assert told == ["freeze", "unfreeze"]


def test_a_page_of_a_thousand_objects_is_looked_through_a_few_times_at_most() -> None:
    before = gc.get_threshold()
    looks = 0

    def look(phase: str, _info: dict[str, int]) -> None:
        nonlocal looks
        looks += phase == "start"

    gc.callbacks.append(look)
    try:
        look_seldom()
        page = [{"lines": [{"amount": [number]}]} for number in range(5_000)]
    finally:
        gc.callbacks.remove(look)
        gc.set_threshold(*before)
    assert len(page) == 5_000
    assert looks <= 3
