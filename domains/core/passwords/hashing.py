"""Hashing passwords with argon2id, a few at a time: each takes 64 MiB and a core for some 50 ms."""

import asyncio
from functools import cached_property
from typing import NewType

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr

from domains.core.passwords.policy import LONGEST, as_typed, refuse_weak
from domains.core.secrets import new_secret

HashedPassword = NewType("HashedPassword", str)
_AT_ONCE = 2


class Passwords:
    """One a process. Call it outside transactions: a hash waits for its turn."""

    def __init__(self, *, at_once: int = _AT_ONCE) -> None:
        self._hasher = PasswordHash((Argon2Hasher(),))
        self._turn = asyncio.Semaphore(at_once)

    async def hash_new(self, plain: SecretStr, *, email: str, name: str) -> HashedPassword:
        """The hash of a password that this person chooses.

        Raises:
            PasswordRefused: too short, too long, known to everybody, or the person's own name or address.
        """
        text = as_typed(plain.get_secret_value())
        refuse_weak(text, email=email, name=name)
        async with self._turn:
            return HashedPassword(await asyncio.to_thread(self._hasher.hash, text))

    async def is_right(self, plain: SecretStr, *, hashed: str | None) -> bool:
        """Whether this is the password. Without a hash the answer is no, and takes as long."""
        text = as_typed(plain.get_secret_value())
        if len(text) > LONGEST:
            text = ""  # none is so long; the time is the same
        async with self._turn:
            return await asyncio.to_thread(self._verify, text, hashed)

    def _verify(self, text: str, hashed: str | None) -> bool:
        is_right = self._hasher.verify(text, hashed or self._nobodys)
        return is_right and hashed is not None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(new_secret())
