import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    RENT,
    SALES,
    UNDEPOSITED,
    MovableClock,
    bill,
    bill_payment,
    changed,
    invoice,
    payment,
    ref,
)


def key(record: Record, **fields: Any) -> dict[str, Any]:
    return {"Id": record.id, "SyncToken": record.body["SyncToken"], **fields}


def balance(company: Company, account_id: str) -> Decimal:
    return Decimal(company.get("Account", account_id).body["CurrentBalance"])


def code_of(caught: pytest.ExceptionInfo[ServiceFault]) -> str:
    return caught.value.code


def test_the_server_fills_a_bill(company: Company) -> None:
    made = company.create("Bill", bill("250.00", SalesTermRef=ref("3"), TotalAmt=1, Balance=2, TxnDate="2026-01-15"))
    assert json.loads(made.encoded()) == {
        "Id": "1",
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "VendorRef": {"value": "56", "name": "Norton Lumber"},
        "APAccountRef": {"value": PAYABLE, "name": "Accounts Payable (A/P)"},
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        "SalesTermRef": {"value": "3"},
        "TxnDate": "2026-01-15",
        "DueDate": "2026-02-14",
        "TotalAmt": 250.0,
        "Balance": 250.0,
        "Line": [
            {
                "Id": "1",
                "LineNum": 1,
                "Amount": 250.0,
                "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": {
                    "AccountRef": {"value": RENT, "name": "Rent"},
                    "BillableStatus": "NotBillable",
                    "TaxCodeRef": {"value": "NON"},
                },
            }
        ],
        "MetaData": {"CreateTime": "2026-03-02T10:00:00-08:00", "LastUpdatedTime": "2026-03-02T10:00:00-08:00"},
    }


def test_without_a_term_a_bill_is_due_at_once_and_today_is_the_company_s_own(
    company: Company, clock: MovableClock
) -> None:
    clock.advance(hours=9.5)  # 03:30 UTC on the 3rd is still the 2nd in New York
    made = company.create("Bill", bill())
    assert (made.body["TxnDate"], made.body["DueDate"]) == ("2026-03-02", "2026-03-02")


def test_invoices_are_numbered_and_subtotalled(company: Company) -> None:
    first = company.create("Invoice", invoice("10.00"))
    company.create("Invoice", invoice("10.00", DocNumber="2040"))
    third = company.create("Invoice", invoice("10.00"))
    assert [first.body["DocNumber"], third.body["DocNumber"]] == ["1001", "2041"]
    assert [line["DetailType"] for line in first.body["Line"]] == ["SalesItemLineDetail", "SubTotalLineDetail"]
    assert "Id" not in first.body["Line"][1]
    assert company.create("Bill", bill()).body.get("DocNumber") is None


def test_paying_a_bill_moves_its_token_and_time(company: Company, clock: MovableClock) -> None:
    owed = company.create("Bill", bill("100.00"))
    clock.advance(hours=1)
    paid = company.create("BillPayment", bill_payment("60.00", [(owed, "60.00")]))
    assert (owed.body["SyncToken"], owed.body["Balance"]) == ("1", Decimal("40.00"))
    assert (
        owed.body["MetaData"]["LastUpdatedTime"] == paid.body["MetaData"]["CreateTime"] == "2026-03-02T11:00:00-08:00"
    )
    assert owed.body["LinkedTxn"] == [{"TxnId": paid.id, "TxnType": "BillPaymentCheck"}]
    assert paid.body["CheckPayment"]["PrintStatus"] == "NeedToPrint"
    assert balance(company, PAYABLE) == Decimal("-40.00")
    assert balance(company, CHECKING) == Decimal("-60.00")


def test_a_vendor_credit_is_used_through_a_payment(company: Company) -> None:
    owed = company.create("Bill", bill("100.00"))
    credit = company.create("VendorCredit", bill("30.00"))
    company.create("BillPayment", bill_payment("70.00", [(owed, "100.00"), (credit, "30.00")]))
    assert (owed.body["Balance"], credit.body["Balance"]) == (0, 0)
    assert company.get("Vendor", "56").body["Balance"] == 0


def test_names_and_accounts_move_in_time_but_not_in_token(company: Company, clock: MovableClock) -> None:
    before = company.get("Vendor", "56").updated
    clock.advance(hours=1)
    company.create("Bill", bill("80.00"))
    vendor, account = company.get("Vendor", "56"), company.get("Account", RENT)
    assert vendor.updated > before
    assert (vendor.body["Balance"], vendor.body["SyncToken"], account.body["SyncToken"]) == (Decimal("80.00"), "0", "0")
    assert account.updated == vendor.updated
    assert account.body["CurrentBalance"] == 0  # an expense account shows none
    assert company.get("Vendor", "57").updated == before


def test_depositing_a_payment_changes_neither_its_time_nor_its_token(company: Company, clock: MovableClock) -> None:
    owed = company.create("Invoice", invoice("90.00"))
    paid = company.create("Payment", payment("100.00", [(owed, "90.00")]))
    assert (paid.body["UnappliedAmt"], balance(company, UNDEPOSITED)) == (Decimal("10.00"), Decimal("100.00"))
    stamp = dict(paid.body["MetaData"])
    clock.advance(days=1)
    line = {"Amount": "100.00", "LinkedTxn": [{"TxnId": paid.id, "TxnType": "Payment", "TxnLineId": "0"}]}
    deposit = company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line]})
    assert (paid.body["MetaData"], paid.body["SyncToken"]) == (stamp, "0")
    assert json.loads(paid.encoded())["LinkedTxn"] == [{"TxnId": deposit.id, "TxnType": "Deposit"}]
    assert (balance(company, UNDEPOSITED), balance(company, CHECKING)) == (Decimal(0), Decimal("100.00"))
    with pytest.raises(ServiceFault) as caught:
        company.delete("Payment", key(paid))
    assert code_of(caught) == "6540"


def test_deleting_a_payment_reopens_the_bill(company: Company, clock: MovableClock) -> None:
    owed = company.create("Bill", bill("100.00"))
    paid = company.create("BillPayment", bill_payment("100.00", [(owed, "100.00")]))
    with pytest.raises(ServiceFault) as caught:
        company.delete("Bill", key(owed))
    assert code_of(caught) == "6000"
    clock.advance(hours=1)
    company.delete("BillPayment", key(paid))
    assert (owed.body["Balance"], owed.body["SyncToken"], "LinkedTxn" in owed.body) == (Decimal("100.00"), "2", False)
    with pytest.raises(ServiceFault) as gone:
        company.get("BillPayment", paid.id)
    assert code_of(gone) == "610"
    company.delete("Bill", key(owed))
    assert company.ledger.trial_balance() == {}


def test_a_full_update_blanks_what_it_leaves_out(company: Company, clock: MovableClock) -> None:
    made = company.create("Bill", bill("10.00", PrivateNote="keep?", DocNumber="7"))
    clock.advance(hours=1)
    company.update("Bill", {**bill("12.50"), **key(made)})
    assert "PrivateNote" not in made.body
    assert "DocNumber" not in made.body
    assert (made.body["TotalAmt"], made.body["SyncToken"]) == (Decimal("12.50"), "1")
    assert balance(company, PAYABLE) == Decimal("-12.50")
    assert made.body["MetaData"]["CreateTime"] < made.body["MetaData"]["LastUpdatedTime"]


def test_an_update_keeps_known_lines_and_numbers_new_ones(company: Company) -> None:
    made = company.create("Bill", bill("10.00"))
    kept = {**made.body["Line"][0], "Amount": Decimal("4.00")}
    new = {**bill("6.00")["Line"][0], "Id": "99"}
    company.update("Bill", changed(made, Line=[new, kept]))
    assert [(line["Id"], line["LineNum"]) for line in made.body["Line"]] == [("2", 1), ("1", 2)]


def test_an_updated_payment_applies_anew(company: Company) -> None:
    first, second = company.create("Bill", bill("50.00")), company.create("Bill", bill("50.00"))
    paid = company.create("BillPayment", bill_payment("50.00", [(first, "50.00")]))
    company.update("BillPayment", {**bill_payment("50.00", [(second, "50.00")]), **key(paid)})
    assert (first.body["Balance"], second.body["Balance"]) == (Decimal("50.00"), 0)
    assert "LinkedTxn" not in first.body


def test_a_sparse_update_keeps_the_rest(company: Company) -> None:
    vendor = company.get("Vendor", "56")
    company.update("Vendor", key(vendor, CompanyName="Norton"), sparse=True)
    assert (vendor.body["DisplayName"], vendor.body["CompanyName"]) == ("Norton Lumber", "Norton")


@pytest.mark.parametrize(
    ("entity", "body", "code", "element"),
    [
        ("Bill", {"VendorRef": ref("56")}, "2020", "Line"),
        ("Bill", {"VendorRef": ref("56"), "Line": []}, "2020", "Line"),
        ("Bill", {"Line": bill()["Line"]}, "2020", "VendorRef"),
        ("Bill", bill(vendor="999"), "2500", "VendorRef"),
        ("Bill", {**bill(), "VendorRef": "56"}, "2010", "VendorRef"),
        ("Bill", bill(DocNumber="1" * 22), "2050", "DocNumber"),
        ("Bill", bill("ten"), "2090", "Amount"),
        ("BillPayment", {"VendorRef": ref("56"), "TotalAmt": 1, "PayType": "Check", "Line": []}, "2020", "CheckPayment.BankAccountRef"),
        ("BillPayment", {"VendorRef": ref("56"), "TotalAmt": 1, "PayType": "Cash", "Line": []}, "2170", "PayType"),
        ("BillPayment", bill_payment("-1.00", []), "6000", "TotalAmt"),
        ("Vendor", {"CompanyName": "Nameless"}, "2020", "DisplayName"),
        ("Vendor", {"DisplayName": "A:B"}, "2010", "DisplayName"),
        ("Vendor", {"DisplayName": "AMY'S birds"}, "6240", ""),
        ("Account", {"Name": "Odd", "AccountType": "Treasure"}, "2170", "AccountType"),
        ("CompanyInfo", {"CompanyName": "Two"}, "500", ""),
    ],
)  # fmt: skip
def test_a_refused_create_changes_nothing(
    company: Company, entity: str, body: dict[str, Any], code: str, element: str
) -> None:
    before = {name: len(store.records) for name, store in company.stores.items()}
    with pytest.raises(ServiceFault) as caught:
        company.create(entity, body)
    assert (caught.value.code, caught.value.element) == (code, element)
    assert {name: len(store.records) for name, store in company.stores.items()} == before
    assert company.ledger.trial_balance() == {}


@pytest.mark.parametrize(("amount", "vendor", "code"), [("100.01", "56", "6000"), ("50.00", "57", "6000")])
def test_a_payment_must_fit_its_bill(company: Company, amount: str, vendor: str, code: str) -> None:
    owed = company.create("Bill", bill("100.00"))
    with pytest.raises(ServiceFault) as caught:
        company.create("BillPayment", bill_payment("200.00", [(owed, amount)], vendor=vendor))
    assert code_of(caught) == code
    assert owed.body["SyncToken"] == "0"


def test_a_link_to_nothing_is_620(company: Company) -> None:
    line = {"Amount": "1.00", "LinkedTxn": [{"TxnId": "404", "TxnType": "Bill"}]}
    with pytest.raises(ServiceFault) as caught:
        company.create("BillPayment", {**bill_payment("1.00", []), "Line": [line]})
    assert code_of(caught) == "620"


def test_a_stale_token_is_5010(company: Company) -> None:
    made = company.create("Bill", bill())
    company.update("Bill", {**bill("11.00"), **key(made)})
    for operation in (company.update, company.delete):
        with pytest.raises(ServiceFault) as caught:
            operation("Bill", {**bill("12.00"), "Id": made.id, "SyncToken": "0"})
        assert code_of(caught) == "5010"
    assert made.body["TotalAmt"] == Decimal("11.00")


def test_names_retire_but_are_not_deleted(company: Company) -> None:
    vendor = company.get("Vendor", "57")
    with pytest.raises(ServiceFault) as caught:
        company.delete("Vendor", key(vendor))
    assert code_of(caught) == "500"
    company.update("Vendor", changed(vendor, Active=False))
    with pytest.raises(ServiceFault) as inactive:
        company.create("Bill", bill(vendor="57"))
    assert code_of(inactive) == "610"


def test_a_job_shows_in_its_parent(company: Company) -> None:
    job = company.create("Customer", {"DisplayName": "Garden", "ParentRef": ref("1"), "Job": True})
    company.create("Invoice", invoice("40.00", customer=job.id))
    parent = company.get("Customer", "1")
    assert job.body["FullyQualifiedName"] == "Amy's Birds:Garden"
    assert (parent.body["Balance"], parent.body["BalanceWithJobs"]) == (0, Decimal("40.00"))


def test_a_sub_account_shows_in_its_parent(company: Company) -> None:
    petty = company.create("Account", {"Name": "Petty cash", "AccountType": "Bank", "ParentRef": ref(CHECKING)})
    move = {"FromAccountRef": ref(CHECKING), "ToAccountRef": ref(petty.id), "Amount": "25.00"}
    company.create("Transfer", move)
    checking = company.get("Account", CHECKING).body
    assert (checking["CurrentBalance"], checking["CurrentBalanceWithSubAccounts"]) == (Decimal("-25.00"), 0)
    assert petty.body["FullyQualifiedName"] == "Checking:Petty cash"


def test_an_unbalanced_journal_entry_is_refused(company: Company) -> None:
    def side(posting_type: str, account_id: str, amount: str) -> dict[str, Any]:
        detail = {"PostingType": posting_type, "AccountRef": ref(account_id)}
        return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    with pytest.raises(ServiceFault) as caught:
        company.create("JournalEntry", {"Line": [side("Debit", RENT, "5.00"), side("Credit", CHECKING, "4.99")]})
    assert code_of(caught) == "6000"
    made = company.create("JournalEntry", {"Line": [side("Debit", RENT, "5.00"), side("Credit", CHECKING, "5.00")]})
    assert [line["Id"] for line in made.body["Line"]] == ["0", "1"]
    assert made.body["TotalAmt"] == Decimal("5.00")


def test_times_are_whole_seconds_with_the_pacific_offset_of_their_day(company: Company, clock: MovableClock) -> None:
    clock.advance(microseconds=900_000)
    winter = company.create("Bill", bill())
    clock.advance(days=30)
    summer = company.create("Bill", bill())
    assert winter.body["MetaData"]["CreateTime"] == "2026-03-02T10:00:00-08:00"
    assert summer.body["MetaData"]["CreateTime"] == "2026-04-01T11:00:00-07:00"
    assert datetime.fromisoformat(summer.body["MetaData"]["CreateTime"]) == datetime(2026, 4, 1, 18, tzinfo=UTC)


def test_income_is_posted_where_the_item_says(company: Company) -> None:
    tax = {
        "TotalTax": Decimal("8.00"),
        "TaxLine": [{"Amount": Decimal("8.00"), "TaxLineDetail": {"TaxRateRef": ref("3")}}],
    }
    made = company.create("Invoice", invoice("100.00", TxnTaxDetail=tax))
    assert made.body["TotalAmt"] == Decimal("108.00")
    assert company.ledger.account_balances[SALES] == Decimal("-100.00")
    assert company.get("Account", "8").body["CurrentBalance"] == Decimal("-8.00")


def test_closed_books_stay_closed(company: Company) -> None:
    old = company.create("Bill", bill(TxnDate="2025-12-31"))
    preferences = company.get("Preferences", "1")
    closing = {"AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"}}
    company.update("Preferences", key(preferences, **closing), sparse=True)
    refusals: list[Callable[[], Record]] = [
        lambda: company.create("Bill", bill(TxnDate="2025-12-31")),
        lambda: company.update("Bill", {**bill(TxnDate="2026-01-01"), **key(old)}),
        lambda: company.delete("Bill", key(old)),
    ]
    for refusal in refusals:
        with pytest.raises(ServiceFault) as caught:
            refusal()
        assert code_of(caught) == "6210"
    company.create("Bill", bill(TxnDate="2026-01-01"))


def test_a_bill_number_may_repeat_unless_the_company_minds(company: Company) -> None:
    company.create("Bill", bill(DocNumber="A1"))
    second = company.create("Bill", bill(DocNumber="A1"))
    warns = {"OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateBillNumber", "Value": True}]}}
    company.update("Preferences", key(company.get("Preferences", "1"), **warns), sparse=True)
    with pytest.raises(ServiceFault) as caught:
        company.create("Bill", bill(DocNumber="A1"))
    assert code_of(caught) == "6140"
    assert company.create("Bill", bill(DocNumber="A1"), allow_duplicate_number=True).id == "3"
    company.update("Bill", {**bill(DocNumber="A2"), **key(second)})


def test_a_refused_update_leaves_the_object_as_it_was(company: Company) -> None:
    owed = company.create("Bill", bill("100.00"))
    company.create("BillPayment", bill_payment("60.00", [(owed, "60.00")]))
    before, ledger = owed.encoded(), company.ledger.trial_balance()
    with pytest.raises(ServiceFault) as caught:
        company.update("Bill", {**bill("59.99"), **key(owed)})
    assert code_of(caught) == "6000"
    owed.forget_encoding()
    assert (owed.encoded(), company.ledger.trial_balance()) == (before, ledger)


def test_a_copy_and_its_original_do_not_see_each_other(company: Company) -> None:
    paid = company.create("Bill", bill("100.00"))
    company.create("BillPayment", bill_payment("40.00", [(paid, "40.00")]))
    twin = company.copy("9130000000000009")
    shown = {key: record.encoded() for key, record in twin.stores["Vendor"].records.items()}
    company.create("BillPayment", bill_payment("60.00", [(paid, "60.00")]))
    assert {key: record.encoded() for key, record in twin.stores["Vendor"].records.items()} == shown
    assert (paid.body["Balance"], twin.get("Bill", paid.id).body["Balance"]) == (0, 60)
    copied = twin.get("Bill", paid.id)
    assert len(twin.get("Bill", paid.id).body["LinkedTxn"]) == 1
    twin.create("BillPayment", bill_payment("10.00", [(copied, "10.00")]))
    assert (paid.body["Balance"], copied.body["Balance"]) == (0, 50)
    assert twin.ledger.trial_balance() != company.ledger.trial_balance()
