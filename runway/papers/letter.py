"""The digest as a mail: a page of tables with inline style, and the same as plain text. It shows nothing of its own and fetches nothing."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from runway.calculators.digest import Digest
from runway.language.formats import FILTERS
from runway.language.headline import headline
from runway.language.strings import _, ngettext
from runway.papers.words import cause_in_words, due_in_words, overdue_in_words, shown, subject_of


@dataclass(frozen=True)
class DigestLetter:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Links:
    """Where things are decided: in the app, behind the sign-in."""

    public_url: str
    business_id: str

    def __call__(self, path: str = "") -> str:
        return f"{self.public_url}/c/{self.business_id}{path}"

    def item(self, key: str) -> str:
        return self(f"/tray/{quote(key, safe=':')}")


def _environment(*, autoescape: bool) -> Environment:
    made = Environment(
        loader=PackageLoader("runway.papers"),
        autoescape=autoescape,  # noqa: S701  # the text part is no page; the page escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the i18n extension
    made.filters |= FILTERS | {
        "headline": headline,
        "shown": shown, "cause": cause_in_words, "due": due_in_words, "overdue": overdue_in_words, "line": _one_line,
    }  # fmt: skip
    return made


def _one_line(text: str) -> str:
    """What somebody wrote in the books, where a line break would begin a line of ours."""
    return " ".join(text.split())


_html, _text = _environment(autoescape=True), _environment(autoescape=False)


def digest_letter(digest: Digest, *, public_url: str) -> DigestLetter:
    links = Links(public_url.rstrip("/"), str(digest.business_id))
    values: dict[str, Any] = {"d": digest, "link": links}
    return DigestLetter(
        subject=_one_line(subject_of(digest)),
        text=_text.get_template("digest.txt").render(values),
        html=_html.get_template("digest.html").render(values),
    )
