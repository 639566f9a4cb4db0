"""The simulator's books hold over random histories: what everything else is proved against must itself be right.

Each history is a company's life over the HTTP application: every verb on every kind of object, refusals, repeats of requests
under their requestid, batches, merges, mails and moves of time. After each step debits equal credits, A/P and A/R are
what is open, reports show the documents, tokens and times moved as they should, and the oracle told exactly that.
"""

import asyncio
import random
from time import perf_counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.proofs.histories.machine import EXPECTED, Histories
from benchmarks.proofs.histories.mutations import FAULTS, broken
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported
from infra.logging import configure_logging

STEPS = 40


def live(histories: int, *, chosen: int | None = None, shrink: bool = True) -> None:
    """Raises:
    AssertionError: a history after which something does not hold, made as short as it can be.
    """
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    machine = type("Histories", (Histories,), {"tally": Histories.tally})
    if chosen is not None:
        machine = seed(chosen)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        ),
    )  # fmt: skip


async def run(histories: int) -> ProofResult:
    """The proof, with a seed never tried before."""
    fresh = random.SystemRandom().randrange(10_000, 2**31)
    started = perf_counter()
    Histories.tally.clear()
    wrong = 0
    try:
        await asyncio.to_thread(live, histories, chosen=fresh)
    except AssertionError as error:
        print(error, *getattr(error, "__notes__", ()), sep="\n")
        wrong = 1
    measures = _summed_up(wrong, fresh=fresh, seconds=perf_counter() - started)
    configure_logging(level="CRITICAL")  # a broken simulator tells at length of what breaks in it
    missed = [fault for fault in FAULTS if not await asyncio.to_thread(finds, fault)]
    if missed:
        print("Not noticed:", ", ".join(missed))
    noticed = at_least(
        "books: simulators broken on purpose, noticed", len(FAULTS) - len(missed), "faults", bar=len(FAULTS)
    )
    return ProofResult("books", (*measures, noticed))


def _summed_up(wrong: int, *, fresh: int, seconds: float) -> tuple[Measure, ...]:
    tally = Histories.tally
    taken = sum(count for what, count in tally.items() if what.startswith("took"))
    refused = sum(count for what, count in tally.items() if what.startswith("refused"))
    unseen = [what for what in EXPECTED if not tally[f"took: {what}"]]
    if unseen:
        print("Never taken:", ", ".join(unseen))
    return (
        at_most("books: histories after which something was wrong", wrong, "histories", bar=0),
        at_most("books: verbs that no history got done", len(unseen), "verbs", bar=0),
        at_least("books: changes judged", taken, "steps", bar=1),
        at_least("books: refusals that left no trace", refused, "steps", bar=1),
        at_least("books: requests repeated and not executed", tally["replayed"], "steps", bar=1),
        reported("books: the fresh seed", fresh, "seed"),
        reported("books: time", seconds, "s"),
    )


def finds(fault: str, *, histories: int = 40, chosen: int = 5) -> bool:
    """Whether so many histories notice that the simulator was broken on purpose."""
    try:
        with broken(fault):
            live(histories, chosen=chosen, shrink=False)
    except Exception:  # noqa: BLE001 - a broken simulator may break in any way
        return True
    return False
