"""Where a demo keeps its data: a directory of its own, fresh each time, gone when the demo ends."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def demo_home(base: Path) -> Iterator[Path]:
    """A new directory under `base`, removed at the end, with those that killed demos left behind."""
    base.mkdir(parents=True, exist_ok=True)
    for left in base.glob("demo-*"):
        _remove_unless_in_use(left)
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=base)).resolve()
    with (home / "in-use").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)


def _remove_unless_in_use(home: Path) -> None:
    try:
        with (home / "in-use").open("r") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home, ignore_errors=True)
    except OSError:
        return  # held by a running demo, or being made or removed at this moment
