"""Who did something, as a log names them, in words."""

from collections.abc import Mapping
from uuid import UUID

from runway.web.strings import _


def actor_name(actor: str | None, names: Mapping[UUID, str]) -> str:
    """`user:<id>` by name; programs and ourselves by what they are."""
    kind, _sep, rest = (actor or "").partition(":")
    if kind == "user":
        return names.get(_id(rest), _("Somebody who left")) if _id(rest) else _("Somebody")
    if kind == "token":
        return _("A program with a token")
    if kind == "cli":
        return _("The operator")
    if kind == "nobody":
        return _("Somebody unknown")
    return _("system")


def is_system(actor: str) -> bool:
    return actor.partition(":")[0] not in {"user", "token", "cli", "nobody"}


def initials_of(name: str) -> str:
    """Two letters for a round mark: Ada Park is AP."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
