"""The demo's children: what it lives by, and what runs aside."""

import time
from pathlib import Path

import pytest

from runway.demo.processes import ChildEnded, Children


def _wait_until_ended(children: Children, name: str) -> None:
    while children.is_running(name):
        time.sleep(0.02)


def test_what_runs_aside_may_end_and_be_started_again(tmp_path: Path) -> None:
    children = Children(tmp_path)
    assert not children.is_running("history")
    for _each in range(2):
        children.start("history", ["--help"], environment={}, is_aside=True)
        _wait_until_ended(children, "history")
        children.check()
    assert "Usage" in (tmp_path / "history.log").read_text()


def test_what_the_demo_lives_by_is_missed(tmp_path: Path) -> None:
    children = Children(tmp_path)
    children.start("worker", ["--help"], environment={})
    _wait_until_ended(children, "worker")
    with pytest.raises(ChildEnded, match="The worker stopped by itself"):
        children.check()
