"""What a ledger has beside a document goes with it; what a document leads to must be there."""

from datetime import date
from decimal import Decimal

import pytest

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.files.company_file import CompanyTransaction, LedgerEntry, LedgerPosting
from tests.unit.infra.qbo.simulator.small_company import (
    RENT,
    SALES,
    UNDEPOSITED,
    MovableClock,
    bill,
    changed,
    invoice,
    make_file,
    ref,
)


def sold(*, ledger_id: str = "7") -> Company:
    """Invoice 7 over 100, and 40 beside it from one account (its stock) to another (its cost)."""
    body = invoice(Id="7", TxnDate="2026-02-01")
    cost = LedgerEntry(
        type="Invoice",
        id=ledger_id,
        txn_on=date(2026, 2, 1),
        postings=[
            LedgerPosting(account_id=RENT, debit=Decimal(40)),
            LedgerPosting(account_id=UNDEPOSITED, credit=Decimal(40)),
        ],
    )
    file = make_file([CompanyTransaction(entity="Invoice", body=body)]).model_copy(update={"ledger": [cost]})
    return load_company(file, clock=MovableClock())


@pytest.mark.parametrize("verb", ["void", "delete"])
def test_the_cost_of_what_was_sold_is_taken_back(verb: str) -> None:
    company = sold()
    assert company.ledger.trial_balance()[RENT] == Decimal(40)
    at_first = company.get("Account", UNDEPOSITED).body["CurrentBalance"]
    getattr(company, verb)("Invoice", {"Id": "7", "SyncToken": "0"})
    assert company.ledger.trial_balance() == {}
    assert (at_first, company.get("Account", UNDEPOSITED).body["CurrentBalance"]) == (Decimal(-40), Decimal(0))


def test_an_entry_that_is_not_the_document_s_stays() -> None:
    company = sold(ledger_id="8")
    company.delete("Invoice", {"Id": "7", "SyncToken": "0"})
    assert company.ledger.trial_balance() == {RENT: Decimal(40), UNDEPOSITED: Decimal(-40)}


def test_an_update_keeps_its_inactive_vendor_and_takes_no_new_one(company: Company) -> None:
    owed, other = company.create("Bill", bill(vendor="57")), company.create("Bill", bill(vendor="56"))
    company.update("Vendor", changed(company.get("Vendor", "57"), Active=False))
    company.update("Bill", changed(owed, PrivateNote="still theirs"))
    with pytest.raises(ServiceFault) as caught:
        company.update("Bill", changed(other, VendorRef=ref("57")))
    assert (caught.value.code, other.body["SyncToken"]) == ("610", "0")


def test_a_line_leads_to_an_active_account(company: Company) -> None:
    spare = company.create("Account", {"Name": "Spare", "AccountType": "Expense"})
    company.update("Account", changed(spare, Active=False))
    body = bill()
    body["Line"][0]["AccountBasedExpenseLineDetail"]["AccountRef"] = ref(spare.id)
    with pytest.raises(ServiceFault, match="610"):
        company.create("Bill", body)
    body["Line"][0]["AccountBasedExpenseLineDetail"]["AccountRef"] = ref(SALES)
    assert company.create("Bill", body).body["TotalAmt"] == Decimal(100)
