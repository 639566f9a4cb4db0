"""Amounts, days and instants as different readers write them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from runway.web import formats
from runway.web.strings import Reader, read_by, reader, reader_of

MINUS = "\N{MINUS SIGN}"
DAY = date(2026, 12, 7)
NARROW = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1250", "$1,250.00"), ("-1250.5", f"{MINUS}$1,250.50"), ("0", "$0.00"), ("-0.001", "$0.00"), (None, formats.NOTHING),
        ("1000000.005", "$1,000,000.00"), ("0.015", "$0.02"),
    ],
)  # fmt: skip
def test_money_is_to_the_cent_with_a_true_minus(amount: str | None, expected: str) -> None:
    assert formats.money(amount, "USD") == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("940.4", "$940"), ("9999", "$9,999"), ("12410", "$12.4k"), ("20000", "$20k"), ("1250000", "$1.25m"),
        ("-4100", f"{MINUS}$4,100"), ("0", "$0"), ("-0.4", "$0"), (None, formats.NOTHING),
    ],
)  # fmt: skip
def test_short_money_is_for_the_eye(amount: str | None, expected: str) -> None:
    assert formats.short_money(amount, "USD") == expected


def test_a_gain_can_have_its_sign() -> None:
    assert formats.money("5", "USD", signed=True) == "+$5.00"
    assert formats.short_money("-5", "USD", signed=True) == f"{MINUS}$5"
    assert formats.short_money("0", "USD", signed=True) == "$0"


def test_round_money_has_no_cents_in_any_locale() -> None:
    assert formats.round_money("-12410.49", "USD") == f"{MINUS}$12,410"
    assert formats.round_money("-0.2", "USD") == "$0"
    with read_by(reader_of("de-DE")):
        assert formats.round_money("12410.6", "EUR") == "12.411\N{NO-BREAK SPACE}\N{EURO SIGN}"


@pytest.mark.parametrize(
    ("language", "shown", "on", "cash"),
    [
        (None, "Dec 7", "December 7, 2026", "$1,250.50"),
        ("en-GB,en;q=0.8", "7 Dec", "7 December 2026", "US$1,250.50"),
        ("de-DE", "7. Dez.", "7. Dezember 2026", "1.250,50\N{NO-BREAK SPACE}$"),
    ],
)
def test_days_and_money_are_written_as_the_reader_does(language: str | None, shown: str, on: str, cash: str) -> None:
    with read_by(reader_of(language)):
        assert (formats.day(DAY), formats.day(DAY, "long"), formats.money("1250.5", "USD")) == (shown, on, cash)


def test_times_are_by_the_companys_clock_and_say_so() -> None:
    at = datetime(2026, 12, 7, 2, 30, tzinfo=UTC)
    assert formats.when(at) == f"Dec 7, 2026, 2:30{NARROW}AM UTC"
    with read_by(Reader(zone=ZoneInfo("America/New_York"))):
        assert formats.when(at) == f"Dec 6, 2026, 9:30{NARROW}PM EST"
        assert formats.clock(at) == f"9:30{NARROW}PM"


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (timedelta(seconds=59), "just now"), (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"),
        (timedelta(hours=47), "1 day ago"), (timedelta(days=3), "3 days ago"), (None, "never"),
    ],
)  # fmt: skip
def test_ago_is_in_one_unit(since: float | timedelta | None, told: str) -> None:
    assert formats.ago(since) == told


def test_days_are_counted_in_words() -> None:
    assert [formats.days(Decimal(n)) for n in (1, 47, 0, -6)] == ["1 day", "47 days", "0 days", f"{MINUS}6 days"]
    assert formats.days(None) == formats.NOTHING


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en_US"), ("xx-nonsense, fr-CA;q=0.5", "fr_CA"), ("en;q=0.2, de-CH;q=0.9", "de_CH"), ("de;q=0, en-AU", "en_AU"),
        ("*", "en_US"), ("de;q=much, en-NZ", "en_NZ"), (",;;=,", "en_US"), ("../../etc", "en_US"), ("a" * 5000, "en_US"),
    ],
)  # fmt: skip
def test_the_most_wanted_language_that_there_is(header: str, expected: str) -> None:
    assert str(reader_of(header).locale) == expected


def test_a_reader_is_one_requests_own() -> None:
    with read_by(reader_of("de-DE")):
        assert str(reader().locale) == "de_DE"
    assert str(reader().locale) == "en_US"
