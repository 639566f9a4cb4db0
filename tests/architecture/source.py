"""The project's own source, parsed: what architecture tests look at."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("domains", "infra", "migrations", "runway")


@cache
def modules() -> dict[str, ast.Module]:
    """Path from the root → syntax tree, of everything that is shipped."""
    paths = [ROOT / "main.py", *(path for package in _PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths if path.exists()}


def _text(node: ast.expr) -> str:
    """What `ast.unparse` says, which takes its time for a plain name as well."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name() | ast.Attribute() as of, attr=name):
            return f"{_text(of)}.{name}"
        case _:
            return ast.unparse(node)


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """Each call as (path, dotted text of what is called, the call)."""
    return tuple(
        (path, _text(node.func), node)
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    )
