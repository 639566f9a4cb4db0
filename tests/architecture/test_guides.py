"""What the guides say that can be checked: links lead somewhere, and each benchmark has its row."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if ":" in target:
            continue  # elsewhere
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            yield f"{page.relative_to(ROOT)}: {target}#{anchor}"


def test_every_link_leads_somewhere() -> None:
    assert [link for page in PAGES for link in broken_links(page)] == []


def test_every_benchmark_and_proof_has_its_row() -> None:
    tree = ast.parse((ROOT / "benchmarks" / "__main__.py").read_text(encoding="utf-8"))
    tables = {
        ast.unparse(node.target): ast.literal_eval(ast.unparse(ast.List(node.value.keys)))  # type: ignore[arg-type]  # no key is missing
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)
    }
    rows = re.findall(
        r"^\| `(\w+)`( \(proof\))? \|", (ROOT / "docs/guide/benchmarks.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name for name, proof in rows if not proof} == set(tables["_BENCHES"])
    assert {name for name, proof in rows if proof} == {*tables["_PROOFS"], *tables["_SEEDED_PROOFS"]}
