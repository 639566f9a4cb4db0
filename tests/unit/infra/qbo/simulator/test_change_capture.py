import json
from typing import Any

import pytest

from infra.qbo.simulator.api.change_capture import changes_since
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import MovableClock, bill, changed, invoice

START = "2026-03-02T10:00:00-08:00"


def ask(company: Company, entities: str, since: str = START) -> list[dict[str, Any]]:
    (answer,) = json.loads(changes_since(company, entities=entities, changed_since=since)[0])
    groups: list[dict[str, Any]] = answer["QueryResponse"]
    return groups


def test_live_objects_come_in_order_of_change_and_deleted_ones_last(company: Company, clock: MovableClock) -> None:
    first, second, third = (company.create("Bill", bill()) for _ in range(3))
    clock.advance(seconds=5)
    company.delete("Bill", {"Id": second.id, "SyncToken": "0"})
    clock.advance(seconds=5)
    company.update("Bill", {**bill("7.00"), "Id": first.id, "SyncToken": "0"})
    (group,) = ask(company, "bill")
    assert [row["Id"] for row in group["Bill"]] == [third.id, first.id, second.id]
    assert group["Bill"][2] == {
        "status": "Deleted",
        "domain": "QBO",
        "Id": second.id,
        "MetaData": {"LastUpdatedTime": "2026-03-02T10:00:05-08:00"},
    }
    assert (group["startPosition"], group["maxResults"], group["totalCount"]) == (1, 3, 3)


def test_each_entity_has_its_element_and_one_without_change_is_empty(company: Company, clock: MovableClock) -> None:
    clock.advance(seconds=1)
    company.create("Bill", bill())
    groups = ask(company, "Invoice,Bill,Vendor", "2026-03-02T10:00:01-08:00")
    assert groups[0] == {}
    assert [next(iter(group)) for group in groups[1:]] == ["Bill", "Vendor"]
    assert [row["Id"] for row in groups[2]["Vendor"]] == ["56"]


def test_a_group_of_deletions_alone_has_no_start_position(company: Company, clock: MovableClock) -> None:
    company.create("Bill", bill())
    clock.advance(seconds=9)
    company.delete("Bill", {"Id": "1", "SyncToken": "0"})
    (group,) = ask(company, "Bill", "2026-03-02T10:00:05-08:00")
    assert "startPosition" not in group
    assert group["totalCount"] == 1


def test_the_boundary_is_inclusive(company: Company) -> None:
    company.create("Bill", bill())
    assert "Bill" in ask(company, "Bill", "2026-03-02T18:00:00Z")[0]
    assert ask(company, "Bill", "2026-03-02T18:00:01Z") == [{}]


def test_an_inactivated_name_is_an_ordinary_object(company: Company, clock: MovableClock) -> None:
    clock.advance(hours=1)
    company.update("Vendor", changed(company.get("Vendor", "57"), Active=False))
    (group,) = ask(company, "Vendor", "2026-03-02T11:00:00-08:00")
    assert [(row["Id"], row["Active"]) for row in group["Vendor"]] == [("57", False)]


def test_an_answer_holds_a_thousand_in_all(company: Company) -> None:
    for _ in range(700):
        company.create("Bill", bill())
        company.create("Invoice", invoice())
    groups = ask(company, "Bill,Invoice,Vendor")
    assert [group.get("maxResults") for group in groups] == [700, 300, None]


def test_the_look_back_is_thirty_days(company: Company, clock: MovableClock) -> None:
    clock.advance(days=30, seconds=1)
    with pytest.raises(ServiceFault) as caught:
        ask(company, "Bill")
    assert caught.value.element == "changedSince"
    clock.advance(seconds=-1)
    assert ask(company, "Bill") == [{}]


@pytest.mark.parametrize(
    ("entities", "since"), [("Bill,TaxCode", START), ("", START), ("Bill", "yesterday"), ("Bill", "")]
)
def test_a_question_that_makes_no_sense_is_refused(company: Company, entities: str, since: str) -> None:
    with pytest.raises(ServiceFault):
        ask(company, entities, since)
