"""QBO's query language: text to Statement. What cannot be parsed is 4000, what parses and makes no sense is 4001."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from infra.qbo.simulator.books.entities import EntityKind, find_absent_kind, find_kind
from infra.qbo.simulator.faults import invalid_query, unparsable_query

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1000

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<number>[-+]?\d+(?:\.\d+)?(?![\w.-]))
      | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<symbol><=|>=|[=<>(),*])""",
    re.VERBOSE,
)
_OPERATORS: Final = frozenset({"=", "<", ">", "<=", ">="})
_RESERVED: Final = frozenset(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "ORDERBY",
        "ORDER",
        "BY",
        "ASC",
        "DESC",
        "STARTPOSITION",
        "MAXRESULTS",
    ]
)


class Token(NamedTuple):
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` has one member but for IN. CURRENT_DATE is still a word here: it means a day in the company's zone."""

    path: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ordering:
    path: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """`fields` is None for `*`. Paths are in QBO's own spelling."""

    kind: EntityKind
    is_count: bool = False
    fields: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    ordering: tuple[Ordering, ...] = ()
    start: int = 1
    limit: int = DEFAULT_PAGE


CURRENT_DATE: Final = "\0CURRENT_DATE"


def parse_query(text: str) -> Statement:
    """Read one statement.

    Raises:
        ServiceFault: 4000 or 4001.
    """
    return _Parser(list(_tokenize(text))).statement()


def _tokenize(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise unparsable_query(
                f'Lexical error at column {position + 1}. Encountered: "{text[position : position + 20]}"'
            )
        position = match.end()
        if match.lastgroup == "string":
            yield Token("string", re.sub(r"\\(.)", r"\1", match.group()[1:-1], flags=re.DOTALL))
        elif match.lastgroup != "space":
            yield Token(match.lastgroup, match.group())
    yield Token("end", "<EOF>")


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def statement(self) -> Statement:
        self._expect_word("SELECT")
        selected = self._selection()
        self._expect_word("FROM")
        kind = self._entity()
        named = tuple(_known(kind, name) for name in selected if name != "*")
        clauses = self._clauses(kind)
        return Statement(kind=kind, is_count=not selected, fields=None if "*" in selected else named or None, **clauses)

    def _selection(self) -> tuple[str, ...]:
        """The names as written, `*` among them (`*, Sku` is asked in practice); () for COUNT(*)."""
        if self._peek().word == "COUNT":
            self._next()
            for symbol in "(*)":
                self._expect_symbol(symbol)
            return ()
        names = [self._selected()]
        while self._take_symbol(","):
            names.append(self._selected())
        return tuple(names)

    def _selected(self) -> str:
        return "*" if self._take_symbol("*") else self._name()

    def _entity(self) -> EntityKind:
        name = self._name()
        kind = find_kind(name) or find_absent_kind(name)
        if kind is None:
            raise invalid_query(f"Metadata not found for Entity: {name}")
        return kind

    def _clauses(self, kind: EntityKind) -> dict[str, Any]:
        clauses: dict[str, Any] = {}
        while (token := self._next()).kind != "end":
            name, read = self._clause(token, is_first=not clauses)
            if name in clauses:
                raise _unexpected(token)
            clauses[name] = read(kind)
        return clauses

    def _clause(self, token: Token, *, is_first: bool) -> tuple[str, Callable[[EntityKind], Any]]:
        """A clause's field of Statement and its reader. WHERE comes first; the others in any order."""
        match token.word:
            case "WHERE" if is_first:
                return "conditions", self._conditions
            case "ORDERBY":
                return "ordering", self._orderings
            case "ORDER":
                self._expect_word("BY")
                return "ordering", self._orderings
            case "STARTPOSITION":
                return "start", lambda _: self._whole_number(largest=None)
            case "MAXRESULTS":
                return "limit", lambda _: self._whole_number(largest=LARGEST_PAGE)
        raise _unexpected(token)

    def _conditions(self, kind: EntityKind) -> tuple[Condition, ...]:
        conditions = [self._condition(kind)]
        while self._peek().word == "AND":
            self._next()
            conditions.append(self._condition(kind))
        return tuple(conditions)

    def _condition(self, kind: EntityKind) -> Condition:
        path = _filterable(kind, self._name())
        token = self._next()
        values: tuple[str, ...]
        if token.kind == "symbol" and token.text in _OPERATORS:
            operator, values = token.text, (self._value(),)
        elif token.word == "LIKE":
            operator, values = "LIKE", (self._value(),)
        elif token.word == "IN":
            operator, values = "IN", self._value_list()
        else:
            raise _unexpected(token)
        if path == "Id" and operator not in {"=", "IN"}:
            raise invalid_query(f"Operator {operator} is not supported for property Id")
        return Condition(path, operator, values)

    def _value_list(self) -> tuple[str, ...]:
        self._expect_symbol("(")
        values = [self._value()]
        while self._take_symbol(","):
            values.append(self._value())
        self._expect_symbol(")")
        return tuple(values)

    def _value(self) -> str:
        token = self._next()
        if token.kind in {"string", "number"} or token.word in {"TRUE", "FALSE"}:
            return token.text
        if token.word == "CURRENT_DATE":
            return CURRENT_DATE
        raise _unexpected(token)

    def _orderings(self, kind: EntityKind) -> tuple[Ordering, ...]:
        orderings = [self._ordering(kind)]
        while self._take_symbol(","):
            orderings.append(self._ordering(kind))
        return tuple(orderings)

    def _ordering(self, kind: EntityKind) -> Ordering:
        path = _filterable(kind, self._name())
        direction = self._peek().word
        if direction in {"ASC", "DESC"}:
            self._next()
        return Ordering(path, descending=direction == "DESC")

    def _whole_number(self, *, largest: int | None) -> int:
        token = self._next()
        if token.kind == "string" and token.text.isdecimal():
            token = Token("number", token.text)
        if token.kind != "number" or "." in token.text:
            raise _unexpected(token)
        number = int(token.text)
        if number < 1:
            raise invalid_query(f"value {number} is too small. Min allowed value is 1")
        if largest is not None and number > largest:
            raise invalid_query(f"value {number} is too large. Max allowed value is {largest}")
        return number

    def _name(self) -> str:
        token = self._next()
        if token.kind != "word" or token.word in _RESERVED:
            raise _unexpected(token)
        return token.text

    def _peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._tokens[self._position]
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _take_symbol(self, symbol: str) -> bool:
        if self._peek() == Token("symbol", symbol):
            self._next()
            return True
        return False

    def _expect_symbol(self, symbol: str) -> None:
        if not self._take_symbol(symbol):
            raise _unexpected(self._next())

    def _expect_word(self, word: str) -> None:
        token = self._next()
        if token.word != word:
            raise _unexpected(token)


def _unexpected(token: Token) -> Exception:
    return unparsable_query(f'Encountered "{token.text}" <{token.kind.upper()}>. Was expecting something else here.')


def _known(kind: EntityKind, name: str) -> str:
    if kind.is_absent:
        return name
    first, _, rest = name.partition(".")
    spelling = kind.canonical.get(name.lower()) or kind.canonical.get(first.lower())
    if spelling is None:
        raise invalid_query(f"Property {name} not found for Entity {kind.name}")
    return spelling if "." in spelling or not rest else f"{spelling}.{rest}"


def _filterable(kind: EntityKind, name: str) -> str:
    spelling = _known(kind, name.removesuffix(".value"))
    if spelling not in kind.filterable and not kind.is_absent:
        raise invalid_query(f"property '{name}' is not queryable")
    return spelling
