"""A secret as a compressed page may hold it: other bytes each time, so that no length tells what a guess shares with it."""

from secrets import token_bytes

_BYTES = 32


def masked(secret: str) -> str:
    """`secret` is 32 bytes in hex; the answer is 64."""
    mask = token_bytes(_BYTES)
    return (mask + _combined(bytes.fromhex(secret), mask)).hex()


def unmasked(sent: str) -> str:
    """What was masked; anything else as it is, to be compared and refused."""
    try:
        held = bytes.fromhex(sent)
    except ValueError:
        return sent
    return _combined(held[_BYTES:], held[:_BYTES]).hex() if len(held) == 2 * _BYTES else sent


def _combined(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
