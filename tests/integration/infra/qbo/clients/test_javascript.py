"""A JavaScript client that nobody here wrote, from npm, does its whole work on the simulator."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from infra.qbo.simulator.server import SimulatorInfo

_CLIENT = "node-quickbooks@2.0.50"
_SCRIPT = Path(__file__).with_name("node_quickbooks.mjs")
_INSTALL_SECONDS = 90


@pytest.fixture(scope="module")
def installed() -> Path:
    """A directory with the client in its node_modules, kept between runs and outside the checkout."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed: node and npm are needed")
    kept = Path(tempfile.gettempdir()) / f"oodaloo-{os.getuid()}-{_CLIENT.replace('@', '-')}"
    if not (kept / "done").exists():
        with tempfile.TemporaryDirectory(prefix="oodaloo-npm-") as fresh:
            _install(npm, Path(fresh))
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(fresh, kept, symlinks=True, dirs_exist_ok=True)
            (kept / "done").touch()
    return kept


def _install(npm: str, directory: Path) -> None:
    (directory / "package.json").write_text('{"private": true}')
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    try:
        subprocess.run(  # noqa: S603 - npm itself, with fixed words
            [npm, "install", *options, _CLIENT],
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=_INSTALL_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        told = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        pytest.skip(f"npm cannot install {_CLIENT}: {told[-1] if told else error}")


@pytest.fixture(scope="module")
def seen(served: SimulatorInfo, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    info_file = tmp_path_factory.mktemp("node") / "info.json"
    info_file.write_text(json.dumps(asdict(served)))
    done = subprocess.run(  # noqa: S603 - our own script
        ["node", str(_SCRIPT), str(info_file), str(installed)],  # noqa: S607 - found on the path above
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_it_reads_and_queries(seen: Any) -> None:
    assert (seen["company"], seen["preferences"]) == ("Small Works", "USD")
    assert seen["vendors"] == ["Books by Bessie"]
    assert seen["every"] == 2
    assert (seen["apostrophe"], seen["several"], seen["like"], seen["count"]) == (1, 2, 1, 8)


def test_it_creates_updates_pays_and_voids(seen: Any) -> None:
    assert seen["created"] == {"total": 12.34, "token": "0", "replayed": True}
    assert seen["updated"] == {"token": "1", "note": "whole", "lines": 1}
    assert seen["sparse"] == ["Bessie", "Books by Bessie"]
    assert seen["paid"] == {"balance": 0, "link": True}
    assert seen["voidedPayment"] == {"total": 0, "balance": 80}
    assert seen["voidedInvoice"] == 0


def test_it_prints_and_sends(seen: Any) -> None:
    assert (seen["pdf"], seen["sent"]) == ("%PDF", "EmailSent")


def test_it_deletes_and_sees_changes(seen: Any) -> None:
    assert seen["deleted"] == "Deleted"
    assert seen["changes"] == {"deleted": ["Deleted"], "invoices": 1}


def test_it_understands_refusals(seen: Any) -> None:
    assert seen["gone"]["code"] == "610"
    assert seen["stale"] == {"status": 400, "code": "5010"}
    assert seen["invalid"] == {"status": 400, "code": "2020"}
    assert seen["unread"] == {"status": 400, "code": "4000"}


def test_it_sends_batches_and_asks_for_reports(seen: Any) -> None:
    assert seen["batch"] == ["Node Supplies", "6240", "Books by Bessie"]
    assert seen["report"] == {"name": "AgedPayables", "parts": ["Columns", "Header", "Rows"]}
    assert seen["reports"] == [
        "BalanceSheet",
        "ProfitAndLoss",
        "TrialBalance",
        "CashFlow",
        "AgedReceivables",
        "GeneralLedger",
        "AgedPayableDetail",
    ]


def test_it_refreshes_and_revokes(seen: Any) -> None:
    assert seen["refreshed"] == 3600
    assert seen["afterRefresh"] == "Norton Lumber"
    assert seen["revoked"] == 401
