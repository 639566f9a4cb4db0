"""Inactive, renamed and merged list objects."""

from datetime import date
from decimal import Decimal

import pytest

from infra import exact_json
from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.books.merges import merge
from infra.qbo.simulator.faults import ServiceFault
from infra.qbo.simulator.files.generator import generate_large
from infra.qbo.simulator.files.large_company import LargeCompany
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    RENT,
    MovableClock,
    bill,
    bill_payment,
    changed,
    invoice,
    ref,
)


def test_a_retired_vendor_shows_it_and_frees_its_name(company: Company) -> None:
    vendor = company.get("Vendor", "57")
    owed = company.create("Bill", bill(vendor="57"))
    stamp = dict(owed.body["MetaData"])
    company.update("Vendor", changed(vendor, Active=False))
    assert vendor.body["DisplayName"] == "Books by Bessie (deleted)"
    assert (owed.body["VendorRef"]["name"], owed.body["MetaData"]) == ("Books by Bessie (deleted)", stamp)
    again = company.create("Vendor", {"DisplayName": "Books by Bessie"})
    company.update("Vendor", changed(again, Active=False))
    assert again.body["DisplayName"] == "Books by Bessie (deleted-1)"
    company.update("Vendor", changed(vendor, Active=True))
    assert vendor.body["DisplayName"] == owed.body["VendorRef"]["name"] == "Books by Bessie"


def test_a_retired_name_comes_back_only_while_its_name_is_free(company: Company) -> None:
    vendor = company.get("Vendor", "57")
    company.update("Vendor", changed(vendor, Active=False))
    company.create("Customer", {"DisplayName": "Books by Bessie"})
    with pytest.raises(ServiceFault) as caught:
        company.update("Vendor", changed(vendor, Active=True))
    assert (caught.value.code, vendor.is_active) == ("6240", False)


@pytest.mark.parametrize("code", ["610", "2500"])
def test_the_code_of_an_inactive_reference_is_a_switch(company: Company, code: str) -> None:
    company.behaviour = Behaviour().changed({"inactive_reference": code})
    company.update("Vendor", changed(company.get("Vendor", "57"), Active=False))
    with pytest.raises(ServiceFault) as caught:
        company.create("Bill", bill(vendor="57"))
    assert caught.value.code == code


def test_a_new_name_shows_wherever_it_is_referred_to(company: Company, clock: MovableClock) -> None:
    job = company.create("Customer", {"DisplayName": "Garden", "ParentRef": ref("1")})
    sold = company.create("Invoice", invoice(customer=job.id))
    clock.advance(hours=1)
    company.update("Customer", changed(company.get("Customer", "1"), DisplayName="Amy"))
    assert (job.body["FullyQualifiedName"], sold.body["CustomerRef"]["name"]) == ("Amy:Garden", "Amy:Garden")
    assert (sold.body["SyncToken"], sold.updated < company.get("Customer", "1").updated) == ("0", True)


def test_a_job_tells_its_level_and_cannot_be_its_own_parent(company: Company) -> None:
    job = company.create("Customer", {"DisplayName": "Garden", "ParentRef": ref("1")})
    below = company.create("Customer", {"DisplayName": "Pond", "ParentRef": ref(job.id)})
    assert (job.body["Level"], below.body["Level"], job.body["Job"]) == (1, 2, True)
    with pytest.raises(ServiceFault) as caught:
        company.update("Customer", changed(job, ParentRef=ref(below.id)))
    assert caught.value.code == "2500"


def test_merged_vendors_share_their_bills(company: Company, clock: MovableClock) -> None:
    first, second = (
        company.create("Bill", bill("10.00", vendor="56")),
        company.create("Bill", bill("5.00", vendor="57")),
    )
    company.create("BillPayment", bill_payment("2.00", [(second, "2.00")], vendor="57"))
    token, stamp = second.body["SyncToken"], dict(second.body["MetaData"])
    clock.advance(hours=1)
    survivor = merge(company, "Vendor", loser_id="57", survivor_id="56")
    assert survivor.body["Balance"] == Decimal("13.00")
    assert second.body["VendorRef"] == first.body["VendorRef"] == {"value": "56", "name": "Norton Lumber"}
    assert (second.body["SyncToken"], second.body["MetaData"]) == (token, stamp)
    loser = company.get("Vendor", "57")
    assert (loser.is_active, loser.body["Balance"], loser.body["DisplayName"]) == (
        False,
        0,
        "Books by Bessie (deleted)",
    )


def test_merged_accounts_share_their_postings(company: Company) -> None:
    other = company.create("Account", {"Name": "Offices", "AccountType": "Expense"})
    company.create("Bill", bill("10.00"))
    merge(company, "Account", loser_id=RENT, survivor_id=other.id)
    assert company.ledger.trial_balance() == {PAYABLE: Decimal("-10.00"), other.id: Decimal("10.00")}


@pytest.mark.parametrize(("loser", "survivor"), [(RENT, CHECKING), (PAYABLE, PAYABLE), (RENT, RENT)])
def test_accounts_that_cannot_be_merged_stay(company: Company, loser: str, survivor: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        merge(company, "Account", loser_id=loser, survivor_id=survivor)
    assert (caught.value.code, company.get("Account", loser).is_active) == ("6000", True)


def test_jobs_move_to_the_survivor(company: Company) -> None:
    job = company.create("Customer", {"DisplayName": "Garden", "ParentRef": ref("1")})
    company.create("Invoice", invoice("40.00", customer=job.id))
    survivor = merge(company, "Customer", loser_id="1", survivor_id="2")
    assert (job.body["FullyQualifiedName"], job.body["Balance"]) == ("Bill's Surf:Garden", Decimal("40.00"))
    assert survivor.body["BalanceWithJobs"] == Decimal("40.00")
    assert company.get("Customer", "1").body["BalanceWithJobs"] == 0


def test_a_merge_is_shown_by_every_document_of_a_company_whose_file_shares_its_refs(clock: MovableClock) -> None:
    file = generate_large(LargeCompany(bills=30, vendors=3, invoices=5, customers=1, months=3), today=date(2026, 3, 2))
    company = load_company(file, clock=clock)
    documents = {kind: company.stores[kind].records.values() for kind in ("Bill", "BillPayment", "Invoice")}
    moved = [one.id for one in documents["Bill"] if one.body["VendorRef"]["value"] == "1"]
    untouched = [one.encoded() for one in documents["Invoice"]]
    assert len(moved) > 1
    assert all(one.encoded() for kind in documents.values() for one in kind)
    survivor = merge(company, "Vendor", loser_id="1", survivor_id="2")
    for kind in ("Bill", "BillPayment"):
        for one in documents[kind]:
            shown = exact_json.loads(one.encoded())
            assert shown["VendorRef"] == one.body["VendorRef"]
            assert shown["VendorRef"]["value"] != "1"
    repointed = [company.get("Bill", number).body["VendorRef"] for number in moved]
    assert repointed == [{"value": "2", "name": survivor.body["DisplayName"]}] * len(moved)
    assert [one.encoded() for one in documents["Invoice"]] == untouched
    owed = sum((one.body["Balance"] for one in documents["Bill"]), start=Decimal(0))
    assert (
        company.stores["Vendor"].records["2"].body["Balance"] + company.stores["Vendor"].records["3"].body["Balance"]
        == owed
    )
