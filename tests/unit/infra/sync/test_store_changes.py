from infra.db.canonical_json import CanonicalJSON
from infra.sync.store_changes import changes_between


def _changes(before: str, after: str) -> bytes:
    return changes_between(before, CanonicalJSON(after.encode()))


def test_only_fields_that_differ_are_told_as_before_and_after() -> None:
    assert _changes('{"a":1,"b":"x"}', '{"a":2,"b":"x"}') == b'{"a":[1,2]}'


def test_a_field_that_comes_or_goes_has_null_on_the_other_side() -> None:
    assert _changes('{"gone":1,"stays":0}', '{"new":[2],"stays":0}') == b'{"gone":[1,null],"new":[null,[2]]}'


def test_null_is_as_good_as_no_field() -> None:
    assert _changes('{"a":null}', '{"b":null}') == b"{}"


def test_how_a_value_is_written_is_no_change() -> None:
    assert _changes(
        '{"a": 1.0, "b": {"y": 1, "x": 2}, "c": "\\u0041", "d": 1}', '{"a":1.00,"b":{"x":2,"y":1},"c":"A","d":2}'
    ) == (b'{"d":[1,2]}')


def test_the_last_of_many_digits_is_a_change() -> None:
    assert _changes('{"a":0.12345678901234567891}', '{"a":0.12345678901234567892}') == (
        b'{"a":[0.12345678901234567891,0.12345678901234567892]}'
    )


def test_an_object_that_returns_as_it_was_has_no_changes() -> None:
    assert _changes('{"a":1,"b":[{"c":2.50}]}', '{"a":1,"b":[{"c":2.50}]}') == b"{}"
