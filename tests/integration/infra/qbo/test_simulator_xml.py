"""Requests in XML, as older clients and two of Intuit's own libraries write them."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from infra import exact_json
from infra.qbo.simulator.api.xml_answers import as_xml
from tests.integration.infra.qbo.simulator_client import SimulatorClient, simulator_client
from tests.unit.infra.qbo.simulator.small_company import RENT, bill, bill_payment, invoice, payment

_FINANCE = "http://schema.intuit.com/finance/v3"
_XML = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/json"}


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as made:
        yield made


async def sent(client: SimulatorClient, path: str, text: str, **params: str) -> Any:
    answer = await client.call("POST", path, text.encode(), headers=_XML, **params)
    assert answer.status_code == 200, answer.text
    return exact_json.loads(answer.content)


async def test_a_bill_is_made_changed_and_deleted(client: SimulatorClient) -> None:
    line = (
        f"<Line><Amount>12.50</Amount><DetailType>AccountBasedExpenseLineDetail</DetailType>"
        f"<AccountBasedExpenseLineDetail><AccountRef>{RENT}</AccountRef></AccountBasedExpenseLineDetail></Line>"
    )
    made = (
        await sent(client, "bill", f'<Bill xmlns="{_FINANCE}"><VendorRef name="N">56</VendorRef>{line}{line}</Bill>')
    )["Bill"]
    assert (made["TotalAmt"], len(made["Line"]), made["VendorRef"]["name"]) == (Decimal(25), 2, "Norton Lumber")
    key = f"<Id>{made['Id']}</Id><SyncToken>0</SyncToken>"
    prefixed = f'<ns0:Bill xmlns:ns0="{_FINANCE}">{key}<VendorRef>56</VendorRef>{line}</ns0:Bill>'
    changed = (await sent(client, "bill", prefixed, operation="update"))["Bill"]
    assert (changed["TotalAmt"], changed["SyncToken"]) == (Decimal("12.5"), "1")
    gone = await sent(client, "bill", f"<Bill>{key.replace('>0<', '>1<')}</Bill>", operation="delete")
    assert gone["Bill"]["status"] == "Deleted"


async def test_a_sparse_update_keeps_the_rest(client: SimulatorClient) -> None:
    text = (
        f'<Vendor xmlns="{_FINANCE}" sparse="true"><Id>56</Id><SyncToken>0</SyncToken><Active>false</Active></Vendor>'
    )
    changed = (await sent(client, "vendor", text))["Vendor"]
    assert (changed["Active"], changed["DisplayName"]) == (False, "Norton Lumber (deleted)")


@pytest.mark.parametrize(
    ("entity", "body"),
    [
        ("Bill", bill(PrivateNote="a < b & c")),
        ("Invoice", invoice(BillEmail={"Address": "a@b.example"}, CustomerMemo={"value": "Thanks"})),
        ("Payment", payment("5.00", [])),
        ("BillPayment", bill_payment("5.00", [])),
        ("Customer", {"DisplayName": "X", "PrimaryPhone": {"FreeFormNumber": "1"}, "BillAddr": {"Line1": "1 Elm"}}),
        ("Term", {"Name": "Net 7", "DueDays": 7}),
        ("Item", {"Name": "Seed", "Type": "Service", "IncomeAccountRef": {"value": "5"}, "UnitPrice": Decimal("1.5")}),
    ],
)
async def test_an_object_read_as_xml_may_be_written_as_xml(
    client: SimulatorClient, entity: str, body: dict[str, Any]
) -> None:
    made = await client.make(entity, body)
    document = ET.fromstring(as_xml(exact_json.dumps({entity: made})))  # noqa: S314 - our own answer
    again = (await sent(client, entity.lower(), ET.tostring(document[0], encoding="unicode"), operation="update"))[
        entity
    ]
    for each in (made, again):
        del each["SyncToken"], each["MetaData"]
    assert again == made


async def test_a_batch_and_the_answer_in_the_same_form(client: SimulatorClient) -> None:
    query = "select count(*) from Vendor"
    text = (
        f'<IntuitBatchRequest xmlns="{_FINANCE}">'
        '<BatchItemRequest bId="1" operation="create"><Vendor><DisplayName>Smith</DisplayName></Vendor></BatchItemRequest>'
        f'<BatchItemRequest bId="2"><Query>{query}</Query></BatchItemRequest></IntuitBatchRequest>'
    )
    client.accept = "application/xml"
    answer = await client.call("POST", "batch", text.encode(), headers={"Content-Type": "application/xml"})
    rows = list(ET.fromstring(answer.content))  # noqa: S314 - our own answer
    assert [row.get("bId") for row in rows] == ["1", "2"]
    assert rows[0].findtext(f"{{{_FINANCE}}}Vendor/{{{_FINANCE}}}DisplayName") == "Smith"
    assert rows[1][0].get("totalCount") == "3"
