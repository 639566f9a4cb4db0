"""The seed of a proof at full size: one never tried before, told before anything happens, so that what it finds can be had again."""

import random


def told_seed(proof: str, given: int | None) -> int:
    """`given`, the seed of an earlier run, or else a fresh one."""
    seed = random.SystemRandom().randrange(2**31) if given is None else given
    print(f"{proof}: seed {seed}. Once more: make prove ONLY={proof} SEED={seed}")
    return seed
