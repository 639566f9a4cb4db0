"""Where sockets live. Not in the home: a socket's path may have 103 characters at most (macOS; 107 on Linux)."""

import shutil
import tempfile
from pathlib import Path

_PREFIX = "oodaloo-"
_LONGEST_PARENT = 60


def new_run_directory() -> Path:
    """A new directory, closed to others, with a path short enough for sockets in it."""
    usual = Path(tempfile.gettempdir()).resolve()
    parent = usual if len(str(usual)) <= _LONGEST_PARENT else Path("/tmp")  # noqa: S108 - mkdtemp guards against squatters
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))


def remove_run_directory(path: Path) -> None:
    """Remove one that `new_run_directory` made; any other path is left alone."""
    if path.name.startswith(_PREFIX):
        shutil.rmtree(path, ignore_errors=True)
