"""Reading all of an entity without losing what is edited meanwhile.

Paging by position over an order that moves loses one other record for each edit. Here each page starts where the last
one ended *in time*, boundary included: an edited record moves to the end and is met there. What lies on a boundary is
delivered twice; the consumer drops what it knows by newest-wins.

A second with more records than a page holds (an import) cannot be passed that way. It is read by position, and
**backwards**: records can only leave a past second, as an edit moves them to a later one. When one leaves, all behind
it step one position forwards. Reading forwards, the record that steps over the page's edge into the part already read
is lost. Reading from the end, what has not been read yet always lies in front of the edge, so a step can only bring a
record that was already delivered.

The reasoning needs a second that nothing enters any more. A second that is not over by QBO's own clock is waited out
(two seconds, as a query may lag a write) before it is counted.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.logging import get_logger
from infra.qbo import statements
from infra.qbo.answers import CallCost, Payload, QueryPage
from infra.qbo.errors import QBOUnavailable

Query = Callable[[str], Awaitable[QueryPage]]
Sleep = Callable[[float], Awaitable[None]]

SETTLING_TIME = timedelta(seconds=2)
_MOST_WAITS = 5  # a clock that stands still must not hold a backfill for ever; CDC's overlap then covers the second
_ONE_SECOND = timedelta(seconds=1)

log = get_logger()


@dataclass(frozen=True, slots=True)
class KeysetCursor:
    """Where to go on. Store it in the transaction that stores the page it came with.

    Attributes:
        since: records changed at or after this instant are still to read.
        unread_positions: set while one crowded second, `since`, is being read backwards: the positions 1 to this one.
    """

    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    unread_positions: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"since": self.since.isoformat(), "unread_positions": self.unread_positions}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "KeysetCursor":
        return cls(since=datetime.fromisoformat(value["since"]), unread_positions=value["unread_positions"])


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """One page; `next_cursor` is None with the last one."""

    answer: QueryPage
    next_cursor: KeysetCursor | None

    @property
    def objects(self) -> list[Payload]:
        return list(self.answer.objects)


async def keyset_pages(
    query: Query,
    *,
    entity: str,
    cursor: KeysetCursor,
    page_size: int = statements.LARGEST_PAGE,
    until: datetime | None = None,
    where: tuple[str, ...] = (),
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[KeysetPage, None]:
    """Yield every record of `entity` from `cursor` on, oldest change first; at least one page, the last maybe empty.

    Each page's `next_cursor` resumes exactly behind it, in another process if need be. `until` (exclusive) lets several
    ranges run side by side; a record edited meanwhile may jump from one range into another that has finished, so whoever
    splits must read the changes since the start afterwards. `where` narrows by further conditions of QBO's language.
    """
    if not 1 <= page_size <= statements.LARGEST_PAGE:
        raise ValueError(f"A page holds 1 to {statements.LARGEST_PAGE} records, not {page_size}.")
    reader = _Reader(query, entity=entity, page_size=page_size, until=until, where=where, sleep=sleep)
    position: KeysetCursor | None = cursor
    while position is not None:
        page = await reader.page_at(position)
        position = page.next_cursor
        yield page


class _Reader:
    def __init__(
        self,
        query: Query,
        *,
        entity: str,
        page_size: int,
        until: datetime | None,
        where: tuple[str, ...],
        sleep: Sleep,
    ) -> None:
        self._query = query
        self._entity = entity
        self._page_size = page_size
        self._until = until
        self._where = where
        self._sleep = sleep

    async def page_at(self, cursor: KeysetCursor) -> KeysetPage:
        if cursor.unread_positions is not None:
            return await self._page_of_second(cursor.since, last_position=cursor.unread_positions)
        end = () if self._until is None else (statements.changed_before(self._until),)
        answer = await self._query(
            statements.select(
                self._entity,
                statements.changed_from(cursor.since),
                *end,
                *self._where,
                order_by=statements.UPDATED,
                limit=self._page_size,
            )
        )
        if len(answer.objects) < self._page_size:
            return KeysetPage(answer, next_cursor=None)
        first, last = _seconds_of(answer.objects)
        if first < last:
            return KeysetPage(answer, next_cursor=KeysetCursor(since=last))
        in_second, counting = await self._count_second(last)
        spent = answer.cost + counting
        if in_second == 0:  # all were edited meanwhile
            return KeysetPage(replace(answer, objects=(), cost=spent), KeysetCursor(since=last + _ONE_SECOND))
        page = await self._page_of_second(last, last_position=in_second)
        return replace(page, answer=replace(page.answer, cost=page.answer.cost + spent))

    async def _page_of_second(self, second: datetime, *, last_position: int) -> KeysetPage:
        first_position = max(1, last_position - self._page_size + 1)
        answer = await self._query(
            statements.select(
                self._entity,
                *statements.changed_within_second(second),
                *self._where,
                order_by="Id",
                start_position=first_position,
                limit=last_position - first_position + 1,
            )
        )
        if first_position == 1:
            return KeysetPage(answer, next_cursor=KeysetCursor(since=second + _ONE_SECOND))
        return KeysetPage(answer, next_cursor=KeysetCursor(since=second, unread_positions=first_position - 1))

    async def _count_second(self, second: datetime) -> tuple[int, CallCost]:
        statement = statements.count(self._entity, *statements.changed_within_second(second), *self._where)
        settled_at = second + _ONE_SECOND + SETTLING_TIME
        counted = await self._query(statement)
        cost = counted.cost
        for _ in range(_MOST_WAITS):
            if counted.answered_at >= settled_at:
                break
            await self._sleep((settled_at - counted.answered_at).total_seconds())
            counted = await self._query(statement)
            cost += counted.cost
        else:
            log.warning("qbo.keyset.second_not_over", entity=self._entity, second=second.isoformat())
        if counted.total_count is None:
            raise QBOUnavailable("QuickBooks answered COUNT(*) without a total.")
        return counted.total_count, cost


def _seconds_of(page: Sequence[Payload]) -> tuple[datetime, datetime]:
    """The first and the last second on a page. Records without a readable time are for the quarantine; the others tell where it ends."""
    first, last = _first_readable(page), _first_readable(reversed(page))
    if first is None or last is None:
        raise QBOUnavailable("QuickBooks sent a page without one readable MetaData.LastUpdatedTime.")
    return first, last


def _first_readable(page: Iterable[Payload]) -> datetime | None:
    return next((second for payload in page if (second := _second_of(payload)) is not None), None)


def _second_of(payload: Payload) -> datetime | None:
    try:
        return statements.read_instant(payload["MetaData"]["LastUpdatedTime"]).replace(microsecond=0)
    except (KeyError, TypeError, ValueError):
        return None
