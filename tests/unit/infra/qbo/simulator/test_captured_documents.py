"""Documents of a real company, entered here: what the simulator shows must be what QBO showed."""

from pathlib import Path
from typing import Any

import pytest

from infra import exact_json
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.references import person_type
from infra.qbo.simulator.files.company_file import CompanyFile
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock

_CAPTURE = Path(__file__).parents[6] / "shared" / "qbo" / "samples" / "sandbox_capture_2023.json"
_TYPES = {
    "4": ("Other Current Asset", "UndepositedFunds"),
    "33": ("Accounts Payable", "AccountsPayable"),
    "35": ("Bank", "Checking"),
    "36": ("Bank", "Savings"),
    "41": ("Credit Card", "CreditCard"),
    "84": ("Accounts Receivable", "AccountsReceivable"),
}
_ACCOUNTS = ("AccountRef", "APAccountRef", "DepositToAccountRef", "BankAccountRef", "CCAccountRef", "ItemAccountRef")
# Set by the links of documents that the capture does not hold, or by the clock.
_NOT_COMPARED = {"MetaData", "SyncToken", "LinkedTxn", "Balance", "RemainingCredit"}

pytestmark = pytest.mark.skipif(not _CAPTURE.exists(), reason="the captured documents are not beside this checkout")


def captured(entity: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = exact_json.loads(_CAPTURE.read_bytes())[entity]
    return rows


def make_company(documents: list[dict[str, Any]]) -> Company:
    """Books with every account, name, item and term that the documents refer to, under their Ids."""
    accounts = {
        i: {"Id": i, "Name": f"Account {i}", "AccountType": t, "AccountSubType": s} for i, (t, s) in _TYPES.items()
    }
    names: dict[str, dict[str, dict[str, Any]]] = {"Vendor": {}, "Customer": {}, "Item": {}, "Term": {}}
    for key, ref in (found for document in documents for found in _refs(document)):
        identifier = ref["value"]
        if key in _ACCOUNTS:
            account = accounts.setdefault(identifier, {"Id": identifier, "AccountType": "Expense"})
            account["Name"] = str(ref.get("name") or account.get("Name")).replace(":", " / ")
        elif key in {"ItemRef", "SalesTermRef"}:
            list_name = "Item" if key == "ItemRef" else "Term"
            names[list_name][identifier] = {"Id": identifier, "Name": ref.get("name", identifier), "DueDays": 30}
        elif (kind := {"VendorRef": "Vendor", "CustomerRef": "Customer"}.get(key) or person_type(ref)) in names:
            names[kind][identifier] = {"Id": identifier, "DisplayName": ref.get("name")}
    accounts["1"] = {"Id": "1", "Name": "Sales", "AccountType": "Income"}
    file = CompanyFile(
        format="oodaloo-company/1", company={"CompanyName": "Captured"}, realm_id=REALM, accounts=list(accounts.values()),
        terms=list(names["Term"].values()), items=list(names["Item"].values()),
        vendors=list(names["Vendor"].values()), customers=list(names["Customer"].values()), transactions=[],
    )  # fmt: skip
    return load_company(file, clock=MovableClock())


def _refs(value: Any, key: str = "") -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [found for one in value for found in _refs(one, key)]
    if not isinstance(value, dict):
        return []
    if "value" in value and key.endswith("Ref"):
        return [(key, value)]
    return [found for name, inner in value.items() for found in _refs(inner, name)]


def without_names_that_cannot_be(value: Any) -> Any:
    """A sub-account's name has its parents in it; the books of this test are flat."""
    if isinstance(value, list):
        return [without_names_that_cannot_be(one) for one in value]
    if isinstance(value, dict):
        return {
            key: inner.replace(":", " / ") if key == "name" and isinstance(inner, str) and ":" in inner and "{" not in inner
            else without_names_that_cannot_be(inner)
            for key, inner in value.items()
        }  # fmt: skip
    return value


@pytest.mark.parametrize("entity", ["Bill", "Purchase", "Invoice", "CreditMemo"])
def test_an_entered_document_shows_as_the_captured_one(entity: str) -> None:
    documents = captured(entity)
    company = make_company(documents)
    for document in documents:
        made = company.create(entity, exact_json.loads(exact_json.dumps({**document, "Id": None}))).body
        shown = exact_json.loads(exact_json.dumps({**made, "Id": document["Id"]}))
        expected = without_names_that_cannot_be(document)
        assert {key: value for key, value in shown.items() if key not in _NOT_COMPARED} == {
            key: value for key, value in expected.items() if key not in _NOT_COMPARED
        }


def test_a_payment_s_lines_tell_of_their_invoice_as_the_captured_ones_do() -> None:
    payments = captured("Payment")
    company = make_company(payments + captured("Invoice"))
    for document in payments:
        facts = {fact["value"]["Name"]: fact["value"]["Value"] for fact in document["Line"][0]["LineEx"]["any"]}
        sale = {"DetailType": "SalesItemLineDetail", "Amount": facts["txnOpenBalance"], "SalesItemLineDetail": {}}
        number = {"DocNumber": facts["txnReferenceNumber"]}
        owed = company.create("Invoice", {"CustomerRef": {**document["CustomerRef"]}, "Line": [sale], **number})
        line = {"Amount": document["TotalAmt"], "LinkedTxn": [{"TxnId": owed.id, "TxnType": "Invoice"}]}
        sent = {
            key: document[key] for key in document.keys() & {"CustomerRef", "TotalAmt", "TxnDate", "PaymentMethodRef"}
        }
        made = company.create("Payment", {**sent, "Line": [line]})
        text = exact_json.dumps({**made.body, "Id": document["Id"]}).replace(
            f'"{owed.id}"'.encode(), f'"{facts["txnId"]}"'.encode()
        )
        shown = exact_json.loads(text)
        kept = document.keys() - {"MetaData", "LinkedTxn"}
        assert {key: shown[key] for key in kept} == without_names_that_cannot_be({key: document[key] for key in kept})
