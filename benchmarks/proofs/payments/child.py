"""A process that plays histories: `python -m benchmarks.proofs.payments.child --first 1 --count 100`, or `--seeds 7,23` to see some again.

Its last line is the outcome as JSON; the lines before it count.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from dataclasses import fields

from benchmarks.proofs.payments.proof import Outcome, prove
from benchmarks.rig import open_rig
from infra.logging import configure_logging

LANES = 6


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=LANES)
    parser.add_argument("--seeds", default="", help="these alone, with what was wrong in words")
    asked = parser.parse_args()
    configure_logging(level="CRITICAL")
    if asked.seeds:
        seeds = [int(seed) for seed in asked.seeds.split(",")]
    else:
        seeds = list(range(asked.first, asked.first + asked.count * asked.stride, asked.stride))
    outcome = asyncio.run(_play(seeds, lanes=min(asked.lanes, len(seeds)), is_shown=bool(asked.seeds)))
    print(outcome_to_json(outcome), flush=True)
    return 1 if outcome.wrong else 0


async def _play(seeds: list[int], *, lanes: int, is_shown: bool) -> Outcome:
    with open_rig() as rig:
        outcome = await prove(
            rig.addresses, home=rig.home, seeds=seeds, lanes=lanes, told=lambda done: print(done, flush=True)
        )
    for seed, wrongs in outcome.wrong.items() if is_shown else ():
        print(seed, *wrongs, sep="\n  ")
    return outcome


def outcome_to_json(outcome: Outcome) -> str:
    return json.dumps({field.name: getattr(outcome, field.name) for field in fields(outcome)})


def outcome_from_json(text: str) -> Outcome:
    raw = json.loads(text)
    values = {field.name: raw[field.name] for field in fields(Outcome)}
    values["counts"] = Counter(values["counts"])
    values["wrong"] = {int(seed): wrongs for seed, wrongs in values["wrong"].items()}
    return Outcome(**values)


if __name__ == "__main__":
    sys.exit(main())
