"""The proof at full size: a process a core, each with its own servers, simulator and engines. Cut off, it goes on where it stopped."""

import asyncio
import json
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence

from rich.progress import Progress

from benchmarks.proofs.payments.child import outcome_from_raw
from benchmarks.proofs.payments.kept import Chunk, Kept, digest_of_code, unfinished
from benchmarks.proofs.payments.proof import Outcome
from benchmarks.report import BUILD, Measure, ProofResult, at_least, at_most, reported

_REVIEWS = 0.02
_SHOWN = 20
_KEPT = BUILD / "payment_histories"


class ChildFailed(Exception):
    """A process of the proof ended before its time."""


async def run(*, histories: int, first: int | None = None, processes: int | None = None) -> ProofResult:
    """`first` is the first seed. Unless it is given: that of what was begun with this very code and cut off, or else a fresh one."""
    digest = digest_of_code()
    if first is None:
        first = unfinished(_KEPT, histories=histories, digest=digest)
    first = secrets.randbelow(1_000_000_000) if first is None else first
    kept = Kept.open(_KEPT, first=first, histories=histories, digest=digest)
    await _play(kept, processes=processes or max(1, os.cpu_count() or 1))
    whole = Outcome.of_all(outcome_from_raw(raw) for raw in kept.outcomes.values())
    tell_wrong(whole)
    return ProofResult("payments", measures_of(whole, histories=histories))


async def _play(kept: Kept, *, processes: int) -> None:
    """What is not kept yet, in so many processes; each chunk is kept as soon as it is compared with the books."""
    left = kept.left
    done = kept.histories - sum(chunk.count for chunk in left)
    print(f"Seeds {kept.first} to {kept.first + kept.histories - 1}, {done} of them already played: {kept.path}")
    print(f"One again: python -m benchmarks.proofs.payments.child --seeds {kept.first}")
    with Progress() as progress:
        task = progress.add_task("Histories of payments", total=kept.histories, completed=done)
        async with asyncio.TaskGroup() as group:
            for number in range(min(processes, len(left))):
                group.create_task(_child(left[number::processes], kept, lambda: progress.advance(task)))


def tell_wrong(outcome: Outcome) -> None:
    for seed, wrongs in list(outcome.wrong.items())[:_SHOWN]:
        print(f"seed {seed}:", *wrongs, sep="\n  ")


async def _child(chunks: Sequence[Chunk], kept: Kept, advance: Callable[[], object]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.proofs.payments.child", "--chunks", ",".join(map(str, chunks)),
        stdout=PIPE, limit=64 * 1024 * 1024,
    )  # fmt: skip
    try:
        await _listen(process, kept, advance)
        await process.wait()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # it takes its servers down
            await process.wait()
    if any(chunk not in kept.outcomes for chunk in chunks):
        raise ChildFailed(f"It ended with {process.returncode}.")


async def _listen(process: Process, kept: Kept, advance: Callable[[], object]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"{"):
            told = json.loads(line)
            kept.keep(Chunk.of_text(told["chunk"]), told["outcome"])
        else:
            advance()


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
