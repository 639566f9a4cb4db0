"""Pages by keyset: a row that changes meanwhile moves itself, and hides no other row.

Each order is total and ends in our id. Open documents are read in the order of their index; all or paid ones are sorted, which a
book of 100,000 bills feels (some 150 ms a page).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from domains.core.errors import UnreadableCursor
from infra import exact_json
from infra.errors import MalformedJSON

T = TypeVar("T")

MAX_PAGE = 200


@dataclass(frozen=True)
class Page(Generic[T]):
    """`next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True)
class DueCursor:
    """The last row seen in the order (due date, id), rows without a due date last."""

    due_on: date | None
    id: UUID

    def encode(self) -> str:
        return _encode([self.due_on, self.id])

    @classmethod
    def decode(cls, text: str) -> "DueCursor":
        """Read what `encode` wrote.

        Raises:
            UnreadableCursor: it is something else.
        """
        due_on, row_id = _decode(text)
        try:
            return cls(date.fromisoformat(due_on) if due_on is not None else None, UUID(row_id))
        except (AttributeError, TypeError, ValueError) as error:
            raise UnreadableCursor from error


@dataclass(frozen=True)
class NameCursor:
    """The last row seen in the order (name, id)."""

    name: str
    id: UUID

    def encode(self) -> str:
        return _encode([self.name, self.id])

    @classmethod
    def decode(cls, text: str) -> "NameCursor":
        """Read what `encode` wrote.

        Raises:
            UnreadableCursor: it is something else.
        """
        name, row_id = _decode(text)
        if not isinstance(name, str) or "\0" in name:  # a zero character is in no text that PostgreSQL holds
            raise UnreadableCursor
        try:
            return cls(name, UUID(row_id))
        except (AttributeError, TypeError, ValueError) as error:
            raise UnreadableCursor from error


@dataclass(frozen=True)
class InstantCursor:
    """The last row seen in the order (instant, id), the latest first."""

    at: datetime
    id: UUID

    @property
    def key(self) -> tuple[datetime, UUID]:
        return self.at, self.id

    def encode(self) -> str:
        return _encode([self.at.isoformat(), self.id])

    @classmethod
    def decode(cls, text: str) -> "InstantCursor":
        """Read what `encode` wrote.

        Raises:
            UnreadableCursor: it is something else.
        """
        at, row_id = _decode(text)
        try:
            moment = datetime.fromisoformat(at)
            found = cls(moment, UUID(row_id))
        except (AttributeError, TypeError, ValueError) as error:
            raise UnreadableCursor from error
        if moment.tzinfo is None:
            raise UnreadableCursor
        return found


def _encode(parts: list[Any]) -> str:
    return urlsafe_b64encode(exact_json.dumps(parts)).decode().rstrip("=")


def _decode(text: str) -> tuple[Any, Any]:
    try:
        first, second = exact_json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (MalformedJSON, TypeError, ValueError) as error:
        raise UnreadableCursor from error
    return first, second


async def list_by_name(
    session: AsyncSession,
    query: Select[T],
    *,
    name: InstrumentedAttribute[str],
    row_id: InstrumentedAttribute[UUID],
    after: NameCursor | None,
    limit: int,
) -> list[T]:
    if after is not None:
        query = query.where(tuple_(name, row_id) > tuple_(literal(after.name), literal(after.id)))
    return list(await session.scalars(query.order_by(name, row_id).limit(limit)))


def page_of(rows: Sequence[T], limit: int, *, cursor_of: Callable[[T], str]) -> Page[T]:
    """Cut a page from rows read with one more than `limit`: the extra row only says that there is a next page."""
    items = rows[:limit]
    return Page(items, cursor_of(items[-1]) if len(rows) > limit else None)


def matches_text(column: InstrumentedAttribute[str], search: str) -> Any:
    """`search` anywhere in the column, ignoring case; its % and _ stand for themselves."""
    return func.lower(column).contains(search.lower(), autoescape=True)
