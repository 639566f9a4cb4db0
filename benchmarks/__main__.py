"""`python -m benchmarks bench`, `prove` and `soak`: what the targets of the same names run."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks.report import BUILD, Measure, print_table, write_json
from infra.logging import configure_logging

if TYPE_CHECKING:
    from benchmarks.soak import SoakSize

Work = Callable[[], Awaitable[Sequence[Measure]]]
SeededWork = Callable[[int | None], Awaitable[Sequence[Measure]]]


async def _bench(name: str) -> Sequence[Measure]:
    measured: Sequence[Measure] = await import_module(f"benchmarks.{name}").run()
    return measured


async def _swaps() -> Sequence[Measure]:
    from benchmarks import cockpit

    return await cockpit.run_swaps()


async def _paging() -> Sequence[Measure]:
    from benchmarks.proofs import paging

    return (await paging.run(seeds=200, invoices=20_000)).measures


async def _cancellation() -> Sequence[Measure]:
    from benchmarks.proofs import cancellation

    return (await cancellation.run(requests=25_000)).measures


async def _limiter() -> Sequence[Measure]:
    from benchmarks.proofs import limiter

    return (await limiter.run()).measures


async def _books() -> Sequence[Measure]:
    from benchmarks.proofs import books

    return (await books.run(histories=1000)).measures


async def _tampering() -> Sequence[Measure]:
    from benchmarks.proofs import tampering

    return (await tampering.run(1000)).measures


async def _schemathesis(seed: int | None) -> Sequence[Measure]:
    from benchmarks.proofs import api_document

    return (await api_document.run(examples=10, seed=seed)).measures


async def _tenancy() -> Sequence[Measure]:
    from benchmarks.proofs import tenancy

    return (await tenancy.run(requests=25_000)).measures


async def _soak(size: "SoakSize", *, seed: int | None) -> Sequence[Measure]:
    from benchmarks import soak

    return (await soak.run(size, seed=seed)).measures


async def _webhooks(seed: int | None) -> Sequence[Measure]:
    from benchmarks.proofs import webhook_storm

    return (await webhook_storm.run(requests=20_000, seed=seed)).measures


async def _killed_workers(seed: int | None) -> Sequence[Measure]:
    from benchmarks.proofs import killed_workers

    return (await killed_workers.run(kills=100, seed=seed)).measures


async def _payment_batch() -> Sequence[Measure]:
    from benchmarks.proofs import payment_batch

    return (await payment_batch.run(payments=300)).measures


async def _payment_kills() -> Sequence[Measure]:
    from benchmarks.proofs import payment_kills

    return (await payment_kills.run()).measures


async def _failover() -> Sequence[Measure]:
    from benchmarks.proofs import failover

    return (await failover.run(rounds=5)).measures


async def _accessibility() -> Sequence[Measure]:
    from benchmarks.proofs import accessibility

    return await accessibility.run()


async def _readers() -> Sequence[Measure]:
    from benchmarks.proofs import readers

    return (await readers.run(readers=1000)).measures


async def _payments(seed: int | None) -> Sequence[Measure]:
    from benchmarks.proofs.payments import full

    return (await full.run(histories=10_000, first=seed)).measures


async def _payment_guards() -> Sequence[Measure]:
    from benchmarks.proofs.payments import guards

    return (await guards.run()).measures


async def _payment_interleavings() -> Sequence[Measure]:
    from benchmarks.proofs.payments import interleavings

    return (await interleavings.run()).measures


# Each is a room of its name, and imported when it is run: some need what others do without.
_BENCHES: dict[str, Work] = {
    "mirror_store": partial(_bench, "mirror_store"),
    "backfill": partial(_bench, "backfill"),
    "beside_dlt": partial(_bench, "beside_dlt"),
    "nothing_changed": partial(_bench, "nothing_changed"),
    "fresh_read": partial(_bench, "fresh_read"),
    "simulator_page": partial(_bench, "simulator_page"),
    "log_seal": partial(_bench, "log_seal"),
    "throttle": partial(_bench, "throttle"),
    "open_breaker_read": partial(_bench, "open_breaker_read"),
    "dashboard": partial(_bench, "dashboard"),
    "cockpit": partial(_bench, "cockpit"),
    "swaps": _swaps,
    "portfolio": partial(_bench, "portfolio"),
    "actions": partial(_bench, "actions"),
}
_PROOFS: dict[str, Work] = {
    "cancellation": _cancellation,
    "paging": _paging,
    "limiter": _limiter,
    "books": _books,
    "tampering": _tampering,
    "tenancy": _tenancy,
    "readers": _readers,
    "payment_guards": _payment_guards,
    "payment_interleavings": _payment_interleavings,
    "payment_batch": _payment_batch,
    "payment_kills": _payment_kills,
    "failover": _failover,
    "accessibility": _accessibility,
}

# By a seed that is fresh unless one is given. Others that draw from a fresh one tell it with their figures.
_SEEDED_PROOFS: dict[str, SeededWork] = {
    "schemathesis": _schemathesis,
    "webhooks": _webhooks,
    "killed_workers": _killed_workers,
    "payments": _payments,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("bench").add_argument("--only", default="", choices=("", *_BENCHES), help="one of them")
    prove = commands.add_parser("prove")
    prove.add_argument("--only", default="", choices=("", *_PROOFS, *_SEEDED_PROOFS), help="one of them")
    prove.add_argument("--seed", type=int, help=f"that of an earlier run, for {', '.join(_SEEDED_PROOFS)}")
    _add_soak(commands.add_parser("soak"))
    arguments = parser.parse_args()
    configure_logging(level="WARNING")
    known: dict[str, Work]
    match arguments.what:
        case "soak":
            size = _soak_size(arguments)
            known, file = {"soak": lambda: _soak(size, seed=arguments.seed)}, "proof.json"
        case "bench":
            known, file = _chosen(_BENCHES, arguments.only), "bench.json"
        case _:
            known, file = _chosen(_proofs(arguments.seed), arguments.only), "proof.json"
    return asyncio.run(_run(known, file=file))


def _proofs(seed: int | None) -> dict[str, Work]:
    return _PROOFS | {name: partial(work, seed) for name, work in _SEEDED_PROOFS.items()}


def _chosen(known: dict[str, Work], only: str) -> dict[str, Work]:
    return {name: work for name, work in known.items() if only in {"", name}}


def _add_soak(parser: argparse.ArgumentParser) -> None:
    from benchmarks.soak import FULL

    parser.add_argument("--seed", type=int, help="that of an earlier run; a new one unless it is given")
    parser.add_argument("--companies", type=int, default=FULL.companies)
    parser.add_argument("--days", type=int, default=FULL.days)
    parser.add_argument("--steps", type=int, default=FULL.steps, help="a day, of a quarter of an hour each")
    parser.add_argument("--step-seconds", type=float, default=FULL.step_seconds, help="of running time a step")
    parser.add_argument("--acts-per-second", type=float, default=FULL.acts_per_second, help="of people in QuickBooks")
    parser.add_argument("--workers", type=int, default=FULL.workers)


def _soak_size(arguments: argparse.Namespace) -> "SoakSize":
    from benchmarks.soak import FULL

    given = ("companies", "days", "steps", "step_seconds", "acts_per_second", "workers")
    return replace(FULL, **{name: getattr(arguments, name) for name in given})


async def _run(known: dict[str, Work], *, file: str) -> int:
    measures: list[Measure] = []
    for name, work in known.items():
        measured = await work()
        print_table(name, measured)
        measures += measured
    write_json(BUILD / file, measures)
    missed = [measure.name for measure in measures if not measure.ok]
    for name in missed:
        print(f"Missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
