"""A sample of `make prove ONLY=limiter`: three processes for six seconds, Redis restarted and emptied meanwhile."""

import tempfile
from pathlib import Path

import pytest

from benchmarks.proofs import limiter


async def test_processes_under_pressure_keep_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="oodaloo-") as short:  # a socket's path has some hundred characters at most
        monkeypatch.setattr(limiter, "BUILD", Path(short))
        proved = await limiter.run(processes=3, seconds=6)
    assert proved.ok, [measure for measure in proved.measures if not measure.ok]
