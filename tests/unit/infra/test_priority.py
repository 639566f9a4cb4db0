"""Niceness cannot be taken back, so each case has a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.config import WorkerSettings

_ASK = """
import os
from pathlib import Path
from infra.priority import give_way
group = Path("/proc/self/autogroup")
session = lambda: group.exists() and group.read_text().split()[-1:] or ["none"]  # the machine's first session is of no group
niceness, was = os.nice(0), session()
give_way(10)
print(os.nice(0) - niceness, *was, *session())
"""


def _ask(*, leads_session: bool) -> list[str]:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _ASK], start_new_session=leads_session, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_process_that_leads_its_session_gives_way_with_it() -> None:
    niceness, _, session = _ask(leads_session=True)

    assert niceness == "10"
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("this system has no groups of sessions")
    assert session == "10"


def test_a_process_of_somebody_elses_session_lowers_itself_alone() -> None:
    niceness, before, session = _ask(leads_session=False)

    assert niceness == "10"
    assert session == before


def test_what_nobody_waits_for_gives_way_to_what_people_wait_for() -> None:
    assert 0 < WorkerSettings.model_construct().prompt_niceness < WorkerSettings.model_construct().worker_niceness
