"""Sealing what we must be able to read again: AES-256-GCM under keys that can be rotated. The newest key seals, every key opens.

The context (business, rail, column; or table, id, column) and the key's id are authenticated with the text, so that a sealed
value copied into another row, column or company does not open.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from infra import exact_json
from infra.errors import OodalooError
from infra.logging import get_logger
from infra.security.keyring_file import (
    KEY_BYTES,
    KeyringUnusable,
    Signature,
    create_if_absent,
    read_keys,
    signature_of,
)

_FORMAT = "v1"
_NONCE_BYTES = 12

log = get_logger()


class CannotOpen(OodalooError):
    """A sealed value does not open here: another context, a lost key, or bytes that were changed."""


class Keyring:
    """Holds the keys in memory; its text and its errors never show one.

    One that was loaded follows its file: a changed file counts from the next use on, in every process and without a restart. A
    file that is gone or broken changes nothing, and is told in the log once.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        """`keys` by id, the newest last."""
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise KeyringUnusable(f"A keyring needs at least one key, each of {KEY_BYTES} bytes.")
        self._keys = keys
        self._path: Path | None = None
        self._seen: Signature | None = None

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> Self:
        """Read the keyring and follow it, making one with a single key when there is none and `create` says so.

        Raises:
            KeyringUnusable: absent, malformed, or readable by others.
        """
        if create:
            create_if_absent(path)
        seen = signature_of(path)
        ring = cls({entry.id: entry.key for entry in read_keys(path)})
        ring._path, ring._seen = path, seen
        return ring

    @property
    def newest_id(self) -> str:
        """The key that seals now."""
        self._follow()
        return list(self._keys)[-1]

    def key_ids(self) -> tuple[str, ...]:
        """Oldest first."""
        self._follow()
        return tuple(self._keys)

    def seal(self, plaintext: SecretStr | str, *, context: tuple[str, ...]) -> str:
        self._follow()
        text = plaintext.get_secret_value() if isinstance(plaintext, SecretStr) else plaintext
        key_id, key = list(self._keys.items())[-1]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), _bound_to(key_id, context))
        return f"{_FORMAT}.{key_id}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, context: tuple[str, ...]) -> SecretStr:
        """Give back what was sealed.

        Raises:
            CannotOpen: naming the key's id at most, never a secret.
        """
        key_id, data = _split(sealed)
        self._follow(must_know=key_id)
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
        return key_id_of(sealed) == self.newest_id

    def _follow(self, *, must_know: str | None = None) -> None:
        """Read the file again where it has changed, or where `must_know` is not among the keys (a stat may come late)."""
        if self._path is None:
            return
        seen = signature_of(self._path)
        if seen == self._seen and (must_know is None or must_know in self._keys):
            return
        is_new = seen != self._seen
        self._seen = seen
        try:
            self._keys = {entry.id: entry.key for entry in read_keys(self._path)}
            problem = None
        except KeyringUnusable as error:
            problem = str(error)
        if is_new and problem:
            log.error("security.keyring.not_read", error=problem, keys=len(self._keys))
        elif is_new:
            log.info("security.keyring.read_again", keys=len(self._keys), newest=list(self._keys)[-1])

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys, newest {list(self._keys)[-1]!r})"


def key_id_of(sealed: str) -> str:
    """The key a value was sealed with.

    Raises:
        CannotOpen: it is no sealed value.
    """
    return _split(sealed)[0]


def sealed_by(key_id: str) -> str:
    """How every value that this key sealed begins."""
    return f"{_FORMAT}.{key_id}."


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
