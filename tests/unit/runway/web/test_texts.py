"""Every text that a person sees is keyed for translation: in templates and in what Python hands to them."""

import re
from collections.abc import Iterable, Iterator
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.ext import babel_extract

import runway.web
from runway.web.rendering import templates
from runway.web.strings import Reader, read_by

ROOT = Path(runway.web.__file__).with_name("templates")
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
GETTEXT = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
SEEN = {
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "alt",
    "label",
    "data-label",
    "data-told",
    "data-offline",
}
ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"')
# Blocks and words that are the machine's: classes, and what browsers and htmx are told.
UNSEEN_BLOCKS = {"width", "body_attributes"}
MACHINE = {"light dark", "wake from:body"}
NAMES = {"Oodaloo", "QuickBooks", "CSV", "PDF", "JSON"}
KEYS = re.compile(r"[a-z]|Enter|Esc")
# A word of text: two letters together. `data-x`, `id` and the like are words of the machine, and stand in quotes of their own.
WORD = re.compile(r"[^\W\d_]{2,}")
SENTENCE = re.compile(r"^[A-Z][a-z]+|[a-z]+ [a-z]+")


class Shown(HTMLParser):
    """The text and the attributes that are read out, of HTML whose expressions are taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        self.found += [value for name, value in attrs if name in SEEN and value]

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] not in (["style"], ["script"], ["code"]) and not (
            self._inside[-1:] == ["kbd"] and KEYS.fullmatch(data.strip())
        ):
            self.found.append(data)


def literals(source: str) -> list[str]:
    """What a template says without asking the catalogue."""
    tree = templates.parse(source)
    html = "".join(_data(tree))
    shown = Shown()
    shown.feed(html)
    told = [text.strip() for text in shown.found if set(WORD.findall(ATTRIBUTE.sub("", text))) - NAMES]
    return told + [text for text in _constants(tree) if SENTENCE.search(text) and text not in NAMES | MACHINE]


def _data(node: nodes.Node) -> Iterator[str]:
    """The template's own characters in their order, one character for each expression."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.TemplateData):
            yield child.data
        elif isinstance(child, nodes.Expr):
            yield "\N{OBJECT REPLACEMENT CHARACTER}"
        elif not (isinstance(child, nodes.Block) and child.name in UNSEEN_BLOCKS):
            yield from _data(child)


def _constants(node: nodes.Node) -> Iterator[str]:
    """Words of expressions that would be shown: of outputs and of what macros are given."""
    for output in node.find_all(nodes.Output):
        for child in output.nodes:
            yield from _spoken(child)
    for block in node.find_all(nodes.CallBlock):
        yield from _spoken(block.call)


def _spoken(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in GETTEXT:
        return
    if isinstance(node, nodes.Compare | nodes.Test):
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _spoken(child)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_says_nothing_without_the_catalogue(name: str) -> None:
    assert literals((ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Cash is low</p>",
        "<p>{{ amount }} left</p>",
        '<button aria-label="Close">x</button>',
        '{{ "Set up" if wanted else _("Change") }}',
        '{{ ui.pill("good", "All is well") }}',
        '{% call card("Runway today") %}{% endcall %}',
        '{% if wanted %}<td title="{{ n }} days">{% endif %}',
    ],
)
def test_it_would_be_found(source: str) -> None:
    assert literals(source)


@pytest.mark.parametrize(
    "source",
    [
        '<p class="big wide">{{ _("Cash is low") }} <kbd>j</kbd> <strong>QuickBooks</strong></p>',
        "{% trans n %}{{ n }} days{% endtrans %}",
        '{{ ui.pill("good", _("All is well")) }}{% if state == "Not this" %}{% endif %}',
        '<a href="/c/{{ id }}" hx-trigger="every 3s">{{ ngettext("%(num)s day", "%(num)s days", n) }}</a>',
    ],
)
def test_what_is_keyed_is_left_in_peace(source: str) -> None:
    assert literals(source) == []


def keys_of(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        with (ROOT / name).open("rb") as file:
            for _line, _function, message, _comments in babel_extract(
                file, list(GETTEXT), [], {"extensions": "jinja2.ext.do", "silent": "false", "newstyle_gettext": "true"}
            ):
                found |= {message} if isinstance(message, str) else {one for one in message or () if one}
    return found


class Bracketed(NullTranslations):
    """A language in which every text is in brackets."""

    def gettext(self, message: str) -> str:
        return f"[{message}]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"[{msgid1 if n == 1 else msgid2}]"


def test_a_page_is_in_the_readers_language_and_what_it_tells_is_escaped() -> None:
    source = '{{ _("Hello %(who)s", who=who) }} {{ ngettext("%(num)s day", "%(num)s days", 2) }} {% trans %}Bye{% endtrans %}'
    with read_by(Reader(texts=Bracketed())):
        assert templates.from_string(source).render(who="<b>") == "[Hello &lt;b&gt;] [2 days] [Bye]"
    assert templates.from_string(source).render(who="you") == "Hello you 2 days Bye"


def test_the_catalogue_can_be_made_of_them() -> None:
    keys = keys_of(TEMPLATES)
    assert {"What to do next", "Sign in", "You belong to no business yet. Ask for an invitation."} <= keys
