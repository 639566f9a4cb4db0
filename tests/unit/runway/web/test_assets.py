"""What browsers fetch beside the pages: from here alone, unchanged since it was fetched, and kept for ever."""

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

import runway.web
from runway.web.assets import STATIC, asset, assets

TEMPLATES = Path(runway.web.__file__).with_name("templates")
VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "MANIFEST.json").read_text())
FILES = {path: digest for package in MANIFEST for path, digest in package["files"].items()}
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


@pytest.mark.parametrize("path", FILES)
def test_what_others_wrote_is_as_it_was_fetched(path: str) -> None:
    assert sha256((VENDOR / path).read_bytes()).hexdigest() == FILES[path]


def test_the_manifest_names_all_of_it_with_its_licence() -> None:
    there = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert there == {*FILES, "MANIFEST.json"}
    assert FILES["htmx-2.0.11/htmx.min.js"] == HTMX
    for package in MANIFEST:
        assert package["licence"]
        assert any(path.endswith("/LICENSE") for path in package["files"])
        assert all(f"-{package['version']}/" in path for path in package["files"])


def test_an_assets_address_changes_with_it_and_it_is_pressed() -> None:
    style = assets()["oodaloo.css"]
    assert asset("oodaloo.css") == f"/static/{style.version}/oodaloo.css"
    assert style.version == sha256(style.body).hexdigest()[:12]
    assert style.pressed is not None
    assert gzip.decompress(style.pressed) == style.body


def test_no_page_asks_another_host() -> None:
    texts = {path.name: path.read_text() for path in (*TEMPLATES.rglob("*.html"), *STATIC.glob("*.css"))}
    texts["oodaloo.js"] = (STATIC / "oodaloo.js").read_text()
    asking = re.compile(r"""(?:src|href|action|hx-\w+)=["'](?:https?:)?//|url\(["']?(?:https?:)?//|@import|fetch\(""")
    assert [name for name, text in texts.items() if asking.search(text)] == []


def test_what_every_page_takes_is_small() -> None:
    wire = {name: len(held.pressed or held.body) for name, held in assets().items()}
    assert sum(size for name, size in wire.items() if not name.endswith(".woff2")) < 60_000
    assert sum(wire.values()) < 110_000
    assert len((STATIC / "oodaloo.js").read_text().splitlines()) < 200


def test_files_that_a_style_names_are_there() -> None:
    names = re.findall(r'url\("([^"]+)"\)', (STATIC / "oodaloo.css").read_text())
    assert names
    assert set(names) <= set(assets())
