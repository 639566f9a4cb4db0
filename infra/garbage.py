"""How seldom Python looks for garbage that counting references does not free: reference cycles, of which we make few.

Python's own setting looks through the youngest after 700 new objects. A page of a thousand bills is some 16,000 that live until it is
stored: looking through them again and again took two fifths of a first sync (8,000 objects a second, 13,500 without).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

Thresholds = tuple[int, int, int]
"""Objects made and not freed until the youngest are looked through, and how often that is until older ones are, and the oldest."""

WHILE_WORKING: Final[Thresholds] = 50_000, 4, 20
WHILE_ANSWERING: Final[Thresholds] = 2_000, 10, 200
"""In a process that answers. To throw away forty thousand objects together took 60 to 90 ms, in which nobody was answered; a page leaves
some hundred. That was measured where a browser's client shared the process, and most of them were its own."""


def look_seldom(after: Thresholds = WHILE_WORKING) -> None:
    """For a process that has just begun: importing what it runs makes a lot and leaves no garbage."""
    gc.set_threshold(*after)


@contextmanager
def long_lived(after: Thresholds = WHILE_WORKING) -> Iterator[None]:
    """Until it ends, what was made before is not looked through, and the rest as seldom as `after` says.

    For a process that has loaded what it works with, once. Without it a full collection walks all of that, a tenth of a second in
    which nobody is answered.
    """
    before = gc.get_threshold()
    gc.freeze()
    look_seldom(after)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
