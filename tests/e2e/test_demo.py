"""The demo as its user starts it: its own processes, the real OAuth2 flow, an answer, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.timeout(400)  # five processes start, on a machine that may have much else to do


@contextmanager
def demo(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OODALOO_", "QBO_"))}
    with subprocess.Popen(  # noqa: S603  # our own command line
        [sys.executable, "-m", "runway.cli", "demo", "--port", "0", *arguments],
        env={**environment, "OODALOO_HOME": str(home), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until_curl(process: subprocess.Popen[str]) -> str:
    """What the demo printed, up to the line that answers the runway."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "curl" in line:
            return "".join(printed)
    raise AssertionError("".join(printed))


def ask_as_printed(printed: str) -> dict[str, Any]:
    match = re.search(r"curl -s -H '(\w+): (.+?)' (\S+)", printed)
    assert match is not None, printed
    answer = httpx.get(match[3], headers={match[1]: match[2]}, trust_env=False)
    body: dict[str, Any] = json.loads(answer.text)
    return body


def test_the_printed_line_answers_the_runway_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        printed = read_until_curl(process)
        answer = ask_as_printed(printed)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=120)[0]
    assert (process.returncode, "Stopped." in rest) == (0, True)
    assert answer["data"]["runway"]["state"] == "finite"
    assert re.findall(r"^  books    (.+?)   \((\w+)", printed, re.MULTILINE) == [
        ("Marrow Street Bakehouse", "healthy"),
        ("Copper Gate Electric", "tight"),
        ("Quill Lane Joinery", "in"),
    ]
    assert not answer["freshness"]["stale"]
    assert not psutil.wait_procs(family, timeout=120)[1]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_company_file_is_said_in_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, "--company", "no-such-file.json") as process:
        printed = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert printed == (
        "There is no company file no-such-file.json. Give a file's path, or one of the words demo, demo-healthy, demo-tight, demo-trouble.\n"
    )
