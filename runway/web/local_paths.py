"""Where a person wanted to go when they had to sign in first: a path of ours, never another site."""

import re

HOME = "/"
_LONGEST = 500
# A second slash, or a backslash that browsers take for one, would begin another host's name; what controls a header is out too.
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def local_path(asked: str | None) -> str:
    """The path asked for, where it is one of ours; otherwise the home page."""
    return asked if asked and len(asked) <= _LONGEST and _LOCAL.fullmatch(asked) else HOME
