"""A book in memory that answers the statements keyset paging sends, and is edited between any two of its answers."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra import exact_json
from infra.qbo import statements
from infra.qbo.answers import CallCost, QueryPage
from infra.qbo.errors import QBOUnavailable
from infra.qbo.keyset import KeysetCursor, KeysetPage, keyset_pages

START = datetime(2026, 1, 1, tzinfo=UTC)
CONDITION = re.compile(r"LastUpdatedTime (>=|<) '([^']+)'")


@dataclass
class Book:
    """Edits move a record to the present second, deletions take it out; `now` goes on by what `tick` says."""

    records: dict[str, datetime]
    now: datetime
    between_calls: Callable[["Book"], None] = lambda _book: None
    statements: list[str] = field(default_factory=list)

    async def query(self, statement: str) -> QueryPage:
        if self.statements:
            self.between_calls(self)
        self.statements.append(statement)
        bounds = {sign: statements.read_instant(text) for sign, text in CONDITION.findall(statement)}
        found = [
            (changed, int(external_id))
            for external_id, changed in self.records.items()
            if bounds.get(">=", START) <= changed < bounds.get("<", datetime.max.replace(tzinfo=UTC))
        ]
        if "COUNT(*)" in statement:
            return self.answer([], total_count=len(found))
        found.sort(key=lambda pair: pair[1] if "ORDERBY Id" in statement else pair)
        start = _number_after("STARTPOSITION", statement, default=1) - 1
        return self.answer(found[start : start + _number_after("MAXRESULTS", statement, default=100)])

    def answer(self, found: list[tuple[datetime, int]], *, total_count: int | None = None) -> QueryPage:
        objects = [
            {"Id": str(number), "MetaData": {"LastUpdatedTime": changed.isoformat()}} for changed, number in found
        ]
        return QueryPage("Bill", objects, total_count, asked_at=self.now, answered_at=self.now, cost=CallCost())

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def edit(self, external_id: str) -> None:
        self.records[external_id] = self.now.replace(microsecond=0)

    async def read(self, cursor: KeysetCursor | None = None, **options: Any) -> list[KeysetPage]:
        chosen = {"page_size": 10, "sleep": self.sleep, **options}
        pages = keyset_pages(self.query, entity="Bill", cursor=cursor or KeysetCursor(), **chosen)
        return [page async for page in pages]


def _number_after(word: str, statement: str, *, default: int) -> int:
    match = re.search(rf"{word} (\d+)", statement)
    return int(match[1]) if match else default


def ids(pages: list[KeysetPage]) -> list[str]:
    return [payload["Id"] for page in pages for payload in page.objects]


def book_of(*per_second: int) -> Book:
    """So many records in each second from START on; the present is a day later."""
    seconds = [START + timedelta(seconds=second) for second, size in enumerate(per_second) for _ in range(size)]
    return Book({str(number): changed for number, changed in enumerate(seconds, 1)}, now=START + timedelta(days=1))


@pytest.mark.parametrize(
    "per_second",
    [
        (),
        (1,),
        (10,),
        (1,) * 10,
        (1,) * 37,
        (9, 9, 9),
        (10, 10),
        (11,),
        (35,),
        (3, 35, 3),
        (5, 10, 40, 1),
        (20, 20, 20),
    ],
)
async def test_every_record_is_delivered_whatever_the_seconds_hold(per_second: tuple[int, ...]) -> None:
    book = book_of(*per_second)
    pages = await book.read()
    assert set(ids(pages)) == set(book.records)
    assert [page.next_cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]


async def test_a_page_starts_at_the_last_ones_second_boundary_included() -> None:
    book = book_of(*[1] * 15)
    await book.read()
    since = [text.removeprefix("SELECT * FROM Bill WHERE MetaData.LastUpdatedTime >= ") for text in book.statements]
    assert since == [
        "'1970-01-01T00:00:00+00:00' ORDERBY MetaData.LastUpdatedTime MAXRESULTS 10",
        "'2026-01-01T00:00:09+00:00' ORDERBY MetaData.LastUpdatedTime MAXRESULTS 10",
    ]


async def test_more_than_was_asked_for_is_not_the_end() -> None:
    class GivesOneMore(Book):
        async def query(self, statement: str) -> QueryPage:
            return await super().query(statement.replace("MAXRESULTS 10", "MAXRESULTS 11"))

    made = book_of(*[1] * 37)
    book = GivesOneMore(made.records, now=made.now)
    pages = await book.read()
    assert set(ids(pages)) == set(book.records)
    assert len(pages) == 4


async def test_a_first_reading_of_seven_kinds_takes_no_call_more_than_its_pages() -> None:
    """41,700 objects: 48 calls."""
    kinds = (20_000, 14_000, 3_000, 2_100, 1_270, 1_270, 60)
    books = [book_of(*[1] * size) for size in kinds]
    for book in books:
        assert len({one for page in await book.read(page_size=1000) for one in ids([page])}) == len(book.records)
    assert sum(kinds) == 41_700
    assert sum(len(book.statements) for book in books) <= 48


async def test_a_crowded_second_is_read_from_its_end() -> None:
    book = book_of(25)
    await book.read()
    assert [re.findall(r"STARTPOSITION (\d+) MAXRESULTS (\d+)", text) for text in book.statements[2:5]] == [
        [("16", "10")],
        [("6", "10")],
        [("1", "5")],
    ]


@pytest.mark.parametrize("seed", range(200))
async def test_no_record_is_lost_while_the_book_is_edited_once_a_call(seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - a seeded schedule

    def trouble(book: Book) -> None:
        book.now += timedelta(seconds=choose.choice([0, 0.4, 1, 3]))
        book.edit(choose.choice(list(book.records)))
        if choose.random() < 0.2:
            del book.records[choose.choice(list(book.records))]

    book = book_of(*[choose.choice([1, 1, 2, 9, 10, 11, 33]) for _ in range(12)])
    book.between_calls = trouble
    delivered = set(ids(await book.read()))
    assert set(book.records) <= delivered


@pytest.mark.parametrize("seed", range(50))
async def test_a_kill_after_any_page_loses_nothing(seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - a seeded schedule
    book = book_of(*[choose.choice([1, 2, 10, 33]) for _ in range(8)])
    book.between_calls = lambda book: book.edit(choose.choice(list(book.records)))
    cursor: KeysetCursor | None = KeysetCursor()
    delivered: set[str] = set()
    while cursor is not None:
        stored = exact_json.dumps(cursor.to_json())
        pages = keyset_pages(
            book.query,
            entity="Bill",
            cursor=KeysetCursor.from_json(exact_json.loads(stored)),
            page_size=10,
            sleep=book.sleep,
        )
        page = await anext(pages)
        delivered.update(ids([page]))
        cursor = page.next_cursor
    assert set(book.records) <= delivered


async def test_reading_a_crowded_second_forwards_would_lose_a_record() -> None:
    """Shows that the harness has teeth: the plain way loses what steps over the page's edge."""
    book = book_of(30)
    delivered = []
    for start in (1, 11, 21):
        statement = statements.select(
            "Bill", *statements.changed_within_second(START), order_by="Id", start_position=start, limit=10
        )
        delivered += [payload["Id"] for payload in (await book.query(statement)).objects]
        book.edit("1" if start == 1 else "2")
    later = await book.read(KeysetCursor(since=START + timedelta(seconds=1)))
    assert set(delivered) | set(ids(later)) != set(book.records)


async def test_a_second_that_is_not_over_is_waited_out_before_it_is_counted() -> None:
    book = book_of(25)
    book.now = START + timedelta(milliseconds=300)
    arrived: list[str] = []

    def one_more(book: Book) -> None:
        if book.now < START + timedelta(seconds=1):
            number = str(100 + len(arrived))
            book.records[number] = START
            arrived.append(number)

    book.between_calls = one_more
    delivered = ids(await book.read())
    assert arrived
    assert set(arrived) <= set(delivered)
    assert book.now >= START + timedelta(seconds=3)


async def test_a_clock_that_stands_still_does_not_hold_the_reader_for_ever() -> None:
    book = book_of(25)
    book.now = START
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    assert len(set(ids(await book.read(sleep=sleep)))) == 25
    assert waits == [3.0] * 5


async def test_a_crowded_second_that_emptied_meanwhile_is_passed() -> None:
    book = book_of(12, 3)

    def edit_all(book: Book) -> None:
        if len(book.statements) == 1:  # between the full page and the COUNT
            for external_id in map(str, range(1, 13)):
                book.edit(external_id)

    book.between_calls = edit_all
    assert set(ids(await book.read())) == set(book.records)


async def test_two_ranges_side_by_side_meet_without_gap() -> None:
    book = book_of(*[3] * 20)
    middle = START + timedelta(seconds=9)
    early = ids(await book.read(until=middle))
    late = ids(await book.read(KeysetCursor(since=middle)))
    assert (set(early) | set(late), set(early) & set(late)) == (set(book.records), set())


async def test_finer_instants_than_seconds_are_not_lost() -> None:
    book = Book(
        {str(number): START + timedelta(milliseconds=20 * number) for number in range(1, 41)},
        now=START + timedelta(days=1),
    )
    assert set(ids(await book.read())) == set(book.records)


async def test_a_record_without_an_instant_stops_the_reader() -> None:
    async def query(_statement: str) -> QueryPage:
        page = Book({}, now=START).answer([])
        return QueryPage("Bill", [{"Id": "1"}], None, page.asked_at, page.answered_at, page.cost)

    with pytest.raises(QBOUnavailable, match="LastUpdatedTime"):
        [page async for page in keyset_pages(query, entity="Bill", cursor=KeysetCursor(), page_size=1)]


@pytest.mark.parametrize("page_size", [0, 1001])
async def test_a_page_size_that_qbo_refuses_is_refused_here(page_size: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        await book_of(1).read(page_size=page_size)
