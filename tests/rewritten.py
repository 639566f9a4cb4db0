"""pytest's rewriting of the tests' asserts, done once: on a new checkout each worker would do all of it, at the same time as the others."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from _pytest.assertion import AssertionState
from _pytest.assertion import rewrite as pytests
from _pytest.config import get_config

_TESTS = Path(__file__).resolve().parent
_TOGETHER = 16


def rewrite_anew(path: Path) -> None:
    """Leave beside the file what pytest loads in its place, unless it is there already.

    pytest has no public way to it; its versions are pinned.
    """
    kept = pytests.get_cache_dir(path) / (path.stem + pytests.PYC_TAIL)
    if pytests._read_pyc(path, kept) is not None:  # noqa: SLF001 - as above
        return
    config = get_config()
    source_hash, code = pytests._rewrite_test(path, config)  # noqa: SLF001 - as above
    kept.parent.mkdir(exist_ok=True)
    pytests._write_pyc(AssertionState(config, "rewrite"), code, source_hash, kept)  # noqa: SLF001 - as above


def main() -> None:
    paths = [*_TESTS.rglob("test_*.py"), *_TESTS.rglob("conftest.py")]
    with ProcessPoolExecutor() as processes:
        list(processes.map(rewrite_anew, paths, chunksize=_TOGETHER))


if __name__ == "__main__":
    main()
