"""Secrets we hand out and recognise again: 256 random bits, of which only the SHA-256 is kept."""

from hashlib import sha256
from secrets import token_urlsafe

_BYTES = 32


def new_secret(prefix: str = "") -> str:
    return prefix + token_urlsafe(_BYTES)


def hash_of(secret: str) -> bytes:
    """Unsalted on purpose: the secret has 256 bits of its own, and the hash must be found by an index."""
    return sha256(secret.encode()).digest()
