"""Refusals that hang on the company's settings or on the accounts named, and credits that apply themselves."""

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.faults import ServiceFault
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    RECEIVABLE,
    RENT,
    SALES,
    VISA,
    bill,
    bill_payment,
    changed,
    invoice,
    payment,
    ref,
)


def key(record: Record, **fields: Any) -> dict[str, Any]:
    return {"Id": record.id, "SyncToken": record.body["SyncToken"], **fields}


def prefer(company: Company, **groups: Any) -> None:
    company.update("Preferences", key(company.get("Preferences", "1"), **groups), sparse=True)


def journal(*sides: tuple[str, str, str, dict[str, Any] | None]) -> dict[str, Any]:
    lines = []
    for posting_type, account_id, amount, entity in sides:
        detail: dict[str, Any] = {"PostingType": posting_type, "AccountRef": ref(account_id)}
        if entity:
            detail["Entity"] = entity
        lines.append({"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail})
    return {"Line": lines}


def vendor(identifier: str = "56") -> dict[str, Any]:
    return {"Type": "Vendor", "EntityRef": ref(identifier)}


def priced(quantity: Any, price: Any, amount: Any) -> dict[str, Any]:
    body = invoice(amount)
    body["Line"][0]["SalesItemLineDetail"] |= {"Qty": quantity, "UnitPrice": price}
    return body


def check_from(account_id: str) -> dict[str, Any]:
    return {**bill_payment("1.00", []), "CheckPayment": {"BankAccountRef": ref(account_id)}}


def spent_from(account_id: str, payment_type: str) -> dict[str, Any]:
    return {"PaymentType": payment_type, "AccountRef": ref(account_id), "Line": bill()["Line"]}


@pytest.mark.parametrize(
    ("entity", "body", "code"),
    [
        ("Bill", bill(TxnDate="soon"), "2010"),
        ("Bill", bill(TxnDate="2026-02-30"), "2010"),
        ("Bill", bill("1e400"), "2090"),
        ("Bill", bill(PrivateNote="x" * 4001), "2050"),
        ("Vendor", {"DisplayName": "x" * 501}, "2050"),
        ("Vendor", {"DisplayName": "V", "BillAddr": {"City": "x" * 256}}, "2050"),
        ("Vendor", {"DisplayName": "V", "Active": "perhaps"}, "2010"),
        ("Invoice", invoice(EmailStatus="Gone"), "2170"),
        ("Invoice", priced(3, "10.00", "31.00"), "6070"),
        ("BillPayment", check_from(VISA), "6000"),
        ("Purchase", spent_from(CHECKING, "CreditCard"), "6000"),
        ("Purchase", {**spent_from(CHECKING, "Check"), "EntityRef": {"value": "404", "type": "Vendor"}}, "2500"),
        ("Account", {"Name": "Below", "ParentRef": ref("404")}, "2500"),
        ("JournalEntry", journal(("Debit", RENT, "5", None), ("Credit", PAYABLE, "5", None)), "6000"),
        ("JournalEntry", journal(("Debit", RECEIVABLE, "5", vendor()), ("Credit", SALES, "5", None)), "6000"),
    ],
)
def test_a_refused_create_leaves_no_trace(company: Company, entity: str, body: dict[str, Any], code: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        company.create(entity, body)
    assert (caught.value.code, company.ledger.trial_balance()) == (code, {})


def test_scalars_of_a_kindred_type_are_taken(company: Company) -> None:
    made = company.create("Bill", bill(DocNumber=17, TxnDate="2026-01-15T08:00:00-08:00", PrivateNote=""))
    assert (made.body["DocNumber"], made.body["TxnDate"], "PrivateNote" in made.body) == ("17", "2026-01-15", False)
    assert company.create("Invoice", priced(3, "3.333", "10.00")).body["TotalAmt"] == Decimal("10.00")


def test_a_journal_entry_can_be_owed_and_paid(company: Company) -> None:
    entry = company.create(
        "JournalEntry", journal(("Debit", RENT, "50.00", None), ("Credit", PAYABLE, "50.00", vendor()))
    )
    assert company.get("Vendor", "56").body["Balance"] == Decimal(50)
    line = {"Amount": "30.00", "LinkedTxn": [{"TxnId": entry.id, "TxnType": "JournalEntry"}]}
    company.create("BillPayment", {**bill_payment("30.00", []), "Line": [line]})
    assert company.get("Vendor", "56").body["Balance"] == Decimal(20)
    with pytest.raises(ServiceFault) as caught:
        company.create("BillPayment", {**bill_payment("30.00", []), "Line": [line]})
    assert caught.value.code == "6000"


def test_a_card_refund_lowers_the_card_s_debt(company: Company) -> None:
    company.create("Purchase", spent_from(VISA, "CreditCard"))
    company.create("Purchase", {**spent_from(VISA, "CreditCard"), "Credit": True})
    assert company.ledger.trial_balance() == {}


def test_cash_back_is_taken_from_a_deposit(company: Company) -> None:
    petty = company.create("Account", {"Name": "Petty", "AccountType": "Bank"})
    line = {"Amount": "100.00", "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": ref(SALES)}}
    back = {"AccountRef": ref(petty.id), "Amount": "30.00"}
    made = company.create("Deposit", {"DepositToAccountRef": ref(CHECKING), "Line": [line], "CashBack": back})
    assert made.body["TotalAmt"] == Decimal("70.00")
    assert company.ledger.trial_balance() == {CHECKING: 70, petty.id: 30, SALES: -100}


def test_credits_apply_themselves_where_the_company_wants_it(company: Company) -> None:
    prefer(company, SalesFormsPrefs={"AutoApplyCredit": True})
    older = company.create("Invoice", invoice("60.00", TxnDate="2026-01-01"))
    newer = company.create("Invoice", invoice("60.00", TxnDate="2026-02-01"))
    memo = company.create("CreditMemo", invoice("100.00"))
    assert [older.body["Balance"], newer.body["Balance"], memo.body["RemainingCredit"]] == [0, 20, 0]
    (joined,) = company.stores["Payment"].records.values()
    assert (joined.body["TotalAmt"], joined.body["UnappliedAmt"]) == (0, 0)
    assert "LinkedTxn" not in memo.body
    assert company.get("Customer", "1").body["Balance"] == 20


def test_credits_wait_where_it_does_not(company: Company) -> None:
    company.create("Invoice", invoice("60.00"))
    memo = company.create("CreditMemo", invoice("100.00"))
    assert memo.body["RemainingCredit"] == 100


def test_a_memo_is_used_through_a_payment(company: Company) -> None:
    owed, memo = company.create("Invoice", invoice("100.00")), company.create("CreditMemo", invoice("30.00"))
    made = company.create("Payment", payment("80.00", [(owed, "100.00"), (memo, "30.00")]))
    assert (owed.body["Balance"], memo.body["Balance"], made.body["UnappliedAmt"]) == (0, 0, 10)


def test_a_plan_without_bills_says_so(company: Company) -> None:
    info = company.get("CompanyInfo", "1")
    pairs = [{"Name": "OfferingSku", "Value": "QuickBooks Online Simple Start"}]
    info.body["NameValue"] = pairs
    with pytest.raises(ServiceFault) as caught:
        company.create("Bill", bill())
    assert caught.value.code == "5020"
    company.create("Invoice", invoice())


@pytest.mark.parametrize(("setting", "count"), [("always", 1), ("preference", 2), ("never", 2)])
def test_duplicate_numbers_are_a_switch(company: Company, setting: str, count: int) -> None:
    company.behaviour = Behaviour().changed({"duplicate_numbers": setting})
    company.create("Bill", bill(DocNumber="A1"))
    with nullcontext() if count > 1 else pytest.raises(ServiceFault, match="6140"):
        company.create("Bill", bill(DocNumber="A1"))
    assert len(company.stores["Bill"].records) == count


def test_bills_are_sparse_by_a_switch_alone(company: Company) -> None:
    made = company.create("Bill", bill("10.00", PrivateNote="keep?"))
    with pytest.raises(ServiceFault) as caught:
        company.update("Bill", key(made, DocNumber="7"), sparse=True)
    assert caught.value.code == "2020"
    company.behaviour = Behaviour(bill_sparse=True)
    company.update("Bill", key(made, DocNumber="7"), sparse=True)
    assert (made.body["DocNumber"], made.body["PrivateNote"], made.body["TotalAmt"]) == ("7", "keep?", Decimal(10))


def test_a_sparse_update_blanks_what_is_sent_empty(company: Company) -> None:
    made = company.create("Invoice", invoice(PrivateNote="old", CustomerMemo={"value": "thanks"}))
    company.update("Invoice", key(made, PrivateNote="", CustomerMemo=None), sparse=True)
    assert made.body.keys().isdisjoint({"PrivateNote", "CustomerMemo"})
    company.update("Invoice", changed(made, PrivateNote="new"))
    assert made.body["PrivateNote"] == "new"


def test_preferences_change_by_their_parts(company: Company) -> None:
    prefer(company, SalesFormsPrefs={"CustomTxnNumbers": True})
    body = company.get("Preferences", "1").body
    assert (body["SalesFormsPrefs"]["CustomTxnNumbers"], body["SalesFormsPrefs"]["AllowEstimates"]) == (True, True)
    assert "DocNumber" not in company.create("Invoice", invoice()).body


def test_tax_lines_make_the_total(company: Company) -> None:
    detail = {"PercentBased": True, "TaxPercent": 8, "NetAmountTaxable": Decimal("275.00"), "TaxRateRef": ref("3")}
    made = company.create("Invoice", invoice("275.00", TxnTaxDetail={"TaxLine": [{"TaxLineDetail": detail}]}))
    assert (made.body["TotalAmt"], made.body["TxnTaxDetail"]["TotalTax"]) == (Decimal("297.00"), Decimal("22.00"))
