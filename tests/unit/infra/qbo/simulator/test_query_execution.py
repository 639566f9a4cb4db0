# ruff: noqa: S608 - QBO's query language, not SQL
import json
from typing import Any

import pytest

from infra.qbo.simulator.api.query_execution import run_query
from infra.qbo.simulator.api.query_language import parse_query
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import EntityStore
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import MovableClock, bill, changed, invoice


def ask(company: Company, text: str) -> dict[str, Any]:
    statement = parse_query(text)
    answer = run_query(company.stores[statement.kind.name], statement, today=company.today().isoformat())
    response: dict[str, Any] = json.loads(answer.encoded())
    return response


def ids(company: Company, text: str) -> list[str]:
    return [row["Id"] for rows in ask(company, text).values() if isinstance(rows, list) for row in rows]


@pytest.fixture
def bills(company: Company, clock: MovableClock) -> list[str]:
    """Five bills, a second apart but for the last two; number 3 belongs to another vendor."""
    made = []
    for number, amount in enumerate(("9.00", "100.00", "25.50", "25.50", "7.00")):
        vendor = "57" if number == 2 else "56"
        day = f"2026-02-{10 - number:02d}"
        made.append(company.create("Bill", bill(amount, vendor=vendor, DocNumber=f"Inv-{number}%", TxnDate=day)).id)
        if number != 3:
            clock.advance(seconds=1)
    return made


def test_envelope_counts_what_is_returned(company: Company, bills: list[str]) -> None:
    answer = ask(company, "SELECT * FROM Bill STARTPOSITION 2 MAXRESULTS 3")
    assert [row["Id"] for row in answer["Bill"]] == bills[1:4]
    assert (answer["startPosition"], answer["maxResults"]) == (2, 3)


def test_nothing_found_is_an_empty_object_and_count_is_a_number(company: Company, bills: list[str]) -> None:
    assert ask(company, "SELECT * FROM Bill WHERE Id = '999'") == {}
    assert ask(company, "SELECT * FROM Bill STARTPOSITION 6") == {}
    assert ask(company, "SELECT COUNT(*) FROM Bill WHERE VendorRef = '56'") == {"totalCount": 4}
    assert ask(company, "SELECT COUNT(*) FROM Invoice") == {"totalCount": 0}
    assert len(bills) == 5


@pytest.mark.parametrize(
    ("where", "positions"),
    [
        ("TotalAmt > '25.5'", [1]),
        ("TotalAmt = 25.50", [2, 3]),
        ("TotalAmt <= 9", [0, 4]),
        ("DocNumber LIKE 'inv-%'", [0, 1, 2, 3, 4]),
        ("DocNumber LIKE '%-2%'", [2]),
        ("DocNumber LIKE 'nv-%'", []),
        ("DocNumber = 'INV-1%'", [1]),
        ("DocNumber IN ('Inv-0%', 'inv-4%')", [0, 4]),
        ("VendorRef = '57'", [2]),
        ("VendorRef.value = '57'", [2]),
        ("TxnDate < '2026-02-08'", [3, 4]),
        ("TxnDate < CURRENT_DATE", [0, 1, 2, 3, 4]),
        ("TxnDate >= CURRENT_DATE", []),
        ("SalesTermRef = ' '", [0, 1, 2, 3, 4]),
        ("DocNumber = ' '", []),
        ("VendorRef = '56' AND TotalAmt > 8 AND TotalAmt < 50", [0, 3]),
    ],
)
def test_conditions(company: Company, bills: list[str], where: str, positions: list[int]) -> None:
    assert ids(company, f"SELECT * FROM Bill WHERE {where}") == [bills[position] for position in positions]


@pytest.mark.parametrize(
    ("order", "positions"),
    [
        ("TxnDate", [4, 3, 2, 1, 0]),
        ("TotalAmt", [4, 0, 2, 3, 1]),
        ("TotalAmt DESC", [1, 2, 3, 0, 4]),
        ("TotalAmt DESC, TxnDate", [1, 3, 2, 0, 4]),
        ("Id DESC", [4, 3, 2, 1, 0]),
        ("MetaData.LastUpdatedTime", [0, 1, 2, 3, 4]),
        ("MetaData.LastUpdatedTime DESC", [3, 4, 2, 1, 0]),
        ("MetaData.LastUpdatedTime DESC, Id DESC", [4, 3, 2, 1, 0]),
    ],
)
def test_orders_break_ties_by_number(company: Company, bills: list[str], order: str, positions: list[int]) -> None:
    assert ids(company, f"SELECT * FROM Bill ORDERBY {order}") == [bills[position] for position in positions]


def test_ids_sort_as_numbers(company: Company) -> None:
    made = [company.create("Invoice", invoice()).id for _ in range(12)]
    assert ids(company, "SELECT * FROM Invoice ORDERBY Id") == made
    assert made[8:10] == ["9", "10"]


def test_instants_are_compared_as_instants_in_any_offset(company: Company, bills: list[str]) -> None:
    # 18:00:02Z is bill 3's second; the same instant written three ways, then text that would sort otherwise.
    for text in ("2026-03-02T18:00:02Z", "2026-03-02T10:00:02-08:00", "2026-03-03T03:00:02+09:00"):
        assert ids(company, f"SELECT * FROM Bill WHERE MetaData.LastUpdatedTime >= '{text}'") == bills[2:]
        assert ids(company, f"SELECT * FROM Bill WHERE MetaData.LastUpdatedTime > '{text}'") == bills[3:]
        assert ids(company, f"SELECT * FROM Bill WHERE MetaData.LastUpdatedTime = '{text}'") == bills[2:3]
        assert ids(company, f"SELECT * FROM Bill WHERE MetaData.LastUpdatedTime < '{text}'") == bills[:2]
        assert ids(company, f"SELECT * FROM Bill WHERE MetaData.CreateTime <= '{text}'") == bills[:3]


def test_a_window_of_time_has_two_bounds(company: Company, bills: list[str]) -> None:
    window = "MetaData.LastUpdatedTime >= '2026-03-02T18:00:01Z' AND MetaData.LastUpdatedTime <= '2026-03-02T18:00:03Z'"
    text = f"SELECT * FROM Bill WHERE {window} ORDERBY MetaData.LastUpdatedTime"
    assert ids(company, text) == bills[1:]
    assert ids(company, f"{text} STARTPOSITION 3 MAXRESULTS 1") == bills[3:4]


def test_an_unreadable_instant_is_4001(company: Company) -> None:
    with pytest.raises(ServiceFault) as caught:
        ask(company, "SELECT * FROM Bill WHERE MetaData.LastUpdatedTime > '2026-03-02T18:00:00 01:00'")
    assert caught.value.code == "4001"


def test_a_projection_is_marked_sparse(company: Company, bills: list[str]) -> None:
    (row, *_) = ask(company, "SELECT DocNumber, MetaData.CreateTime FROM Bill")["Bill"]
    assert row == {
        "Id": bills[0],
        "DocNumber": "Inv-0%",
        "MetaData": {"CreateTime": "2026-03-02T10:00:00-08:00"},
        "domain": "QBO",
        "sparse": True,
    }


def test_inactive_names_hide_unless_asked_for(company: Company) -> None:
    company.update("Vendor", changed(company.get("Vendor", "57"), Active=False))
    assert ids(company, "SELECT * FROM Vendor") == ["56"]
    assert ids(company, "SELECT * FROM Vendor WHERE DisplayName LIKE '%'") == ["56"]
    assert ids(company, "SELECT * FROM Vendor WHERE Active IN (true, false)") == ["56", "57"]
    assert ids(company, "SELECT * FROM Vendor WHERE Active = false") == ["57"]


def test_a_keyset_page_touches_only_its_own_objects(company: Company, clock: MovableClock) -> None:
    """The page comes from the kept order: objects outside it are not even encoded."""
    for _ in range(30):
        company.create("Invoice", invoice())
        clock.advance(seconds=1)
    text = "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime >= '2026-03-02T18:00:20Z' ORDERBY MetaData.LastUpdatedTime MAXRESULTS 5"
    assert len(ids(company, text)) == 5
    assert sum(_is_encoded(company.stores["Invoice"], str(number)) for number in range(1, 31)) == 5


def _is_encoded(store: EntityStore, identifier: str) -> bool:
    return store.records[identifier].is_encoded
