"""What a benchmark or a proof measured, against the bar it is held to: as a table for people and as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

BUILD = Path("build")
Number = int | float
_WIDTH = 128  # a log or a narrow terminal wraps the lines; it must not cut the figures


@dataclass(frozen=True)
class Measure:
    """One figure.

    `baseline` is what the same work costs done the plainest way, in the same unit, and `ratio` is value / baseline;
    None where nothing comparable exists. `bar` says in words what was demanded ("≥ 8,400"), empty when the figure is
    only reported, and `ok` whether it was met.
    """

    name: str
    value: Number
    unit: str
    baseline: Number | None = None
    ratio: float | None = None
    bar: str = ""
    ok: bool = True


@dataclass(frozen=True)
class ProofResult:
    """What a proof showed; it holds when every measure does."""

    name: str
    measures: tuple[Measure, ...]

    @property
    def ok(self) -> bool:
        return all(measure.ok for measure in self.measures)


def at_least(name: str, value: Number, unit: str, *, bar: Number, baseline: Number | None = None) -> Measure:
    """A measure that fails below `bar`."""
    return Measure(name, value, unit, baseline, _ratio(value, baseline), f"≥ {bar:,}", value >= bar)


def at_most(name: str, value: Number, unit: str, *, bar: Number, baseline: Number | None = None) -> Measure:
    """A measure that fails above `bar`."""
    return Measure(name, value, unit, baseline, _ratio(value, baseline), f"≤ {bar:,}", value <= bar)


def reported(name: str, value: Number, unit: str, *, baseline: Number | None = None) -> Measure:
    """A measure that is held to nothing."""
    return Measure(name, value, unit, baseline, _ratio(value, baseline))


def print_table(title: str, measures: Sequence[Measure]) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("measure", no_wrap=True)
    for heading in ("value", "unit", "baseline", "ratio", "bar", ""):
        table.add_column(heading, justify="left" if heading in {"unit", ""} else "right", no_wrap=True)
    for measure in measures:
        table.add_row(*_cells(measure))
    Console(width=max(Console().width, _WIDTH)).print(table)


def write_json(path: Path, measures: Sequence[Measure]) -> None:
    """A list of {name, value, unit, baseline, ratio, bar, ok}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [asdict(measure) for measure in measures]
    path.write_text(json.dumps(records, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _cells(measure: Measure) -> tuple[str, ...]:
    verdict = "" if not measure.bar else "[green]ok[/green]" if measure.ok else "[bold red]MISSED[/bold red]"
    baseline = "" if measure.baseline is None else _figure(measure.baseline)
    ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
    return measure.name, _figure(measure.value), measure.unit, baseline, ratio, measure.bar, verdict


def _figure(value: Number) -> str:
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def _ratio(value: Number, baseline: Number | None) -> float | None:
    return value / baseline if baseline else None
