"""What the operator says and is told: places, tokens, and what cannot be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from domains.core.member_service import Standing
from domains.core.models import Business
from domains.core.people import Firm, User
from domains.core.permissions import Role
from infra.errors import InvalidInput

P = TypeVar("P", Firm, Business)


class NameMissing(InvalidInput):
    def __init__(self, kind: str) -> None:
        super().__init__(f"The {kind} needs a name; this one is blank.")


class NotOne(InvalidInput):
    """A name that is nobody's, or several's."""

    def __init__(self, kind: str, name: str, *, found: int, shown: Sequence[Firm] | Sequence[Business]) -> None:
        choice = "\n".join(f"  {one.id}  {one.name}" for one in shown) or "  (there is none yet)"
        super().__init__(f"{found} are called {name!r}. Give the id of one {kind}:\n{choice}")


class NotThere(InvalidInput):
    def __init__(self, email: str, business: str) -> None:
        super().__init__(f"{email} belongs to no business called {business!r}.")


class NoSuchToken(InvalidInput):
    def __init__(self, token_id: UUID) -> None:
        super().__init__(f"There is no token {token_id}. See `oodaloo token list`.")


class PlaceMissing(InvalidInput):
    def __init__(self) -> None:
        super().__init__("Name a business with --business and a role with --role, or a firm with --firm.")


@dataclass(frozen=True)
class Place:
    """Where a person is to belong: a business, in a role, or a firm, as its admin. By name or id."""

    business: str | None = None
    standing: Standing | None = None
    firm: str | None = None

    @classmethod
    def read(cls, *, business: str | None, role: Role | None, limit: Decimal | None, firm: str | None) -> "Place":
        """From a command's options; nowhere is a place, too.

        Raises:
            PlaceMissing: half of it is there.
        """
        if (business is None) is not (role is None) or (business and firm) or role is Role.FIRM_ADMIN:
            raise PlaceMissing
        return cls(business, None if role is None else Standing(role, limit), firm)


@dataclass(frozen=True)
class Listed:
    """A user and where they belong: role → names."""

    user: User
    places: Sequence[tuple[Business, Role]]
    firms: Sequence[Firm]


@dataclass(frozen=True)
class IssuedToken:
    business_id: UUID
    token: str
    expires_at: datetime


def named(name: str, kind: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise NameMissing(kind)
    return name


def only(found: Sequence[P], kind: str, name: str, *, shown: Sequence[P]) -> P:
    if len(found) != 1:
        raise NotOne(kind, name, found=len(found), shown=shown)
    return found[0]
