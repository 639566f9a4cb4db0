"""A seeded source of choices that can be kept and gone on with: it counts what it gave."""

import random
from typing import Final

_WORD_BITS: Final = 32


class Draws(random.Random):
    """Gives exactly what `random.Random(seed)` gives. `taken` counts 32-bit words of the generator."""

    taken: int

    def __init__(self, origin: int | str) -> None:
        super().__init__(origin)
        self.origin = origin
        self.taken = 0

    def random(self) -> float:
        self.taken += 2
        return super().random()

    def getrandbits(self, k: int) -> int:
        self.taken += -(-k // _WORD_BITS)
        return super().getrandbits(k)

    def skip_to(self, taken: int) -> None:
        """Where another source of the same seed stood."""
        while self.taken < taken:
            self.getrandbits(_WORD_BITS)
