"""What others wrote and we keep a copy of is the very file that we looked at."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).parent / "vendor"


def test_each_vendored_file_is_the_one_of_the_manifest() -> None:
    told = {
        name: digest
        for entry in json.loads((VENDOR / "MANIFEST.json").read_text())
        for name, digest in entry["files"].items()
    }
    there = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.glob("*/**/*")
        if path.is_file()
    }
    assert there == told
    assert all(f"{Path(name).parent}/LICENSE" in told for name in told)
