"""No password, code, secret, session or link in a log, a row, Redis or a file: the letter itself excepted."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.test_canaries import database_text, redis_text
from tests.rig import Database


def test_what_people_know_stays_with_them(database: Database, redis_url: str, tmp_path: Path) -> None:
    addresses = [database.app_url, database.owner_url, database.access_url, redis_url, str(tmp_path)]
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "tests.e2e.door_canary_process", *addresses], capture_output=True, text=True, check=False
    )
    told, _, listed = done.stdout.partition("SECRETS")
    assert listed, done.stderr[-4000:]
    secrets: dict[str, str] = json.loads(listed)
    assert len(secrets) == 20
    letters = list((tmp_path / "mail").glob("*.eml"))
    places = {
        "log": done.stderr,
        "output": told,
        "database": database_text(database),
        "redis": redis_text(redis_url),
        "files": "\n".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path not in letters),
    }
    assert "http.request.done" in places["log"]
    assert "/reset-password/[redacted]" in places["log"]
    assert "/invitations/[redacted]" in places["log"]
    for name, secret in secrets.items():
        assert len(secret) >= 16, name
        for place, text in places.items():
            assert secret not in text, (name, place)
    assert any(secrets["reset link"] in letter.read_text() for letter in letters)
    assert all(not letter.stat().st_mode & 0o077 for letter in letters)
