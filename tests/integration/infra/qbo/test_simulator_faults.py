"""Every code and status that the API answers with, in both spellings and all three forms."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.qbo.simulator.books.company import Company
from tests.integration.infra.qbo.simulator_client import SimulatorClient, code_of, simulator_client
from tests.unit.infra.qbo.simulator.small_company import CHECKING, REALM, bill, invoice, payment, ref


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as made:
        yield made


def link(identifier: str) -> dict[str, Any]:
    return {"Amount": 1, "LinkedTxn": [{"TxnId": identifier, "TxnType": "Invoice"}]}


@pytest.mark.parametrize(
    ("path", "body", "code", "element"),
    [
        ("bill", {"Id": "404", "SyncToken": "0", **bill()}, "610", ""),
        ("payment", {**payment("1.00", []), "Line": [link("404")]}, "620", "LinkedTxn"),
        ("bill", {**bill(), "Line": "one"}, "2010", "Line"),
        ("bill", {"VendorRef": ref("56")}, "2020", "Line"),
        ("bill", {**bill(), "Id": "seven", "SyncToken": "0"}, "2030", "Id"),
        ("bill", bill(DocNumber="1" * 24), "2050", "DocNumber"),
        ("bill", bill("ten"), "2090", "Amount"),
        ("invoice", invoice(PrintStatus="Perhaps"), "2170", "PrintStatus"),
        ("bill", bill(vendor="999"), "2500", "VendorRef"),
        ("payment", payment("-1.00", []), "6000", "TotalAmt"),
        ("vendor", {"DisplayName": "Norton Lumber"}, "6240", ""),
    ],
)
async def test_service_faults_of_a_write(
    client: SimulatorClient, path: str, body: dict[str, Any], code: str, element: str
) -> None:
    answer = await client.post(path, body)
    (error,) = answer.json()["Fault"]["Error"]
    assert (answer.status_code, error["code"], error["element"]) == (400, code, element)
    assert error.keys() == {"Message", "Detail", "code", "element"}
    assert answer.json()["Fault"]["type"] == "ValidationFault"
    assert answer.headers["intuit_tid"]


async def test_the_detail_of_a_length_tells_both(client: SimulatorClient) -> None:
    answer = await client.post("bill", bill(DocNumber="1" * 24))
    assert "Min:0 Max:21 supported. Supplied length:24" in answer.json()["Fault"]["Error"][0]["Detail"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("select * from", "4000"), ("select * from Bill startposition 0", "4001"), ("select * from Treasure", "4001")],
)
async def test_faults_of_a_query(client: SimulatorClient, query: str, code: str) -> None:
    assert code_of(await client.get("query", query=query)) == code


async def test_faults_that_hang_on_the_books(client: SimulatorClient) -> None:
    made = await client.make("Bill", bill(TxnDate="2025-12-31"))
    await client.make("Bill", {**bill("7.00"), "Id": made["Id"], "SyncToken": "0", "TxnDate": "2025-12-31"})
    assert code_of(await client.post("bill", {**bill(), "Id": made["Id"], "SyncToken": "0"})) == "5010"
    paid = await client.make("Payment", payment("9.00", []))
    deposit = {"Amount": 9, "LinkedTxn": [{"TxnId": paid["Id"], "TxnType": "Payment"}]}
    await client.make("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [deposit]})
    key = {"Id": paid["Id"], "SyncToken": paid["SyncToken"]}
    assert code_of(await client.post("payment", key, operation="delete")) == "6540"
    wrong = invoice("31.00")
    wrong["Line"][0]["SalesItemLineDetail"] |= {"Qty": 3, "UnitPrice": 10}
    assert code_of(await client.post("invoice", wrong)) == "6070"
    closing = {"Id": "1", "SyncToken": "0", "sparse": True, "AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"}}
    await client.post("preferences", closing)
    assert code_of(await client.post("bill", bill(TxnDate="2025-12-31"))) == "6210"
    plan = [{"Name": "OfferingSku", "Value": "QuickBooks Online Simple Start"}]
    client.company.get("CompanyInfo", "1").body["NameValue"] = plan
    assert code_of(await client.post("bill", bill())) == "5020"


@pytest.mark.parametrize(("code", "status"), [("100", 401), ("120", 401), ("130", 401), ("6190", 400)])
async def test_a_company_may_refuse_everything(client: SimulatorClient, code: str, status: int) -> None:
    await client.http.post(f"/admin/refusal/{REALM}", json={"code": code})
    answer = await client.get("companyinfo/1")
    assert (answer.status_code, code_of(answer)) == (status, code)
    await client.http.post(f"/admin/refusal/{REALM}", json={})
    assert (await client.get("companyinfo/1")).status_code == 200


async def test_a_company_cannot_refuse_with_just_any_code(client: SimulatorClient) -> None:
    assert (await client.http.post(f"/admin/refusal/{REALM}", json={"code": "42"})).status_code == 400


async def test_the_gateway_s_faults(client: SimulatorClient) -> None:
    for header in ("Bearer short", "Basic abc", "Bearer " + "x" * 40):
        answer = await client.call("GET", "companyinfo/1", headers={"Authorization": header})
        assert (answer.status_code, code_of(answer)) == (401, "3200")
        assert answer.json()["fault"]["type"] == "AUTHENTICATION"
    elsewhere = await client.http.get(
        "/v3/company/1/companyinfo/1",
        headers={"Authorization": f"Bearer {client.info.access_token}", "Accept": "application/json"},
    )
    assert (elsewhere.status_code, code_of(elsewhere)) == (403, "3100")
    await client.behave(auth_body="xml", no_bearer_code="100")
    answer = await client.call("GET", "companyinfo/1", headers={"Authorization": "Bearer short"})
    assert answer.headers["content-type"].startswith("application/xml")
    nobody = await client.call("GET", "companyinfo/1", headers={"Authorization": ""})
    assert (nobody.status_code, code_of(nobody), nobody.json()["Fault"]["type"]) == (401, "100", "AuthenticationFault")


async def test_the_throttle_may_have_its_old_status() -> None:
    async with simulator_client(limits=True) as client:
        await client.behave(throttle_status="403", throttle_body="json")
        answers = [await client.get("companyinfo/1") for _ in range(11)]
    assert (answers[-1].status_code, code_of(answers[-1])) == (403, "3001")


async def test_a_fault_may_hide_in_a_200(client: SimulatorClient) -> None:
    await client.behave(faults_with_200=True)
    answer = await client.get("bill/404")
    assert (answer.status_code, code_of(answer)) == (200, "610")


@pytest.mark.parametrize(
    "path", ["/", "/v3/companies", f"/v3/company/{REALM}/bill/1/history", f"/v3/company/{REALM}/a/b/c/d"]
)
async def test_an_unknown_path_is_a_page(client: SimulatorClient, path: str) -> None:
    answer = await client.http.get(path, headers={"Authorization": f"Bearer {client.info.access_token}"})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert "404 Not Found" in answer.text


async def test_a_body_that_is_too_large_is_a_page(client: SimulatorClient) -> None:
    await client.behave(largest_request_bytes=2000)
    answer = await client.post("bill", bill(PrivateNote="x" * 2000))
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (413, "text/html")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "bill"), ("PATCH", "bill"), ("DELETE", "bill/1"), ("POST", "bill/1"), ("GET", "bill"), ("GET", "batch"),
     ("POST", "cdc"), ("PUT", "query"), ("GET", "invoice/1/send"), ("POST", "invoice/1/pdf")],
)  # fmt: skip
async def test_a_wrong_verb_is_an_unsupported_operation(client: SimulatorClient, method: str, path: str) -> None:
    answer = await client.call(method, path)
    assert (answer.status_code, code_of(answer)) == (400, "500")
    assert f"No resource method found for {method}" in answer.json()["Fault"]["Error"][0]["Detail"]
    await client.behave(unsupported_status="405")
    assert (await client.call(method, path)).status_code == 405


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", "{", "2010"),
        ("application/json", "[]", "2010"),
        ("application/json", "", "2010"),
        ("application/json; charset=utf-8", "<Bill/>", "2010"),
        ("application/xml", "<Bill/>", "2020"),
        ("application/xml", "<Bill>", "2010"),
        ("application/xml", '<!DOCTYPE Bill [<!ENTITY a "b">]><Bill>&a;</Bill>', "2010"),
        ("text/plain", "{}", "500"),
    ],
)
async def test_bodies_that_cannot_be_read(client: SimulatorClient, content_type: str, body: str, code: str) -> None:
    answer = await client.call("POST", "bill", body, headers={"Content-Type": content_type})
    assert (answer.status_code, code_of(answer)) == (400, code)


async def test_paths_may_be_lower_case_alone(client: SimulatorClient) -> None:
    assert (await client.get("Vendor/56")).status_code == 200
    await client.behave(mixed_case_paths=False)
    assert code_of(await client.get("Vendor/56")) == "500"
    assert (await client.get("vendor/56")).status_code == 200


async def test_a_defect_is_a_system_fault_and_the_service_goes_on(
    client: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Company, "get", fail)
        answer = await client.get("bill/1")
        assert (answer.status_code, code_of(answer), answer.json()["Fault"]["type"]) == (500, "10000", "SystemFault")
        item = {"bId": "1", "operation": "update", "Bill": {"Id": "1", "SyncToken": "0"}}
        (row,) = (await client.post("batch", {"BatchItemRequest": [item]})).json()["BatchItemResponse"]
        assert row["Fault"]["Error"][0]["code"] == "10000"
    assert (await client.get("vendor/56")).status_code == 200
