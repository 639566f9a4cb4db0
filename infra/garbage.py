"""How seldom Python looks for garbage that counting references does not free: reference cycles, of which we make few.

Python's own setting looks through the youngest after 700 new objects. A page of a thousand bills is some 16,000 that live until it is
stored: looking through them again and again took two fifths of a first sync (8,000 objects a second, 13,500 without).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_LOOKED_THROUGH_AFTER = 50_000, 4, 20
"""Objects made and not freed until the youngest are looked through, and how often that is until older ones are: 200,000 at most, as the
web process had it before this was one setting for all."""


def look_seldom() -> None:
    """For a process that has just begun: importing what it runs makes a lot and leaves no garbage."""
    gc.set_threshold(*_LOOKED_THROUGH_AFTER)


@contextmanager
def long_lived() -> Iterator[None]:
    """Until it ends, what was made before is not looked through, and the rest seldom.

    For a process that has loaded what it works with, once. Without it a full collection walks all of that, a tenth of a second in
    which nobody is answered.
    """
    before = gc.get_threshold()
    gc.freeze()
    look_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
