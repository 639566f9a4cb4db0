"""The proof at full size: a process a core, each with its own servers, simulator and engines."""

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable

from rich.progress import Progress

from benchmarks.proofs.payments.child import outcome_from_json
from benchmarks.proofs.payments.proof import Outcome
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported

_REVIEWS = 0.02
_SHOWN = 20


class ChildFailed(Exception):
    """A process of the proof ended before its time."""


async def run(*, histories: int, first: int | None = None, processes: int | None = None) -> ProofResult:
    """`first` is the first seed: a fresh one unless it is given."""
    first = secrets.randbelow(1_000_000_000) if first is None else first
    processes = processes or max(1, os.cpu_count() or 1)
    print(
        f"Seeds {first} to {first + histories - 1}. One again: python -m benchmarks.proofs.payments.child --seeds {first}"
    )
    shares = [len(range(number, histories, processes)) for number in range(processes)]
    with Progress() as progress:
        task = progress.add_task("Histories of payments", total=histories)
        outcomes = await asyncio.gather(
            *(
                _child(first + number, share, processes, lambda: progress.advance(task))
                for number, share in enumerate(shares)
                if share
            )
        )
    whole = Outcome.of_all(outcomes)
    tell_wrong(whole)
    return ProofResult("payments", measures_of(whole, histories=histories))


def tell_wrong(outcome: Outcome) -> None:
    for seed, wrongs in list(outcome.wrong.items())[:_SHOWN]:
        print(f"seed {seed}:", *wrongs, sep="\n  ")


async def _child(first: int, count: int, stride: int, advance: Callable[[], object]) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.proofs.payments.child",
        "--first", str(first), "--count", str(count), "--stride", str(stride), stdout=PIPE, limit=64 * 1024 * 1024,
    )  # fmt: skip
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"{"):
            outcome = outcome_from_json(line.decode())
            await process.wait()
            return outcome
        advance()
    raise ChildFailed(f"It ended with {await process.wait()}.")


def measures_of(outcome: Outcome, *, histories: int) -> tuple[Measure, ...]:
    """The same for a sample."""
    counts = outcome.counts
    by_people = counts["settled by a person"]
    actions = sum(counts[state] for state in ("confirmed", "failed", "cancelled"))
    deaths = sum(count for what, count in counts.items() if what.startswith("died at"))
    points = sum(what.startswith("died at") for what in counts)
    return (
        at_least("histories", outcome.histories, "histories", bar=histories),
        reported("actions", actions, "actions"),
        at_most("recorded twice", outcome.duplicates, "actions", bar=0),
        at_most("lost", outcome.lost, "actions", bar=0),
        at_most("stuck", outcome.stuck, "actions", bar=0),
        at_most("people told wrong", outcome.wrongly_told, "actions", bar=0),
        at_most("sent after people had forbidden it", outcome.disallowed, "actions", bar=0),
        reported("held back by the last word, or by a withdrawal", counts["held back"], "times"),
        at_most("invariants broken", outcome.broken, "times", bar=0),
        at_most("objects that differ from the books", outcome.differing, "objects", bar=0),
        at_most("objects with a version lost or doubled", outcome.broken_histories, "objects", bar=0),
        at_least("settled within 5 min of QuickBooks' return", round(100 * outcome.share_in_time, 3), "%", bar=99.9),
        at_most("given to a person", round(100 * by_people / max(1, actions), 2), "%", bar=100 * _REVIEWS),
        reported("given up after half an hour of quiet", counts["given up after half an hour of quiet"], "actions"),
        reported("deaths of a process", deaths, "deaths"),
        reported("kinds of place of these", points, "places"),
    )


def details_of(outcome: Outcome) -> str:
    return json.dumps(dict(sorted(outcome.counts.items())), indent=1)
