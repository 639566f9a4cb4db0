"""Sealing the rails' tokens: AES-256-GCM under keys that can be rotated. The newest key seals, every key opens.

The context (business, rail, column) and the key's id are authenticated with the text, so that a sealed value copied
into another row, column or company does not open.
"""

import os
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from infra import exact_json
from infra.errors import MalformedJSON, OodalooError

_FORMAT = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyringUnusable(OodalooError):
    """The keyring's file cannot be used; the text says why and never holds a key."""


class CannotOpen(OodalooError):
    """A sealed value does not open here: another context, a lost key, or bytes that were changed."""


class Keyring:
    """Holds the keys in memory; its text and its errors never show one."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        """`keys` by id, the newest last."""
        if not keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise KeyringUnusable(f"A keyring needs at least one key, each of {_KEY_BYTES} bytes.")
        self._keys = keys
        self._newest = list(keys)[-1]

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> Self:
        """Read the keyring, making one with a single key when there is none and `create` says so.

        Raises:
            KeyringUnusable: absent, malformed, or readable by others.
        """
        if create and not path.exists():
            _write_new(path, {_new_key_id(1): os.urandom(_KEY_BYTES)})
        try:
            mode = path.stat().st_mode
            text = path.read_bytes()
        except OSError as error:
            raise KeyringUnusable(f"The keyring {path} cannot be read: {error.strerror}.") from error
        if mode & 0o077:
            raise KeyringUnusable(f"The keyring {path} can be read by others. Run: chmod 600 {path}")
        return cls(_parse(path, text))

    def with_new_key(self, path: Path) -> Self:
        """Add a key, write the file anew, and return the ring that seals with it; what was sealed before still opens."""
        keys = {**self._keys, _new_key_id(len(self._keys) + 1): os.urandom(_KEY_BYTES)}
        temporary = _write_temporary(path, keys)
        temporary.replace(path)
        return type(self)(keys)

    def seal(self, plaintext: SecretStr | str, *, context: tuple[str, ...]) -> str:
        text = plaintext.get_secret_value() if isinstance(plaintext, SecretStr) else plaintext
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._keys[self._newest]).encrypt(nonce, text.encode(), _bound_to(self._newest, context))
        return f"{_FORMAT}.{self._newest}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, context: tuple[str, ...]) -> SecretStr:
        """Give back what was sealed.

        Raises:
            CannotOpen: naming the key's id at most, never a secret.
        """
        key_id, data = _split(sealed)
        key = self._keys.get(key_id)
        if key is None:
            raise CannotOpen(f"The value was sealed with the key {key_id!r}, which this keyring does not have.")
        try:
            text = AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound_to(key_id, context))
        except InvalidTag:
            # Not chained: the context of the failed call must not end in a report.
            raise CannotOpen(f"The value sealed with the key {key_id!r} belongs elsewhere or was changed.") from None
        return SecretStr(text.decode())

    def is_newest(self, sealed: str) -> bool:
        """False when the value should be sealed again, so that an old key can go some day."""
        return _split(sealed)[0] == self._newest

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys, newest {self._newest!r})"


def _bound_to(key_id: str, context: tuple[str, ...]) -> bytes:
    # A JSON list, so that ("a", "bc") and ("ab", "c") differ.
    return exact_json.dumps([_FORMAT, key_id, *context])


def _split(sealed: str) -> tuple[str, bytes]:
    try:
        form, key_id, data = sealed.split(".")
        raw = urlsafe_b64decode(data)
    except (ValueError, Base64Error):
        raise CannotOpen("This is not a sealed value.") from None
    if form != _FORMAT or len(raw) <= _NONCE_BYTES:
        raise CannotOpen("This is not a sealed value.")
    return key_id, raw


def _new_key_id(number: int) -> str:
    return f"k{number}-{os.urandom(4).hex()}"


def _parse(path: Path, text: bytes) -> dict[str, bytes]:
    try:
        content: Any = exact_json.loads(text)
        return {str(entry["id"]): b64decode(entry["key"], validate=True) for entry in content["keys"]}
    except (MalformedJSON, KeyError, TypeError, ValueError):
        raise KeyringUnusable(
            f'The keyring {path} is malformed; it should be {{"keys": [{{"id": …, "key": base64}}]}}, the newest last.'
        ) from None


def _write_temporary(path: Path, keys: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    content = {"keys": [{"id": key_id, "key": b64encode(key).decode()} for key_id, key in keys.items()]}
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(exact_json.dumps(content))
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _write_new(path: Path, keys: dict[str, bytes]) -> None:
    temporary = _write_temporary(path, keys)
    try:
        path.hardlink_to(temporary)  # fails where another process was first, whose key then counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
