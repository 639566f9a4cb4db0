"""What a request's body may hold, and in which coats it may come."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.infra.qbo.simulator_client import SimulatorClient, code_of, simulator_client
from tests.unit.infra.qbo.simulator.small_company import CHECKING, bill, invoice, payment


@pytest.fixture
async def client() -> AsyncIterator[SimulatorClient]:
    async with simulator_client() as made:
        yield made


async def test_a_property_that_the_entity_does_not_have_is_refused(client: SimulatorClient) -> None:
    refused = await client.post("bill", bill(CustomerRef={"value": "1"}, DocNumbr="7"))
    [error] = refused.json()["Fault"]["Error"]
    assert (refused.status_code, error["code"]) == (400, "2010")
    assert error["Detail"].startswith("Property Name:failed to parse json object")
    item = {"bId": "1", "operation": "create", "Bill": bill(Colour="red")}
    [row] = (await client.post("batch", {"BatchItemRequest": [item]})).json()["BatchItemResponse"]
    assert row["Fault"]["Error"][0]["code"] == "2010"


async def test_such_a_property_may_be_ignored(client: SimulatorClient) -> None:
    await client.behave(unknown_properties="ignore")
    made = await client.make("Bill", bill(Colour="red", PrivateNote="kept"))
    assert ("Colour" in made, made["PrivateNote"]) == (False, "kept")


@pytest.mark.parametrize(
    ("entity", "body"),
    [
        ("Bill", bill(GlobalTaxCalculation="NotApplicable", TransactionLocationType="WithinFrance")),
        ("Invoice", invoice(AllowOnlineACHPayment=True, ShipFromAddr={"Line1": "1 Elm"}, TxnStatus="Draft")),
        ("Payment", payment("5.00", []) | {"ProcessPayment": False, "TxnSource": "x"}),
        ("Customer", {"DisplayName": "X", "OtherAddr": {"Line1": "1 Elm"}, "SecondaryTaxIdentifier": "9"}),
        ("Account", {"Name": "X", "AccountType": "Bank", "BankNum": "9", "AccountAlias": "y"}),
        ("Transfer", {"FromAccountRef": {"value": CHECKING}, "ToAccountRef": {"value": "7"}, "Amount": 1}),
    ],
)
async def test_what_is_read_may_be_written_again(client: SimulatorClient, entity: str, body: dict[str, Any]) -> None:
    made = await client.make(entity, body)
    again = await client.post(entity.lower(), made, operation="update")
    assert (again.status_code, again.json()[entity]["SyncToken"]) == (200, "1")


async def test_the_singletons_too(client: SimulatorClient) -> None:
    for path, entity in (("companyinfo/1", "CompanyInfo"), ("preferences", "Preferences")):
        shown = (await client.get(path)).json()[entity]
        assert (await client.post(entity.lower(), shown)).status_code == 200, entity
    assert code_of(await client.post("preferences", {"Id": "1", "SyncToken": "1", "Colours": {}})) == "2010"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda text: zlib.compress(text, wbits=-zlib.MAX_WBITS)),
        ("identity", lambda text: text),
    ],
)
async def test_a_packed_body_is_unpacked(client: SimulatorClient, coding: str, pack: Callable[[bytes], bytes]) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    body = pack('{"DisplayName": "Überß"}'.encode())
    answer = await client.call("POST", "vendor", body, headers=headers)
    assert answer.json()["Vendor"]["DisplayName"] == "Überß"
    broken = await client.call("POST", "vendor", b"{", headers=headers)
    assert (broken.status_code, code_of(broken)) == (400, "2010")


async def test_a_body_that_unpacks_to_too_much_is_a_page(client: SimulatorClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await client.call("POST", "vendor", gzip.compress(b" " * 2_000_000), headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (413, "text/html")


async def test_another_currency_needs_more_than_these_books(client: SimulatorClient) -> None:
    assert code_of(await client.post("bill", bill(CurrencyRef={"value": "EUR"}))) == "6000"
    made = await client.make("Bill", bill(CurrencyRef={"value": "USD"}))
    assert made["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}


async def test_numbers_written_as_text_are_numbers(client: SimulatorClient) -> None:
    assert (await client.make("Term", {"Name": "Net 7", "DueDays": "7"}))["DueDays"] == 7
    assert (await client.make("Item", {"Name": "Seed", "IncomeAccountRef": {"value": "5"}, "UnitPrice": "1.50"}))[
        "UnitPrice"
    ] == Decimal("1.5")
    assert code_of(await client.post("term", {"Name": "Net 8", "DueDays": "eight"})) == "2090"


def line(**parts: Any) -> dict[str, Any]:
    return {**bill()["Line"][0], **parts}


@pytest.mark.parametrize(
    ("path", "body", "element"),
    [
        ("vendor", {"DisplayName": {"a": 1}}, "DisplayName"),
        ("item", {"Name": ["x"]}, "Name"),
        ("term", {"Name": "x", "DueDays": {"a": 1}}, "DueDays"),
        ("bill", bill(CurrencyRef="USD"), "CurrencyRef"),
        ("bill", bill(TxnTaxDetail="x"), "TxnTaxDetail"),
        ("bill", bill(VendorRef={"value": {"value": "56"}}), "value"),
        ("bill", bill(Line=[line(AccountBasedExpenseLineDetail="x")]), "AccountBasedExpenseLineDetail"),
        ("bill", bill(Line=[line(Amount=[1])]), "Amount"),
        ("bill", bill(Line=[line(Description={})]), "Description"),
        ("payment", payment(5, []) | {"Line": [{"Amount": 5, "LinkedTxn": {"TxnId": "1"}}]}, "LinkedTxn"),
        ("payment", payment(5, []) | {"Line": [{"Amount": 5, "LinkedTxn": ["1"]}]}, "LinkedTxn"),
        ("invoice", invoice(BillEmail="a@b.example"), "BillEmail"),
    ],
)
async def test_a_value_of_another_type_names_its_property(
    client: SimulatorClient, path: str, body: dict[str, Any], element: str
) -> None:
    answer = await client.post(path, body)
    [error] = answer.json()["Fault"]["Error"]
    assert (answer.status_code, error["code"], error["element"]) == (400, "2010", element)


async def test_null_is_no_value(client: SimulatorClient) -> None:
    made = await client.make("Bill", bill(CurrencyRef={}, TxnTaxDetail=None, DocNumber=None, SalesTermRef=None))
    assert (made["CurrencyRef"]["value"], "DocNumber" in made) == ("USD", False)
    item = {"bId": "1", "CDCQuery": "Bill"}
    [row] = (await client.post("batch", {"BatchItemRequest": [item]})).json()["BatchItemResponse"]
    assert row["Fault"]["Error"][0]["code"] == "2010"
