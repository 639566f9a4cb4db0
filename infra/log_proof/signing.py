"""The key that signs checkpoints: Ed25519, in a file of its own that the database's accounts must not read.

Beside it lies a file with the public keys, for auditors. The newest key signs; those before still verify.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infra import exact_json
from infra.errors import MalformedJSON, OodalooError


class LogKeyUnusable(OodalooError):
    """A key file cannot be used; the text says why and never holds a key."""


class PublicKeys:
    """Those whose signatures count, by id. An id is the beginning of the key's own hash."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: Ed25519PublicKey.from_public_bytes(raw) for key_id, raw in keys.items()}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of public keys.

        Raises:
            LogKeyUnusable: absent or malformed.
        """
        return cls({_id_of(raw): raw for raw in _read(path, "public")})

    def knows(self, key_id: str) -> bool:
        return key_id in self._keys

    def verify(self, key_id: str, digest: bytes, *, signature: bytes) -> bool:
        """False as well for a key that is not among these."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, digest)
        except InvalidSignature:
            return False
        return True


class LogKey:
    """Signs with the newest of its keys. Its text and its errors never show one."""

    def __init__(self, keys: list[Ed25519PrivateKey]) -> None:
        self._keys = {_id_of(key.public_key().public_bytes_raw()): key for key in keys}
        self.key_id = list(self._keys)[-1]

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> Self:
        """Read the key file, making one with its public file beside it when there is none and `create` says so.

        Raises:
            LogKeyUnusable: absent, malformed, or readable by others.
        """
        if create and not path.exists():
            _write_new(path, [Ed25519PrivateKey.generate()])
        raw = _read(path, "private")
        if path.stat().st_mode & 0o077:
            raise LogKeyUnusable(f"The log's key {path} can be read by others. Run: chmod 600 {path}")
        key = cls([Ed25519PrivateKey.from_private_bytes(one) for one in raw])
        if create and not public_file(path).exists():
            _write(public_file(path), "public", list(key.public_bytes().values()), mode=0o644)
        return key

    def with_new_key(self, path: Path) -> Self:
        """Add a key to the file, which signs from now on; what the others signed still verifies."""
        keys = [*self._keys.values(), Ed25519PrivateKey.generate()]
        _write(path, "private", [key.private_bytes_raw() for key in keys], mode=0o600)
        made = type(self)(keys)
        _write(public_file(path), "public", list(made.public_bytes().values()), mode=0o644)
        return made

    def sign(self, digest: bytes) -> bytes:
        return self._keys[self.key_id].sign(digest)

    def public_bytes(self) -> dict[str, bytes]:
        return {key_id: key.public_key().public_bytes_raw() for key_id, key in self._keys.items()}

    def public_keys(self) -> PublicKeys:
        return PublicKeys(self.public_bytes())

    def __repr__(self) -> str:
        return f"LogKey({len(self._keys)} keys, newest {self.key_id!r})"


def public_file(path: Path) -> Path:
    """Where the public half of the key file at `path` lies."""
    return path.with_name(f"{path.stem}.public.json")


def _id_of(public: bytes) -> str:
    return sha256(public).hexdigest()[:16]


def _read(path: Path, half: str) -> list[bytes]:
    try:
        content: Any = exact_json.loads(path.read_bytes())
        keys = [b64decode(entry[half], validate=True) for entry in content["keys"]]
    except OSError as error:
        raise LogKeyUnusable(f"The log's key file {path} cannot be read: {error.strerror}.") from error
    except (MalformedJSON, KeyError, TypeError, ValueError, Base64Error):
        keys = []
    if not keys or any(len(key) != 32 for key in keys):  # noqa: PLR2004 - an Ed25519 key's length
        raise LogKeyUnusable(
            f'The log\'s key file {path} is malformed; it should be {{"keys": [{{"{half}": base64}}]}}.'
        )
    return keys


def _write_new(path: Path, keys: list[Ed25519PrivateKey]) -> None:
    temporary = _write_temporary(path, "private", [key.private_bytes_raw() for key in keys], mode=0o600)
    try:
        path.hardlink_to(temporary)  # fails where another process was first, whose key then counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _write(path: Path, half: str, keys: list[bytes], *, mode: int) -> None:
    _write_temporary(path, half, keys, mode=mode).replace(path)


def _write_temporary(path: Path, half: str, keys: list[bytes], *, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    content = {"keys": [{half: b64encode(key).decode()} for key in keys]}
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(exact_json.dumps(content))
        file.flush()
        os.fsync(file.fileno())
    return temporary
