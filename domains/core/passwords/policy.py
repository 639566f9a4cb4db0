"""What a password may be: long enough, not on everybody's list, not the person's own name. Any letters at all."""

import re
import unicodedata

from domains.core.passwords.known import is_known
from domains.core.sign_in_errors import PasswordRefused

SHORTEST, LONGEST = 12, 128
_FEWEST_DIFFERENT = 5
_MOST_AROUND = 6
_SHORTEST_WORD = 4
_AROUND = re.compile(r"^[\W\d_]*|[\W\d_]*$")
_NO_LETTER = re.compile(r"[\W_]+")


def as_typed(plain: str) -> str:
    """The same however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", plain)


def refuse_weak(plain: str, *, email: str, name: str) -> None:
    """Raise unless it may be this person's password.

    Raises:
        PasswordRefused: its text tells what is wrong with it.
    """
    plain = as_typed(plain)
    if len(plain) < SHORTEST:
        raise PasswordRefused(f"A password has at least {SHORTEST} characters. A few words in a row are easy to keep.")
    if len(plain) > LONGEST:
        raise PasswordRefused(f"A password has at most {LONGEST} characters.")
    if len(set(plain.casefold())) < _FEWEST_DIFFERENT:
        raise PasswordRefused("This password is too much of the same. Use more different characters.")
    if _is_own(plain, email=email, name=name):
        raise PasswordRefused("This password is your name or your e-mail address. Choose another.")
    if is_known(plain) or _is_known_word_in_dress(plain):
        raise PasswordRefused("This password is on lists that attackers try first. Choose another.")


def _is_known_word_in_dress(plain: str) -> bool:
    """A listed word with up to six digits and marks around it: password-2024!"""
    word = _AROUND.sub("", plain)
    return len(word) >= _SHORTEST_WORD and 0 < len(plain) - len(word) <= _MOST_AROUND and is_known(word)


def _is_own(plain: str, *, email: str, name: str) -> bool:
    """The name, the address or a part of it, with at most a few characters besides."""
    bare = _bare(plain)
    local, _, host = email.partition("@")
    own = {_bare(part) for part in (email, local, host, host.partition(".")[0], name, *name.split())}
    own |= {_bare("".join(reversed(name.split()))), _bare(name) * 2, _bare(local) * 2}
    return any(len(part) >= _SHORTEST_WORD and part in bare and len(bare) - len(part) <= _MOST_AROUND for part in own)


def _bare(text: str) -> str:
    return _NO_LETTER.sub("", text.casefold())
