"""What a proof has already shown, in a file of its own: cut off, it goes on where it stopped, and never mixes different code."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Self

CHUNK: Final = 100
_ROOT = Path(__file__).parents[3]
_PROVED: Final = ("infra", "domains", "runway", "migrations", "benchmarks/proofs/payments")
_BESIDE: Final = ("benchmarks/companies.py", "benchmarks/rig.py")
_CODE: Final = frozenset({".py", ".sql", ".lua"})


@dataclass(frozen=True, order=True)
class Chunk:
    """Histories that are played, compared and kept together."""

    first: int
    count: int

    def __str__(self) -> str:
        return f"{self.first}:{self.count}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        first, count = text.split(":")
        return cls(int(first), int(count))

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + self.count)


def chunks_of(first: int, histories: int, *, size: int = CHUNK) -> list[Chunk]:
    end = first + histories
    return [Chunk(begin, min(size, end - begin)) for begin in range(first, end, size)]


def digest_of_code(root: Path = _ROOT) -> str:
    """Of everything that a history runs, by name and content."""
    digest = blake2b(digest_size=8)
    files = {path for room in _PROVED for path in (root / room).rglob("*") if path.suffix in _CODE}
    for path in sorted(files | {root / name for name in _BESIDE}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@dataclass
class Kept:
    """Outcomes by chunk, as raw JSON, of one first seed, number of histories and digest of the code: all three are the file's name."""

    path: Path
    first: int
    histories: int
    outcomes: dict[Chunk, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, *, first: int, histories: int, digest: str) -> Self:
        kept = cls(folder / f"{first}-{histories}-{digest}.jsonl", first, histories)
        for line in kept._lines():
            kept.outcomes[Chunk.of_text(line["chunk"])] = line["outcome"]
        return kept

    @property
    def left(self) -> list[Chunk]:
        return [chunk for chunk in chunks_of(self.first, self.histories) if chunk not in self.outcomes]

    def keep(self, chunk: Chunk, outcome: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_cut_off = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * is_cut_off + json.dumps({"chunk": str(chunk), "outcome": outcome}) + "\n")
        self.outcomes[chunk] = outcome

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # written when the machine stopped: its chunk is played again


def unfinished(folder: Path, *, histories: int, digest: str) -> int | None:
    """The first seed of what was begun last with the same code and not ended."""
    begun: Sequence[Path] = sorted(
        folder.glob(f"*-{histories}-{digest}.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for path in begun:
        first = int(path.name.split("-", 1)[0])
        if Kept.open(folder, first=first, histories=histories, digest=digest).left:
            return first
    return None
