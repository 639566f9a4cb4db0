"""Merkle trees as RFC 6962 has them: a leaf and a node are hashed under different prefixes, a lone node rises as it is."""

from collections.abc import Sequence
from hashlib import sha256

LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(content: bytes) -> bytes:
    return sha256(LEAF + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of none at all the hash of nothing."""
    return levels_of(leaves)[-1][0]


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """The whole tree, from the leaves up to the root alone."""
    if not leaves:
        return [[sha256(b"").digest()]]
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    return levels


def path_in(levels: Sequence[Sequence[bytes]], place: int) -> list[bytes]:
    """The neighbours that lead from the leaf at `place` (from 0) to the root, lowest first."""
    path = []
    for level in levels[:-1]:
        if place ^ 1 < len(level):
            path.append(level[place ^ 1])
        place //= 2
    return path


def root_by_path(leaf: bytes, path: Sequence[bytes], *, place: int, count: int) -> bytes | None:
    """The root that `path` leads to; None when its length does not fit a tree of `count` leaves."""
    if not 0 <= place < count:
        return None
    found, rest = leaf, list(path)
    while count > 1:
        if place ^ 1 < count:
            if not rest:
                return None
            neighbour = rest.pop(0)
            found = sha256(_NODE + neighbour + found if place % 2 else _NODE + found + neighbour).digest()
        place, count = place // 2, (count + 1) // 2
    return None if rest else found


def _above(level: Sequence[bytes]) -> list[bytes]:
    above = [sha256(_NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above
