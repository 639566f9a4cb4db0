"""A browser that does each swap, over and over, on pages that are loaded."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Page

from benchmarks.cockpit.swaps import FORECAST_AFTER, Scene, Step

_HAND = (Path(__file__).parent / "hand.js").read_text(encoding="utf-8")

Place = Mapping[str, Sequence[str]]
Taken = defaultdict[str, list[float]]


@dataclass(frozen=True)
class Played:
    """Milliseconds of each swap by name: until it is settled and, of a long list, until the rows below the first screen are laid out."""

    settled: Taken = field(default_factory=lambda: defaultdict(list))
    with_below: Taken = field(default_factory=lambda: defaultdict(list))


async def play(page: Page, scene: Scene, place: Place, played: Played, *, rounds: int) -> None:
    """Each step of the scene, so many times. The first round is not counted: it makes the page warm.

    `place` are ids and days by name; of one with several each round has its own.
    """
    for turn in range(rounds + 1):
        here = {name: values[turn % len(values)] for name, values in place.items()}
        if turn == 0 or _leaves_elsewhere(scene):
            await page.goto(scene.path.format_map({name: quote(value) for name, value in here.items()}))
        for number, step in enumerate(scene.steps):
            took = await _do(page, step, here, mark=f"{step.name}#{scene.path}/{turn}/{number}" if turn else "")
            if turn:
                played.settled[step.name].append(took.settled)
                if took.with_below is not None:
                    played.with_below[step.name].append(took.with_below)


def _leaves_elsewhere(scene: Scene) -> bool:
    """What was called off or let go stands where the form was."""
    return scene.steps[-1].name in {"action: undo", "action: release"}


@dataclass(frozen=True)
class _Took:
    settled: float
    with_below: float | None


async def _do(page: Page, step: Step, place: Mapping[str, str], *, mark: str) -> _Took:
    told = asdict(step) | {
        "fill": {name: text.format_map(place) for name, text in step.fill.items()},
        "mark": mark,
        "setOff": FORECAST_AFTER,
    }
    return _Took(**await page.evaluate(_HAND, told))


def names_of(scenes: Sequence[Scene]) -> set[str]:
    return {step.name for scene in scenes for step in scene.steps}
