"""Amounts, days and instants as the reader writes them. Nothing is reckoned here but the last rounding for the eye."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale, dates, numbers

from infra.money import to_cents
from runway.language.strings import _, ngettext, reader

NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_THOUSAND, _MILLION = Decimal(1_000), Decimal(1_000_000)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def money(amount: Decimal | str | None, currency: str, *, signed: bool = False) -> str:
    """To the cent, with a true minus sign; a dash where there is none."""
    if amount is None:
        return NOTHING
    value = to_cents(Decimal(amount))
    return _sign(value, signed=signed) + _currency(abs(value), currency, reader().locale)


def round_money(amount: Decimal | str | None, currency: str) -> str:
    """Whole units, for columns that are read and not added up: $12,410."""
    if amount is None:
        return NOTHING
    value, locale = to_cents(Decimal(amount)).to_integral_value(), reader().locale
    return (_sign(value) if value else "") + _currency(abs(value), currency, locale, is_whole=True)


def short_money(amount: Decimal | str | None, currency: str, *, signed: bool = False) -> str:
    """For cards and charts: $940, $12.4k, $1.25m; whole units below a thousand."""
    if amount is None:
        return NOTHING
    value = Decimal(amount)
    size = abs(value)
    if size >= _MILLION:
        text, unit = _decimal(size / _MILLION, "0.##", reader().locale), "m"
    elif size >= _THOUSAND * 10:
        text, unit = _decimal(size / _THOUSAND, "0.#", reader().locale), "k"
    else:
        text, unit = _decimal(size, "#,##0", reader().locale), ""
    sign = "" if text == "0" else _sign(value, signed=signed)
    symbol = numbers.get_currency_symbol(currency, locale=reader().locale)
    gap = "" if len(symbol) == 1 else "\N{NO-BREAK SPACE}"
    return f"{sign}{symbol}{gap}{text}{unit}"


def number(value: Decimal | float | str | None, places: int = 0) -> str:
    if value is None:
        return NOTHING
    value = Decimal(str(value))
    pattern = "#,##0" + (f".{'0' * places}" if places else "")
    return _sign(value) + _decimal(abs(value), pattern, reader().locale)


def day(on: date | None, style: str = "short") -> str:
    """`short`: 7 Dec; `weekday`: Mon 7 Dec; `month`: Dec 2026; `long`: 7 December 2026, each as the reader's locale orders it."""
    if on is None:
        return NOTHING
    return _day(on, style, reader().locale)


def when(instant: datetime | None) -> str:
    """By the company's clock, or UTC where no company is meant; the zone is named."""
    if instant is None:
        return NOTHING
    here = reader()
    shown = instant.astimezone(here.zone)
    on, at = dates.format_date(shown.date(), "medium", locale=here.locale), clock(instant)
    return f"{on}, {at} {shown.tzname()}"


def clock(instant: datetime) -> str:
    """The time of day: 14:05, or 2:05 PM."""
    return dates.format_time(instant, "short", tzinfo=reader().zone, locale=reader().locale)


def ago(seconds: float | timedelta | None) -> str:
    """How long since, in one unit: just now, 12 min ago, 3 h ago, 2 days ago."""
    if seconds is None:
        return _("never")
    total = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    if total < _MINUTE:
        return _("just now")
    if total < _HOUR:
        return _("%(n)s min ago") % {"n": total // _MINUTE}
    if total < _DAY:
        return _("%(n)s h ago") % {"n": total // _HOUR}
    n = total // _DAY
    return ngettext("%(n)s day ago", "%(n)s days ago", n) % {"n": n}


def days(n: Decimal | float | None) -> str:
    """A count of days in words: 1 day, 47 days."""
    if n is None:
        return NOTHING
    whole = int(Decimal(str(n)).to_integral_value())
    return ngettext("%(n)s day", "%(n)s days", abs(whole)) % {"n": number(whole)}


# A page has hundreds of amounts, mostly those of the last time it was asked for; Babel takes a good part of a millisecond for each.
@lru_cache(maxsize=20_000)
def _currency(size: Decimal, currency: str, locale: Locale, *, is_whole: bool = False) -> str:
    if not is_whole:
        return numbers.format_currency(size, currency, locale=locale)
    return numbers.format_currency(size, currency, _whole_pattern(locale), locale=locale, currency_digits=False)


@lru_cache(maxsize=10_000)
def _decimal(size: Decimal, pattern: str, locale: Locale) -> str:
    return numbers.format_decimal(size, pattern, locale=locale)


@lru_cache(maxsize=5_000)
def _day(on: date, style: str, locale: Locale) -> str:
    match style:
        case "short":
            return dates.format_skeleton("MMMd", on, locale=locale)
        case "weekday":
            return dates.format_skeleton("MMMEd", on, locale=locale)
        case "month":
            return dates.format_skeleton("yMMM", on, locale=locale)
        case "year":
            return dates.format_date(on, "medium", locale=locale)
        case _:
            return dates.format_date(on, "long", locale=locale)


def _whole_pattern(locale: Locale) -> str:
    """The locale's own, without the part after the point."""
    pattern: str = locale.currency_formats["standard"].pattern.partition(";")[0]
    return pattern.replace(".00", "")


def _sign(value: Decimal, *, signed: bool = False) -> str:
    if value < 0:
        return _MINUS
    return "+" if signed and value > 0 else ""


FILTERS = {
    "money": money, "round_money": round_money, "short_money": short_money, "number": number, "day": day, "when": when, "clock": clock, "ago": ago, "days": days,
}  # fmt: skip
