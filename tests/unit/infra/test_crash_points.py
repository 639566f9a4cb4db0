import os
import signal
import subprocess
import sys

import pytest

from infra.crash_points import VARIABLE, crash_point, hooked

PROGRAM = """
from infra.crash_points import crash_point
for turn in range(3):
    crash_point("work.begin")
    crash_point("send.before_call")
    print(turn, flush=True)
"""


def run(wanted: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, VARIABLE: wanted}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@pytest.mark.parametrize(("wanted", "turns"), [("send.before_call", []), ("send.before_call:3", ["0", "1"])])
def test_the_process_dies_where_the_environment_says(wanted: str, turns: list[str]) -> None:
    ended = run(wanted)
    assert (ended.returncode, ended.stdout.split()) == (-signal.SIGKILL, turns)


def test_a_point_that_is_not_reached_kills_nobody() -> None:
    assert run("sweep.before_commit").returncode == 0


def test_a_name_that_is_no_point_is_told() -> None:
    ended = run("send.before_cal")
    assert ended.returncode != 0
    assert "no crash point" in ended.stderr


def test_a_hook_is_told_each_point_while_its_block_runs() -> None:
    seen: list[str] = []
    with hooked(seen.append):
        crash_point("work.begin")
    crash_point("claim.committed")
    assert seen == ["work.begin"]
