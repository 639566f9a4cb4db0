"""What the product says, in the reader's language, and how their part of the world writes numbers and days.

Texts are English where no catalogue of `locales/` has another. `_` translates now; `keyed` marks what is translated when shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.support import Translations

CATALOGUES = Path(__file__).parents[1] / "web" / "locales"
DOMAIN = "oodaloo"
_FALLBACK = Locale("en", "US")
_MOST_RANGES = 10


@dataclass(frozen=True)
class Reader:
    """For whom a page is written: `locale` of numbers and days, `texts` of words, `zone` of times of day."""

    locale: Locale = _FALLBACK
    texts: NullTranslations = NullTranslations()  # noqa: RUF009  # it holds nothing that changes
    zone: tzinfo = UTC


_reader: ContextVar[Reader] = ContextVar("reader", default=Reader())  # noqa: B039  # frozen


def reader() -> Reader:
    return _reader.get()


@contextmanager
def read_by(someone: Reader) -> Iterator[None]:
    """Within it every text, number and day is for that reader."""
    token = _reader.set(someone)
    try:
        yield
    finally:
        _reader.reset(token)


def set_zone(zone: tzinfo) -> None:
    """From here on in this request, times are told by the clock of the company."""
    _reader.set(replace(_reader.get(), zone=zone))


def reader_of(accept_language: str | None) -> Reader:
    """The first language of the header that there is."""
    locale = next(filter(None, map(_locale, _ranges(accept_language or ""))), _FALLBACK)
    return Reader(locale=locale, texts=_texts(str(locale)))


def keyed(text: str) -> str:
    """`text` itself: marked here for the catalogue, translated where it is shown."""
    return text


def _(text: str) -> str:
    return reader().texts.gettext(text)


def ngettext(singular: str, plural: str, n: int) -> str:
    return reader().texts.ngettext(singular, plural, n)


@lru_cache(maxsize=64)
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


@lru_cache(maxsize=64)
def _texts(locale: str) -> NullTranslations:
    return Translations.load(CATALOGUES, [locale], domain=DOMAIN)


def _ranges(header: str) -> list[str]:
    """The language tags of an Accept-Language header, the most wanted first."""
    weighed = []
    for part in header.split(",")[:_MOST_RANGES]:
        tag, _sep, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for negative, tag in sorted(weighed, key=lambda one: one[0]) if negative and tag]
