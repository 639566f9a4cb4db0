"""A process that plays histories: `python -m benchmarks.proofs.payments.child --chunks 1:100`, or `--seeds 7,23` to see some again.

Of each chunk it prints one line of JSON as soon as its mirrors and logs are compared with the books; the lines between them count.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from benchmarks.proofs.payments.kept import Chunk
from benchmarks.proofs.payments.proof import Outcome, play_and_compare
from benchmarks.proofs.payments.town import open_machines
from benchmarks.rig import open_rig
from infra.logging import configure_logging

LANES = 6


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", default="1:100", help="first seed and number of histories of each, with commas")
    parser.add_argument("--lanes", type=int, default=LANES)
    parser.add_argument("--seeds", default="", help="these alone, with what was wrong in words")
    asked = parser.parse_args()
    configure_logging(level="CRITICAL")
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored from the start, where a shell began the proof behind itself
    if asked.seeds:
        chunks = [Chunk(int(seed), 1) for seed in asked.seeds.split(",")]
    else:
        chunks = [Chunk.of_text(text) for text in asked.chunks.split(",")]
    lanes = 1 if asked.seeds else asked.lanes
    is_right = asyncio.run(_play(chunks, lanes=lanes, is_shown=bool(asked.seeds)))
    return 0 if is_right else 1


async def _play(chunks: Sequence[Chunk], *, lanes: int, is_shown: bool) -> bool:
    is_right = True
    with open_rig(durable=False) as rig:
        async with open_machines(rig.addresses, home=rig.home, lanes=lanes) as machines:
            for chunk in chunks:
                outcome = await play_and_compare(machines, chunk.seeds, told=lambda done: print(done, flush=True))
                print(json.dumps({"chunk": str(chunk), "outcome": outcome_to_raw(outcome)}), flush=True)
                is_right = is_right and not outcome.wrong
                for seed, wrongs in outcome.wrong.items() if is_shown else ():
                    print(seed, *wrongs, sep="\n  ", flush=True)
    return is_right


def outcome_to_raw(outcome: Outcome) -> dict[str, Any]:
    return {field.name: getattr(outcome, field.name) for field in fields(outcome)}


def outcome_from_raw(raw: dict[str, Any]) -> Outcome:
    values = {field.name: raw[field.name] for field in fields(Outcome)}
    values["counts"] = Counter(values["counts"])
    values["wrong"] = {int(seed): wrongs for seed, wrongs in values["wrong"].items()}
    return Outcome(**values)


if __name__ == "__main__":
    sys.exit(main())
