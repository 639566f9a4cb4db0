"""The keyring's file: `{"keys": [{"id", "key", "added_at"}]}`, the newest last, readable by its owner alone.

It is replaced whole and at once, by one process at a time; who reads it sees the old keys or the new ones, never half.
"""

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from infra import exact_json
from infra.errors import MalformedJSON, OodalooError

KEY_BYTES = 32

Signature = tuple[int, int, int, int]


class KeyringUnusable(OodalooError):
    """The keyring's file cannot be used; the text says why and never holds a key."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """`added_at` is None for a key made before ages were written down, and for the first of a new file."""

    id: str
    key: bytes = field(repr=False)
    added_at: datetime | None = None


def read_keys(path: Path) -> list[KeyEntry]:
    """The keys, the newest last.

    Raises:
        KeyringUnusable: absent, malformed, or readable by others.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError as error:
        raise KeyringUnusable(f"The keyring {path} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise KeyringUnusable(f"The keyring {path} can be read by others. Run: chmod 600 {path}")
    return _parse(path, text)


def signature_of(path: Path) -> Signature | None:
    """Differs whenever the file was replaced or rewritten; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def create_if_absent(path: Path) -> None:
    """Make a file with one key; where another process is first, its key counts."""
    if path.exists():
        return
    temporary = _write_temporary(path, [new_key(1)])
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def add_key(path: Path, *, at: datetime) -> KeyEntry:
    """Put a new key last. From the moment this returns every process seals with it.

    Raises:
        KeyringUnusable: as `read_keys`, or the file cannot be written.
    """
    with _alone(path):
        keys = read_keys(path)
        added = new_key(len(keys) + 1, at=at)
        _replace(path, [*keys, added])
    return added


def drop_keys(path: Path, key_ids: Collection[str]) -> None:
    """Take keys out for ever; the newest stays whatever is asked.

    Raises:
        KeyringUnusable: as `add_key`.
    """
    with _alone(path):
        keys = read_keys(path)
        _replace(path, [*(entry for entry in keys[:-1] if entry.id not in key_ids), keys[-1]])


def new_key(number: int, *, at: datetime | None = None) -> KeyEntry:
    return KeyEntry(f"k{number}-{os.urandom(4).hex()}", os.urandom(KEY_BYTES), at)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time; what a killed one left behind holds keys, and goes."""
    try:
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeyringUnusable(f"The keyring {path} cannot be changed: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in path.parent.glob(f".{path.name}.new-*"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, keys: Sequence[KeyEntry]) -> None:
    try:
        _write_temporary(path, keys).replace(path)
    except OSError as error:
        raise KeyringUnusable(f"The keyring {path} cannot be changed: {error.strerror}.") from error
    with suppress(OSError):  # some file systems do not sync directories
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _write_temporary(path: Path, keys: Sequence[KeyEntry]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new-{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(exact_json.dumps({"keys": [_written(entry) for entry in keys]}))
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _written(entry: KeyEntry) -> dict[str, str | None]:
    added_at = entry.added_at.isoformat() if entry.added_at else None
    return {"id": entry.id, "key": b64encode(entry.key).decode(), "added_at": added_at}


def _parse(path: Path, text: bytes) -> list[KeyEntry]:
    try:
        content: Any = exact_json.loads(text)
        keys = [_read(entry) for entry in content["keys"]]
    except (MalformedJSON, KeyError, TypeError, ValueError):
        raise KeyringUnusable(
            f'The keyring {path} is malformed; it should be {{"keys": [{{"id": …, "key": base64}}]}}, the newest last.'
        ) from None
    if not keys or len({entry.id for entry in keys}) != len(keys):
        raise KeyringUnusable(f"The keyring {path} needs at least one key, each with an id of its own.")
    return keys


def _read(entry: dict[str, Any]) -> KeyEntry:
    key = b64decode(entry["key"], validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    added_at = entry.get("added_at")
    return KeyEntry(str(entry["id"]), key, datetime.fromisoformat(added_at) if added_at else None)
