from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from starlette.requests import Request

from infra.sync.freshness import Freshness, FreshnessSource
from runway.routes.csv_answers import Format, send_csv, wants_csv


def asking(accept: str) -> Request:
    return Request({"type": "http", "headers": [(b"accept", accept.encode())]})


@pytest.mark.parametrize(
    ("accept", "asked", "expected"),
    [
        ("", None, False),
        ("*/*", None, False),
        ("text/csv", None, True),
        ("text/csv;q=0.9, application/json", None, True),
        ("application/json, text/csv", None, False),
        ("text/html, text/csv", None, True),
        ("application/json", Format.CSV, True),
        ("text/csv", Format.JSON, False),
    ],
)
def test_who_asks_for_csv_gets_it(accept: str, asked: Format | None, *, expected: bool) -> None:
    assert wants_csv(asking(accept), asked) is expected


def test_cells_are_quoted_numbers_stay_numbers_and_nothing_is_computed() -> None:
    as_of = datetime(2026, 3, 15, 19, tzinfo=UTC)
    freshness = Freshness(as_of=as_of, age_seconds=1, source=FreshnessSource.MIRROR, calls_spent=0, stale=True)
    rows: list[dict[str, Any]] = [
        {"a": "-5.00", "b": '=SUM("x")', "c": None, "d": date(2026, 3, 15)},
        {"a": Decimal("1.50"), "b": "-", "c": True, "unknown": "left out"},
    ]
    answer = send_csv(("a", "b", "c", "d"), rows, name="table", freshness=freshness)
    assert bytes(answer.body).decode().split("\r\n") == [
        '"a","b","c","d"',
        '"-5.00","\'=SUM(""x"")","","2026-03-15"',
        '"1.50","\'-","true",""',
        "",
    ]
    assert (answer.headers["x-as-of"], answer.headers["x-stale"]) == (as_of.isoformat(), "true")
    assert answer.headers["content-disposition"] == 'attachment; filename="table.csv"'
