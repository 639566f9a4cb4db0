"""Each address that a template has htmx ask for is measured."""

import re
from collections import Counter
from pathlib import Path

from benchmarks.cockpit.playing import names_of
from benchmarks.cockpit.swaps import SCENES, SET_OFF, SWAPS

TEMPLATES = Path(__file__).parents[2] / "runway/web/templates"
# A quote inside of an expression does not end the attribute.
_ASKS = re.compile(r'hx-(?:get|post|put|patch|delete)="((?:\{\{.*?\}\}|\{%.*?%\}|[^"])*)"')


def test_every_swap_of_the_templates_is_in_the_benchmarks_list() -> None:
    asked = {
        (str(path.relative_to(TEMPLATES)), address)
        for path in TEMPLATES.rglob("*.html")
        for address in _ASKS.findall(path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 30
    assert asked == {one for known in [*SWAPS.values(), *SET_OFF.values()] for one in known}


def test_every_swap_is_played_by_its_name() -> None:
    assert names_of(SCENES) == set(SWAPS)
    shared = [one for one, n in Counter(one for known in SWAPS.values() for one in known).items() if n > 1]
    assert [template for template, _ in shared] == ["payables/_ageing.html"]
