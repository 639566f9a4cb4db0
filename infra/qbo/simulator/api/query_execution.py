"""Answers a Statement from the stores. Keyset pages on LastUpdatedTime are slices of an order that is kept."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import islice
from typing import Any, Final

from infra import exact_json
from infra.qbo.simulator.api.query_language import CURRENT_DATE, Condition, Ordering, Statement
from infra.qbo.simulator.books.store import Body, EntityStore, Record
from infra.qbo.simulator.faults import invalid_query
from infra.qbo.simulator.timestamps import read_instant

_LAST_UPDATED: Final = "MetaData.LastUpdatedTime"
_CREATED: Final = "MetaData.CreateTime"
_ORDER_TESTS: Final[dict[str, Callable[[int], bool]]] = {
    "=": lambda sign: sign == 0,
    "<": lambda sign: sign < 0,
    ">": lambda sign: sign > 0,
    "<=": lambda sign: sign <= 0,
    ">=": lambda sign: sign >= 0,
}

Test = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """`total` is set for COUNT(*) alone."""

    entity: str
    start: int = 1
    records: tuple[Record, ...] = ()
    objects: tuple[bytes, ...] = ()
    total: int | None = None

    def encoded(self) -> bytes:
        """The QueryResponse: `{}` when nothing matched."""
        if self.total is not None:
            return b'{"totalCount":%d}' % self.total
        if not self.objects:
            return b"{}"
        head = b'{"%s":[' % self.entity.encode()
        return (
            head + b",".join(self.objects) + b'],"startPosition":%d,"maxResults":%d}' % (self.start, len(self.objects))
        )


def run_query(store: EntityStore, statement: Statement, *, today: str, newest: float | None = None) -> QueryAnswer:
    """`today` is the company's own date: what CURRENT_DATE means. What was created after `newest` is not found yet."""
    conditions = [_dated(condition, today) for condition in statement.conditions]
    if statement.kind.is_name_list and not any(condition.path == "Active" for condition in conditions):
        conditions.append(Condition("Active", "=", ("true",)))
    earliest, latest, rest = _time_window(conditions)
    tests = [_build_test(condition) for condition in rest]
    if newest is not None:
        tests.append(lambda record: record.created <= newest)
    matching = _matching(store, rest, earliest=earliest, latest=latest, ordering=statement.ordering)
    found = (record for record in matching if all(test(record) for test in tests)) if tests else matching
    if statement.is_count:
        return QueryAnswer(statement.kind.name, total=sum(1 for _ in found))
    if statement.ordering and not _is_index_order(statement.ordering):
        found = iter(_sort(found, statement.ordering))
    page = tuple(islice(found, statement.start - 1, statement.start - 1 + statement.limit))
    objects = tuple(
        record.encoded() if statement.fields is None else _project(record, statement.fields) for record in page
    )
    return QueryAnswer(statement.kind.name, start=statement.start, records=page, objects=objects)


def _dated(condition: Condition, today: str) -> Condition:
    if CURRENT_DATE not in condition.values:
        return condition
    return Condition(
        condition.path, condition.operator, tuple(today if v == CURRENT_DATE else v for v in condition.values)
    )


def _time_window(conditions: list[Condition]) -> tuple[float | None, float | None, list[Condition]]:
    """Bounds that the index can answer, and the conditions left over. Stored times are whole seconds."""
    earliest: float | None = None
    latest: float | None = None
    rest = []
    for condition in conditions:
        if condition.path != _LAST_UPDATED or condition.operator not in _ORDER_TESTS:
            rest.append(condition)
            continue
        moment = _instant(condition)
        if condition.operator in {"=", ">=", ">"}:
            low = moment if condition.operator != ">" else int(moment // 1) + 1
            earliest = low if earliest is None else max(earliest, low)
        if condition.operator in {"=", "<=", "<"}:
            high = moment if condition.operator != "<" else -int(-moment // 1) - 1
            latest = high if latest is None else min(latest, high)
    return earliest, latest, rest


def _matching(
    store: EntityStore,
    conditions: list[Condition],
    *,
    earliest: float | None,
    latest: float | None,
    ordering: tuple[Ordering, ...],
) -> Iterator[Record]:
    """The narrowest candidates an index gives, in the order the statement asks for where an index has it."""
    by_id = next((condition for condition in conditions if condition.path == "Id"), None)
    by_time = bool(ordering) and ordering[0].path == _LAST_UPDATED
    if by_id is not None and not by_time and earliest is None and latest is None:
        wanted = {value.strip() for value in by_id.values}
        return iter(sorted((store.records[i] for i in wanted if i in store.records), key=lambda record: record.number))
    if by_time or earliest is not None or latest is not None:
        order, low, high = store.between(earliest, latest)
        if not by_time:
            return iter(sorted((order[i][2] for i in range(low, high)), key=lambda record: record.number))
        if ordering[0].descending:
            return _descending(order, low, high)
        return (order[i][2] for i in range(low, high))
    return (record for _, record in store.by_number())


def _descending(order: list[tuple[int, int, Record]], low: int, high: int) -> Iterator[Record]:
    """Latest second first; inside one second still by ascending Id."""
    while high > low:
        first = high - 1
        while first > low and order[first - 1][0] == order[high - 1][0]:
            first -= 1
        for position in range(first, high):
            yield order[position][2]
        high = first


def _is_index_order(ordering: tuple[Ordering, ...]) -> bool:
    if ordering[0].path == _LAST_UPDATED:
        return len(ordering) == 1 or ordering[1] == Ordering("Id", descending=False)
    return ordering[0] == Ordering("Id", descending=False)


def _sort(records: Iterable[Record], ordering: tuple[Ordering, ...]) -> list[Record]:
    """Ties are broken by ascending numeric Id, also under DESC: a stable sort keeps them."""
    result = sorted(records, key=lambda record: record.number)
    for part in reversed(ordering):
        result.sort(key=partial(_sortable, path=part.path), reverse=part.descending)
    return result


def _sortable(record: Record, path: str) -> tuple[int, Any]:
    """Absent values first; numbers, instants and text each by their own order."""
    value = _value_at(record, path)
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (2, value.casefold())
    return (1, value)


def _value_at(record: Record, path: str) -> Any:
    """The value a condition sees: a ref is its value, a MetaData time its epoch seconds, Id a number."""
    if path == _LAST_UPDATED:
        return record.updated
    if path == _CREATED:
        return record.created
    if path == "Id":
        return record.number
    value: Any = record.body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value.get("value") if isinstance(value, dict) else value


def _build_test(condition: Condition) -> Test:
    path, operator, values = condition.path, condition.operator, condition.values
    if path in {_LAST_UPDATED, _CREATED}:
        return _instant_test(condition)
    if path == "Id":
        wanted = {value.strip() for value in values}
        return lambda record: record.id in wanted
    if operator == "LIKE":
        pattern = re.compile(".*".join(re.escape(part) for part in values[0].split("%")), re.IGNORECASE | re.DOTALL)
        return lambda record: pattern.fullmatch(_as_text(_value_at(record, path))) is not None
    if operator == "IN":
        literals = [_Literal(value) for value in values]
        return lambda record: any(literal.compare(_value_at(record, path)) == 0 for literal in literals)
    literal, passes = _Literal(values[0]), _ORDER_TESTS[operator]

    def test(record: Record) -> bool:
        sign = literal.compare(_value_at(record, path))
        return sign is not None and passes(sign)

    return test


def _instant_test(condition: Condition) -> Test:
    if condition.operator == "LIKE":
        raise invalid_query(f"Operator LIKE is not supported for property {condition.path}")
    moments = [_instant(Condition(condition.path, "=", (value,))) for value in condition.values]
    if condition.operator == "IN":
        return lambda record: _value_at(record, condition.path) in moments
    passes = _ORDER_TESTS[condition.operator]
    moment = moments[0]
    return lambda record: passes(_compare(_value_at(record, condition.path), moment))


def _instant(condition: Condition) -> float:
    try:
        return read_instant(condition.values[0])
    except ValueError as error:
        raise invalid_query(f"Invalid date-time '{condition.values[0]}' for property {condition.path}") from error


def _compare(left: float, right: float) -> int:
    return int(left > right) - int(left < right)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class _Literal:
    """A literal in the forms it may be compared in: quoted or not makes no difference to QBO."""

    __slots__ = ("_number", "_text")

    def __init__(self, text: str) -> None:
        self._text = "" if text.strip() == "" else text.casefold()
        self._number = _number(text)

    def compare(self, value: str | bool | int | Decimal | None) -> int | None:  # noqa: FBT001 - a JSON value
        """-1, 0 or 1 as `value` stands to the literal; None when they cannot be compared, which no test passes."""
        if value is None:
            return 0 if self._text == "" else None
        if isinstance(value, bool):
            return 0 if self._text == _as_text(value) else None
        if isinstance(value, str):
            text = value.casefold()
            return (text > self._text) - (text < self._text)
        if self._number is None:
            return None
        return (value > self._number) - (value < self._number)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _project(record: Record, fields: tuple[str, ...]) -> bytes:
    """Only what was asked, with Id; `sparse` tells that the rest is not there."""
    body: Body = {"Id": record.id, "domain": "QBO", "sparse": True}
    for path in fields:
        source: Any = record.body
        target = body
        *parents, last = path.split(".")
        for parent in parents:
            source = source.get(parent) if isinstance(source, dict) else None
            target = target.setdefault(parent, {})
        if isinstance(source, dict) and last in source:
            target[last] = source[last]
    body["sparse"] = True
    return exact_json.dumps(body)
