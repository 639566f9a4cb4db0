"""`python -m benchmarks bench` and `python -m benchmarks prove`: what `make bench` and `make prove` run."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.report import BUILD, Measure, print_table, write_json
from infra.logging import configure_logging

Work = Callable[[], Awaitable[Sequence[Measure]]]


async def _mirror_store() -> Sequence[Measure]:
    from benchmarks import mirror_store

    return await mirror_store.run()


async def _backfill() -> Sequence[Measure]:
    from benchmarks import backfill

    return await backfill.run()


async def _fresh_read() -> Sequence[Measure]:
    from benchmarks import fresh_read

    return await fresh_read.run()


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


async def _simulator_page() -> Sequence[Measure]:
    from benchmarks import simulator_page

    return await simulator_page.run()


async def _tampering() -> Sequence[Measure]:
    from benchmarks.proofs import tampering

    return (await tampering.run(1000)).measures


async def _log_seal() -> Sequence[Measure]:
    from benchmarks import log_seal

    return await log_seal.run()


async def _tenancy() -> Sequence[Measure]:
    from benchmarks.proofs import tenancy

    return (await tenancy.run(requests=25_000)).measures


_BENCHES: dict[str, Work] = {
    "mirror_store": _mirror_store,
    "backfill": _backfill,
    "fresh_read": _fresh_read,
    "simulator_page": _simulator_page,
    "log_seal": _log_seal,
}
_PROOFS: dict[str, Work] = {
    "cancellation": _cancellation,
    "paging": _paging,
    "limiter": _limiter,
    "books": _books,
    "tampering": _tampering,
    "tenancy": _tenancy,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", choices=("bench", "prove"))
    parser.add_argument("--only", default="", help=f"one of {', '.join((*_BENCHES, *_PROOFS))}")
    arguments = parser.parse_args()
    known, file = (_BENCHES, "bench.json") if arguments.what == "bench" else (_PROOFS, "proof.json")
    if arguments.only and arguments.only not in known:
        parser.error(f"{arguments.what} knows {', '.join(known)}, not {arguments.only!r}")
    configure_logging(level="WARNING")
    return asyncio.run(_run([arguments.only] if arguments.only else list(known), known, file=file))


async def _run(names: Sequence[str], known: dict[str, Work], *, file: str) -> int:
    measures: list[Measure] = []
    for name in names:
        measured = await known[name]()
        print_table(name, measured)
        measures += measured
    write_json(BUILD / file, measures)
    missed = [measure.name for measure in measures if not measure.ok]
    for name in missed:
        print(f"Missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
