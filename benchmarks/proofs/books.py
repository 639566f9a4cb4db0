"""The simulator's books hold over random histories: what everything else is proved against must itself be right.

Each history is a company's life over the HTTP application: every verb on every kind of object, refusals, repeats of requests
under their requestid, batches, merges, mails and moves of time. After each step debits equal credits, A/P and A/R are
what is open, reports show the documents, tokens and times moved as they should, and the oracle told exactly that.
"""

import asyncio
import random
from contextlib import suppress
from time import perf_counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.proofs.histories.machine import EXPECTED, Histories
from benchmarks.report import Measure, ProofResult, at_least, at_most, reported

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
    broken = 0
    try:
        await asyncio.to_thread(live, histories, chosen=fresh)
    except AssertionError as error:
        print(error, *getattr(error, "__notes__", ()), sep="\n")
        broken = 1
    return ProofResult("books", _summed_up(broken, fresh=fresh, seconds=perf_counter() - started))


def _summed_up(broken: int, *, fresh: int, seconds: float) -> tuple[Measure, ...]:
    tally = Histories.tally
    taken = sum(count for what, count in tally.items() if what.startswith("took"))
    refused = sum(count for what, count in tally.items() if what.startswith("refused"))
    unseen = [what for what in EXPECTED if not tally[f"took: {what}"]]
    if unseen:
        print("Never taken:", ", ".join(unseen))
    return (
        at_most("books: histories after which something was wrong", broken, "histories", bar=0),
        at_most("books: verbs that no history got done", len(unseen), "verbs", bar=0),
        at_least("books: changes judged", taken, "steps", bar=1),
        at_least("books: refusals that left no trace", refused, "steps", bar=1),
        at_least("books: requests repeated and not executed", tally["replayed"], "steps", bar=1),
        reported("books: the fresh seed", fresh, "seed"),
        reported("books: time", seconds, "s"),
    )


def is_found(histories: int, chosen: int) -> bool:
    """Whether as many histories find something wrong: for simulators that were broken on purpose."""
    found = True
    with suppress(AssertionError):
        live(histories, chosen=chosen, shrink=False)
        found = False
    return found
