"""The file outside the database that every checkpoint is appended to: JSON lines, each on disk before the next round.

Whoever can rewrite the database still cannot take back what stands here. Keep it, or a copy that is fetched often, where the
database's account has no power.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from infra import exact_json
from infra.errors import MalformedJSON, OodalooError
from infra.log_proof.canonical import CheckpointHead

_BLOCK = 65_536


class CheckpointFileUnusable(OodalooError):
    """The file cannot be read or written as what it is."""


@dataclass(frozen=True)
class Checkpoint:
    head: CheckpointHead
    hash: bytes
    signature: bytes


@dataclass(frozen=True)
class Line:
    """A checkpoint as the file has it, with the batches it covers: business → (batch_no, hash)."""

    checkpoint: Checkpoint
    batches: dict[UUID, tuple[int, bytes]]

    @property
    def no(self) -> int:
        return self.checkpoint.head.no

    def to_json(self) -> bytes:
        fields: dict[str, Any] = {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in self.checkpoint.head._asdict().items()
        }
        fields["hash"] = self.checkpoint.hash.hex()
        fields["signature"] = self.checkpoint.signature.hex()
        fields["batches"] = [[str(business), no, digest.hex()] for business, (no, digest) in self.batches.items()]
        return exact_json.dumps(fields)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read a line.

        Raises:
            ValueError: it is not one.
        """
        try:
            fields: Any = exact_json.loads(text)
            head = CheckpointHead._make(
                bytes.fromhex(fields[name]) if kind is bytes else kind(fields[name])
                for name, kind in CheckpointHead.__annotations__.items()
            )
            batches = {UUID(business): (int(no), bytes.fromhex(digest)) for business, no, digest in fields["batches"]}
            checkpoint = Checkpoint(head, bytes.fromhex(fields["hash"]), bytes.fromhex(fields["signature"]))
        except (MalformedJSON, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("not a checkpoint") from error
        return cls(checkpoint, batches)


class CheckpointFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> Iterator[Line]:
        """Every whole line, oldest first; a torn last one is passed over. None where the file is missing.

        Raises:
            CheckpointFileUnusable: a whole line is no checkpoint, or it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                for number, text in enumerate(file, start=1):
                    if text.endswith(b"\n"):
                        yield self._read(text, where=f"line {number}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise CheckpointFileUnusable(f"{self.path} cannot be read: {error.strerror}.") from error

    @contextmanager
    def appending(self) -> Iterator["Appender"]:
        """Hold the file alone. A torn last line, which a crash leaves, is cut off: its checkpoint is appended again from the database.

        Raises:
            CheckpointFileUnusable: it cannot be written, or its last line is no checkpoint.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise CheckpointFileUnusable(f"{self.path} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Appender(descriptor, newest=self._newest(descriptor))
        finally:
            os.close(descriptor)

    def newest(self) -> Line | None:
        with self.appending() as appender:
            return appender.newest

    def _newest(self, descriptor: int) -> Line | None:
        size = os.fstat(descriptor).st_size
        tail, start = b"", size
        # The last whole line lies between the last two line ends; what follows the last of them is torn.
        while start > 0 and tail.count(b"\n") < 2:  # noqa: PLR2004 - as said
            step = min(_BLOCK, start)
            start -= step
            tail = os.pread(descriptor, step, start) + tail
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            os.ftruncate(descriptor, size - len(torn))
            os.fsync(descriptor)
        last = whole.rpartition(b"\n")[2]
        return self._read(last, where="the last line") if last else None

    def _read(self, text: bytes, *, where: str) -> Line:
        try:
            return Line.from_json(text)
        except ValueError:
            raise CheckpointFileUnusable(f"{self.path}: {where} is not a checkpoint.") from None


class Appender:
    def __init__(self, descriptor: int, *, newest: Line | None) -> None:
        self._descriptor = descriptor
        self.newest = newest

    def append(self, lines: list[Line]) -> None:
        """On disk when this returns."""
        if not lines:
            return
        text = memoryview(b"".join(line.to_json() + b"\n" for line in lines))
        while text:
            text = text[os.write(self._descriptor, text) :]
        os.fsync(self._descriptor)
        self.newest = lines[-1]
