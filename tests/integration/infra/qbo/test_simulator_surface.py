"""The simulator's verbs over HTTP: void, batch, send, PDF, requestid, merges and the forms an answer takes."""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from infra import exact_json
from tests.integration.infra.qbo.simulator_client import SimulatorClient, code_of, simulator_client
from tests.unit.infra.qbo.simulator.small_company import REALM, bill, invoice, payment

_XML = "{http://schema.intuit.com/finance/v3}"
_MAILED = {"BillEmail": {"Address": "amy@example.com"}}


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as made:
        yield made


def key(made: dict[str, Any]) -> dict[str, Any]:
    return {"Id": made["Id"], "SyncToken": made["SyncToken"]}


async def test_both_spellings_of_a_void(client: SimulatorClient) -> None:
    paid = await client.make("Payment", payment("5.00", []))
    body = {**key(paid), "sparse": True}
    voided = (await client.post("payment", body, operation="update", include="void")).json()["Payment"]
    assert (voided["TotalAmt"], voided["Line"], voided["PrivateNote"]) == (0, [], "Voided")
    owed = await client.make("Invoice", invoice("5.00"))
    voided = (await client.post("invoice", key(owed), operation="void")).json()["Invoice"]
    assert (voided["TotalAmt"], voided["Balance"], voided["SyncToken"]) == (0, 0, "1")
    owing = await client.make("Bill", bill("5.00"))
    assert code_of(await client.post("bill", key(owing), operation="update", include="void")) == "500"


async def test_a_batch_answers_each_item_alone(client: SimulatorClient) -> None:
    owed = await client.make("Invoice", invoice("5.00"))
    taken = await client.make("Payment", payment("5.00", []))
    items: list[dict[str, Any]] = [
        {"bId": "1", "operation": "create", "Vendor": {"DisplayName": "Smith"}},
        {"bId": "2", "operation": "create", "Vendor": {"DisplayName": "amy's birds"}},
        {"bId": "3", "operation": "delete", "Invoice": key(owed)},
        {"bId": "4", "operation": "update", "optionsData": "void", "Payment": {**key(taken), "sparse": True}},
        {"bId": "5", "operation": "update", "Bill": {"Id": "404", "SyncToken": "0"}},
        {"bId": "6", "Query": "select * from Vendor where DisplayName = 'Smith'"},
        {"bId": "7", "Query": "select * from Treasure"},
        {"bId": "8", "CDCQuery": {"Entities": "Invoice", "ChangedSince": "2026-03-01"}},
        {"bId": "9", "operation": "create", "Treasure": {}},
    ]
    answer = await client.post("batch", {"BatchItemRequest": items}, requestid="b-1")
    rows = {row["bId"]: row for row in answer.json()["BatchItemResponse"]}
    assert (answer.status_code, list(rows)) == (200, [item["bId"] for item in items])
    assert rows["1"]["Vendor"]["DisplayName"] == "Smith"
    faults = {b_id: row["Fault"]["Error"][0]["code"] for b_id, row in rows.items() if "Fault" in row}
    assert faults == {"2": "6240", "5": "610", "7": "4001", "9": "500"}
    assert rows["3"]["Invoice"] == {"status": "Deleted", "domain": "QBO", "Id": owed["Id"]}
    assert rows["4"]["Payment"]["PrivateNote"] == "Voided"
    assert rows["6"]["QueryResponse"]["maxResults"] == 1
    assert rows["8"]["CDCResponse"][0]["QueryResponse"][0]["Invoice"][0]["status"] == "Deleted"
    again = await client.post("batch", {"BatchItemRequest": items}, requestid="b-1")
    assert again.content == answer.content


async def test_a_batch_has_its_limits(client: SimulatorClient) -> None:
    query = {"Query": "select * from Vendor"}
    assert code_of(await client.post("batch", {"BatchItemRequest": [query] * 31})) == "1040"
    assert (await client.post("batch", {"BatchItemRequest": [query] * 30})).status_code == 200
    assert code_of(await client.post("batch", {"BatchItemRequest": []})) == "2020"
    assert code_of(await client.post("batch", {"BatchItemRequest": [query]}, requestid="x" * 37)) == "2050"
    for number in range(501):
        client.company.create("Vendor", {"DisplayName": f"V{number}"})
    large = [{"bId": str(n), "Query": "select * from Vendor maxresults 1000"} for n in range(2)]
    rows = (await client.post("batch", {"BatchItemRequest": large})).json()["BatchItemResponse"]
    assert [row.get("Fault", {}).get("Error", [{}])[0].get("code") for row in rows] == [None, "1040"]


async def test_batches_are_throttled_by_themselves() -> None:
    async with simulator_client(limits=True) as client:
        body = {"BatchItemRequest": [{"bId": "1", "Query": "select count(*) from Bill"}]}
        statuses = [(await client.post("batch", body)).status_code for _ in range(41)]
        assert statuses == [200] * 40 + [429]
        assert (await client.get("companyinfo/1")).status_code == 200


async def test_an_invoice_is_sent(client: SimulatorClient) -> None:
    made = await client.make("Invoice", invoice("5.00") | _MAILED)
    client.clock.advance(minutes=30)
    octets = {"Content-Type": "application/octet-stream"}
    sent = await client.call("POST", f"invoice/{made['Id']}/send", b"", headers=octets, sendTo="new@example.com")
    shown = sent.json()["Invoice"]
    assert (shown["EmailStatus"], shown["BillEmail"]) == ("EmailSent", {"Address": "new@example.com"})
    assert shown["DeliveryInfo"] == {"DeliveryType": "Email", "DeliveryTime": "2026-03-02T10:30:00-08:00"}
    assert (shown["SyncToken"], shown["MetaData"]["LastUpdatedTime"]) == ("0", "2026-03-02T10:30:00-08:00")
    without = await client.make("Invoice", invoice("5.00"))
    assert code_of(await client.post(f"invoice/{without['Id']}/send")) == "6000"
    assert code_of(await client.post("invoice/404/send")) == "610"
    assert code_of(await client.get(f"invoice/{made['Id']}/send")) == "500"


async def test_forty_mails_are_a_day_s_worth() -> None:
    async with simulator_client(limits=True) as client:
        made = await client.make("Invoice", invoice("5.00") | _MAILED)

        async def send() -> int:
            client.clock.advance(seconds=1)
            return (await client.post(f"invoice/{made['Id']}/send")).status_code

        assert [await send() for _ in range(41)] == [200] * 40 + [429]
        client.clock.advance(days=1)
        client.simulator.oauth.expire_access_tokens()
        tokens = client.simulator.oauth.grant(REALM, client_id=client.info.client_id)
        object.__setattr__(client.info, "access_token", tokens["access_token"])
        assert await send() == 200


async def test_an_invoice_is_printed(client: SimulatorClient) -> None:
    made = await client.make("Invoice", invoice("1234.50"))
    answer = await client.call("GET", f"invoice/{made['Id']}/pdf", headers={"Accept": "application/pdf"})
    content = answer.content
    assert (answer.headers["content-type"], content[:8], content[-6:]) == ("application/pdf", b"%PDF-1.4", b"%%EOF\n")
    for text in (b"INVOICE 1001", b"Amy's Birds", b"1,234.50"):
        assert text in content
    offsets = re.findall(rb"(\d{10}) 00000 n", content)
    assert all(content[int(offset) :].startswith(b"%d 0 obj" % n) for n, offset in enumerate(offsets, start=1))
    assert content[int(re.findall(rb"startxref\n(\d+)", content)[0]) :].startswith(b"xref")
    owed = await client.make("Bill", bill("5.00"))
    assert code_of(await client.get(f"bill/{owed['Id']}/pdf")) == "500"


async def test_a_requestid_survives_its_object(client: SimulatorClient) -> None:
    first = await client.post("bill", bill(Decimal(1)), requestid="r-1")
    made = first.json()["Bill"]
    await client.post("bill", key(made), operation="delete")
    again = await client.post("bill", bill(Decimal(1)), requestid="r-1")
    assert again.content == first.content
    assert code_of(await client.get(f"bill/{made['Id']}")) == "610"
    assert code_of(await client.post("bill", bill(), requestid="x" * 51)) == "2050"
    assert (await client.post("bill", bill(), requestid="x" * 50)).status_code == 200


async def count_of(client: SimulatorClient, entity: str) -> int:
    answer = await client.get("query", query=f"select count(*) from {entity}")  # noqa: S608 - not SQL
    return int(answer.json()["QueryResponse"]["totalCount"])


async def test_requestids_can_be_ignored_or_compared_or_forgotten(client: SimulatorClient) -> None:
    await client.behave(requestid_replay="ignored")
    for _ in range(2):
        await client.post("bill", bill(Decimal(1)), requestid="r-1")
    assert await count_of(client, "Bill") == 2
    await client.behave(requestid_replay="replay", requestid_other_body="600")
    assert code_of(await client.post("bill", bill(Decimal(2)), requestid="r-1")) == "600"
    assert (await client.post("bill", bill(Decimal(1)), requestid="r-1")).status_code == 200
    await client.behave(requestid_kept_hours=1)
    client.clock.advance(minutes=59)
    await client.post("bill", bill(Decimal(1)), requestid="r-1")
    assert await count_of(client, "Bill") == 2
    await client.behave(requestid_keeps_faults=True)
    assert code_of(await client.post("bill", {}, requestid="r-2")) == "2020"
    await client.behave(requestid_other_body="replay")
    assert code_of(await client.post("bill", bill(), requestid="r-2")) == "2020"


async def test_a_requestid_that_still_runs_waits_or_is_600() -> None:
    async with simulator_client(latency_ms=150) as client:

        async def both(request_id: str) -> list[int]:
            calls = (client.post("bill", bill(Decimal(1)), requestid=request_id) for _ in range(2))
            return sorted(answer.status_code for answer in await asyncio.gather(*calls))

        assert await both("r-1") == [200, 200]
        await client.behave(requestid_running="600")
        assert await both("r-2") == [200, 400]
        assert await count_of(client, "Bill") == 2


async def test_a_duplicate_number_is_allowed_by_include(client: SimulatorClient) -> None:
    await client.behave(duplicate_numbers="always")
    await client.make("Bill", bill(DocNumber="A1"))
    refused = await client.post("bill", bill(DocNumber="A1"))
    assert code_of(refused) == "6140"
    assert "DocNumber=A1 is assigned to TxnType=Bill with TxnId=1" in refused.json()["Fault"]["Error"][0]["Detail"]
    assert (await client.post("bill", bill(DocNumber="A1"), include="allowduplicatedocnum")).status_code == 200


async def test_an_invoice_s_link_is_shown_when_asked(client: SimulatorClient) -> None:
    made = await client.make("Invoice", invoice())
    assert "InvoiceLink" not in made
    asked = await client.get(f"invoice/{made['Id']}", include="invoiceLink")
    assert asked.json()["Invoice"]["InvoiceLink"].startswith("https://")


async def test_vendors_merge_as_on_qbo_s_screens(client: SimulatorClient) -> None:
    made = await client.make("Bill", bill(vendor="57"))
    answer = await client.http.post(f"/admin/merge/{REALM}", json={"entity": "Vendor", "from": "57", "into": "56"})
    assert answer.json()["Vendor"]["Id"] == "56"
    assert (await client.get(f"bill/{made['Id']}")).json()["Bill"]["VendorRef"]["value"] == "56"
    assert code_of(await client.post("bill", bill(vendor="57"))) == "610"
    wrong = await client.http.post(f"/admin/merge/{REALM}", json={"entity": "Vendor", "from": "404", "into": "56"})
    assert wrong.status_code == 400


@pytest.mark.parametrize("path", ["companyinfo/1", f"companyinfo/{REALM}", f"CompanyInfo/{REALM}", "companyinfo"])
async def test_the_company_is_read_in_four_ways(client: SimulatorClient, path: str) -> None:
    assert (await client.get(path)).json()["CompanyInfo"]["CompanyName"] == "Small Works"
    assert (await client.get("Preferences")).json()["Preferences"]["Id"] == "1"


@pytest.mark.parametrize(
    ("accept", "format_", "expected"),
    [
        ("application/json", "", "json"),
        ("application/json", "xml", "json"),
        ("application/xml", "", "xml"),
        ("text/xml, */*", "json", "xml"),
        ("*/*", "", "xml"),
        ("*/*", "json", "json"),
        ("text/plain", "", "xml"),
    ],
)
async def test_the_form_of_an_answer(client: SimulatorClient, accept: str, format_: str, expected: str) -> None:
    client.accept = accept
    params = {"format": format_} if format_ else {}
    answer = await client.get("vendor/56", minorversion="3", **params)
    assert answer.headers["content-type"].startswith(f"application/{expected}")
    await client.behave(answers_without_accept="json")
    client.accept = "*/*"
    assert (await client.get("vendor/56")).json()["Vendor"]["Id"] == "56"


async def test_answers_in_xml(client: SimulatorClient) -> None:
    made = await client.make("Bill", bill("250.00", PrivateNote="a < b"))
    client.accept = "application/xml"
    root = ET.fromstring((await client.get(f"bill/{made['Id']}")).content)  # noqa: S314 - our own answer
    (found,) = root
    assert (root.tag, found.tag, found.get("domain")) == (f"{_XML}IntuitResponse", f"{_XML}Bill", "QBO")
    vendor = found.find(f"{_XML}VendorRef")
    assert vendor is not None
    assert (vendor.text, vendor.get("name")) == ("56", "Norton Lumber")
    assert found.findtext(f"{_XML}PrivateNote") == "a < b"
    assert Decimal(found.findtext(f"{_XML}Line/{_XML}Amount") or "") == Decimal(250)
    page = ET.fromstring((await client.get("query", query="select * from Vendor")).content)  # noqa: S314 - as above
    response = page.find(f"{_XML}QueryResponse")
    assert response is not None
    assert (response.get("maxResults"), [one.findtext(f"{_XML}Id") for one in response]) == ("2", ["56", "57"])
    refused = await client.get("bill/404")
    fault = ET.fromstring(refused.content).find(f"{_XML}Fault")  # noqa: S314 - as above
    assert fault is not None
    assert (refused.status_code, fault.get("type"), fault[0].get("code")) == (400, "ValidationFault", "610")
    changes = ET.fromstring((await client.get("cdc", entities="Bill", changedSince="2026-03-01")).content)  # noqa: S314
    assert changes.findtext(f"{_XML}CDCResponse/{_XML}QueryResponse/{_XML}Bill/{_XML}Id") == made["Id"]


async def test_queries_may_lag_and_projections_be_refused(client: SimulatorClient) -> None:
    await client.behave(query_lag_seconds=5, projections=False)
    made = await client.make("Bill", bill())
    assert await count_of(client, "Bill") == 0
    assert (await client.get(f"bill/{made['Id']}")).status_code == 200
    client.clock.advance(seconds=5)
    assert await count_of(client, "Bill") == 1
    assert code_of(await client.get("query", query="select Id from Bill")) == "4001"


async def test_an_empty_group_of_changes_may_be_left_out(client: SimulatorClient) -> None:
    async def groups() -> Any:
        answer = await client.get("cdc", entities="Bill,Vendor", changedSince="2026-02-20")
        return exact_json.loads(answer.content)["CDCResponse"][0]["QueryResponse"]

    assert [list(group)[:1] for group in await groups()] == [[], ["Vendor"]]
    await client.behave(cdc_empty_group="omitted")
    assert [list(group)[:1] for group in await groups()] == [["Vendor"]]


async def test_an_unknown_switch_is_told(client: SimulatorClient) -> None:
    answer = await client.http.post("/admin/behaviour", json={"void_all": True})
    assert (answer.status_code, "void_everything" in answer.json()["error"]) == (400, True)
    assert (await client.http.get("/admin/behaviour")).json()["bill_sparse"] is False
