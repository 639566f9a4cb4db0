import pytest

from infra.qbo.simulator.api.query_language import Condition, Ordering, parse_query
from infra.qbo.simulator.faults import ServiceFault


def test_a_whole_statement_is_read_whatever_its_case() -> None:
    statement = parse_query(
        "select * from bill where balance > '0' and Metadata.LastUpdatedTime >= '2026-01-01' "
        "orderby TxnDate desc, docnumber startposition 11 maxresults 10"
    )
    assert statement.kind.name == "Bill"
    assert statement.conditions == (
        Condition("Balance", ">", ("0",)),
        Condition("MetaData.LastUpdatedTime", ">=", ("2026-01-01",)),
    )
    assert statement.ordering == (Ordering("TxnDate", descending=True), Ordering("DocNumber", descending=False))
    assert (statement.start, statement.limit) == (11, 10)


def test_names_beside_the_star_take_nothing_away() -> None:
    assert parse_query("SELECT *, Sku FROM Item").fields is None  # python-quickbooks asks every Item so


def test_order_by_may_be_two_words_and_count_has_no_fields() -> None:
    statement = parse_query("SELECT COUNT(*) FROM Vendor ORDER BY Id ASC")
    assert statement.is_count
    assert statement.ordering == (Ordering("Id", descending=False),)


def test_a_backslash_escapes_a_quote_and_itself() -> None:
    (condition,) = parse_query(r"SELECT * FROM Bill WHERE DocNumber = 'O\'Brien \\ Co'").conditions
    assert condition.values == (r"O'Brien \ Co",)


def test_numbers_and_booleans_need_no_quotes() -> None:
    statement = parse_query("SELECT * FROM Vendor WHERE Active IN (true, false) AND Balance >= -1.50")
    assert [condition.values for condition in statement.conditions] == [("true", "false"), ("-1.50",)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELECT * FROM",
        "DELETE FROM Bill",
        "SELECT * FROM Bill WHERE",
        "SELECT * FROM Bill WHERE Id",
        "SELECT * FROM Bill WHERE Id = '1' OR Id = '2'",
        "SELECT * FROM Bill WHERE Id != '1'",
        "SELECT * FROM Bill WHERE DocNumber = 'it''s'",
        "SELECT * FROM Bill WHERE DocNumber = 'open",
        "SELECT * FROM Bill WHERE Id IN ()",
        "SELECT * FROM Bill WHERE Id IN ('1'",
        "SELECT * FROM Bill MAXRESULTS 10 MAXRESULTS 10",
        "SELECT * FROM Bill MAXRESULTS ten",
        "SELECT * FROM Bill ORDER TxnDate",
        "SELECT * FROM Bill WHERE NOT Id = '1'",
        "SELECT * FROM Bill;",
        "SELECT * FROM Bill, Vendor",
        "SELECT *, FROM Bill",
    ],
)
def test_what_cannot_be_parsed_is_4000(text: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        parse_query(text)
    assert caught.value.code == "4000"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("SELECT * FROM Bill MAXRESULTS 0", "value 0 is too small. Min allowed value is 1"),
        ("SELECT * FROM Bill STARTPOSITION 0", "value 0 is too small. Min allowed value is 1"),
        ("SELECT * FROM Bill MAXRESULTS 1001", "value 1001 is too large. Max allowed value is 1000"),
        ("SELECT * FROM Bill WHERE Id > '1'", "Operator > is not supported for property Id"),
        ("SELECT * FROM Nothing", "Metadata not found for Entity: Nothing"),
        ("SELECT * FROM Bill WHERE Colour = 'red'", "Property Colour not found for Entity Bill"),
        ("SELECT * FROM Bill WHERE PrivateNote = 'x'", "property 'PrivateNote' is not queryable"),
        ("SELECT * FROM Bill ORDERBY PrivateNote", "property 'PrivateNote' is not queryable"),
    ],
)
def test_what_makes_no_sense_is_4001(text: str, detail: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        parse_query(text)
    assert caught.value.code == "4001"
    assert caught.value.detail == f"QueryValidationError: {detail}"
