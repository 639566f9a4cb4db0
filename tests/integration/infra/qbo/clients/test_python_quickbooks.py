"""python-quickbooks and intuit-oauth, which nobody here wrote, do their whole work on the simulator."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks, exceptions
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.objects.bill import Bill
from quickbooks.objects.billpayment import BillPayment
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.customer import Customer
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.payment import Payment
from quickbooks.objects.preferences import Preferences
from quickbooks.objects.salesreceipt import SalesReceipt
from quickbooks.objects.vendor import Vendor

from infra.qbo.simulator.server import SimulatorInfo
from tests.integration.infra.qbo.clients.python_quickbooks_objects import (
    LISTS,
    TRANSACTIONS,
    Kind,
    bill,
    bill_payment,
    fill,
    invoice,
    payment,
    ref,
    unique,
)
from tests.unit.infra.qbo.simulator.small_company import REALM

EVERY_KIND = pytest.mark.parametrize("kind", LISTS + TRANSACTIONS, ids=lambda kind: kind.name)
EVERY_TRANSACTION = pytest.mark.parametrize("kind", TRANSACTIONS, ids=lambda kind: kind.name)


def _consent(auth: Any) -> dict[str, str]:
    """What the browser brings back after the user pressed Connect on the page at the authorize URL."""
    url = auth.get_authorization_url([Scopes.ACCOUNTING])
    page = httpx.get(url)
    assert page.status_code == 200
    form = dict(parse_qsl(urlsplit(url).query)) | {"action": "connect", "realm_id": REALM}
    back = httpx.post(auth.auth_endpoint, data=form)
    assert back.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}


def test_a_user_connects_and_the_tokens_work_until_they_are_revoked(auth: Any) -> None:
    answer = _consent(auth)
    assert answer["state"] == auth.state_token
    auth.get_bearer_token(answer["code"], realm_id=answer["realmId"])
    assert auth.expires_in == 3600
    assert auth.x_refresh_token_expires_in > 86_400

    first = auth.access_token
    auth.refresh()
    assert auth.access_token != first
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=REALM, minorversion=75)
    assert CompanyInfo.get(REALM, qb=client).CompanyName == "Small Works"

    assert auth.revoke()
    with pytest.raises(AuthClientError) as refused:
        auth.refresh()
    assert refused.value.status_code == 400
    assert json.loads(refused.value.content)["error"] == "invalid_grant"
    with pytest.raises(exceptions.AuthorizationException):
        CompanyInfo.get(REALM, qb=client)


def test_a_client_without_an_access_token_fetches_one_itself(auth: Any) -> None:
    auth.get_bearer_token(_consent(auth)["code"], realm_id=REALM)
    auth.access_token = None
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=REALM, minorversion=75)
    assert Vendor.count(qb=client) >= 2


def test_a_code_works_once(auth: Any) -> None:
    code = _consent(auth)["code"]
    auth.get_bearer_token(code, realm_id=REALM)
    with pytest.raises(AuthClientError) as refused:
        auth.get_bearer_token(code, realm_id=REALM)
    assert refused.value.intuit_tid


@EVERY_KIND
def test_what_is_saved_is_read_back_and_found(qb: Any, kind: Kind) -> None:
    before = kind.cls.count(qb=qb)
    made = kind.make(qb)
    saved = made.save(qb=qb)
    assert made.Id == saved.Id
    assert saved.SyncToken == "0"
    if kind.total:
        assert float(getattr(saved, kind.total)) == 100

    read = kind.cls.get(saved.Id, qb=qb)
    assert read.to_dict() == saved.to_dict()
    assert kind.cls.count(qb=qb) == before + 1
    found = kind.cls.filter(Id=saved.Id, qb=qb)
    assert [other.to_dict() for other in found] == [read.to_dict()]
    assert [other.Id for other in kind.cls.where(f"Id = '{saved.Id}'", order_by="Id DESC", qb=qb)] == [saved.Id]
    assert [other.Id for other in kind.cls.choose([saved.Id], field="Id", qb=qb)] == [saved.Id]
    assert saved.Id in [other.Id for other in kind.cls.all(order_by="Id", max_results=1000, qb=qb)]


@EVERY_KIND
def test_a_full_update_moves_the_sync_token_and_a_stale_one_is_refused(qb: Any, kind: Kind) -> None:
    saved = kind.make(qb).save(qb=qb)
    stale = kind.cls.get(saved.Id, qb=qb)
    text = unique("changed")
    updated = fill(saved, **{kind.note: text}).save(qb=qb)
    assert getattr(updated, kind.note) == text
    assert updated.SyncToken == "1"
    assert updated.Id == stale.Id
    with pytest.raises(exceptions.QuickbooksException) as refused:
        fill(stale, **{kind.note: unique("lost")}).save(qb=qb)
    assert refused.value.error_code == 5010
    assert getattr(kind.cls.get(saved.Id, qb=qb), kind.note) == text


@EVERY_TRANSACTION
def test_what_is_deleted_is_gone(qb: Any, kind: Kind) -> None:
    saved = kind.make(qb).save(qb=qb)
    answer = saved.delete(qb=qb)
    assert answer[kind.name]["status"] == "Deleted"
    assert answer[kind.name]["Id"] == saved.Id
    with pytest.raises(exceptions.ObjectNotFoundException) as gone:
        kind.cls.get(saved.Id, qb=qb)
    assert gone.value.error_code == 610
    assert kind.cls.filter(Id=saved.Id, qb=qb) == []


@EVERY_KIND
def test_a_request_id_makes_one_object(qb: Any, kind: Kind) -> None:
    made, request = kind.make(qb), unique("request")
    before = kind.cls.count(qb=qb)
    first = made.save(qb=qb, request_id=request)
    made.Id = None
    again = made.save(qb=qb, request_id=request)
    assert again.Id == first.Id
    assert kind.cls.count(qb=qb) == before + 1


@pytest.mark.parametrize("kind", LISTS, ids=lambda kind: kind.name)
def test_a_name_is_retired_not_deleted(qb: Any, kind: Kind) -> None:
    saved = kind.make(qb).save(qb=qb)
    retired = fill(saved, Active=False).save(qb=qb)
    assert retired.Active is False
    assert kind.cls.filter(Id=saved.Id, qb=qb) == []  # inactive ones are shown when asked for
    assert len(kind.cls.filter(Id=saved.Id, Active=False, qb=qb)) == 1


def test_a_voided_invoice_keeps_its_place_at_nothing(qb: Any) -> None:
    saved = invoice().save(qb=qb)
    answer = saved.void(qb=qb)
    assert answer["Invoice"]["TotalAmt"] == 0
    assert "Voided" in Invoice.get(saved.Id, qb=qb).PrivateNote


@pytest.mark.parametrize("cls", [Payment, BillPayment, SalesReceipt], ids=lambda cls: str(cls.qbo_object_name))
def test_a_void_by_update_and_include(qb: Any, cls: Any) -> None:
    [kind] = [kind for kind in TRANSACTIONS if kind.cls is cls]
    saved = kind.make(qb).save(qb=qb)
    saved.void(qb=qb)
    voided = cls.get(saved.Id, qb=qb)
    assert voided.TotalAmt == 0
    assert "Voided" in voided.PrivateNote


def test_paying_moves_balances_and_links_both_sides(qb: Any) -> None:
    paid = bill_payment(qb, 40).save(qb=qb)
    linked = Bill.get(paid.Line[0].LinkedTxn[0].TxnId, qb=qb)
    assert linked.Balance == 0
    assert linked.LinkedTxn[0].TxnId == paid.Id
    received = payment(qb, 60).save(qb=qb)
    assert received.UnappliedAmt == 0
    assert Invoice.get(received.Line[0].LinkedTxn[0].TxnId, qb=qb).Balance == 0


def test_amounts_are_exact_where_the_client_asks_for_decimals(qb: Any) -> None:
    qb.use_decimal = True
    saved = bill(Decimal("1234.56")).save(qb=qb)
    assert Bill.get(saved.Id, qb=qb).TotalAmt == Decimal("1234.56")


def test_filters_orders_and_pages(qb: Any) -> None:
    word = unique("Paged").replace(" ", "")
    names = [f"{word} {letter}" for letter in "ABC"]
    for name in names:
        fill(Vendor(), DisplayName=name).save(qb=qb)
    like = f"DisplayName LIKE '{word}%'"
    assert Vendor.count(like, qb=qb) == 3
    ordered = Vendor.where(like, order_by="DisplayName DESC", start_position=2, max_results=2, qb=qb)
    assert [vendor.DisplayName for vendor in ordered] == [names[1], names[0]]
    assert [v.DisplayName for v in Vendor.choose(names[:2], field="DisplayName", qb=qb)] == names[:2]
    assert len(Vendor.filter(Active=True, DisplayName=names[0], qb=qb)) == 1


def test_an_apostrophe_is_found(qb: Any) -> None:
    assert [c.DisplayName for c in Customer.where(r"DisplayName = 'Amy\'s Birds'", qb=qb)] == ["Amy's Birds"]


def test_changes_since_name_the_changed_and_the_deleted(qb: Any) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
    kept, dropped = bill().save(qb=qb), invoice().save(qb=qb)
    dropped.delete(qb=qb)
    changes = change_data_capture([Bill, Invoice, Item], since, qb=qb)
    assert kept.Id in [changed.Id for changed in changes.Bill]
    assert {"Deleted"} == {changed.status for changed in changes.Invoice if changed.Id == dropped.Id}


def test_a_batch_creates_updates_deletes_and_tells_of_each_failure(qb: Any) -> None:
    taken = unique("Vendor")
    made = batch_create([fill(Vendor(), DisplayName=taken), fill(Vendor(), DisplayName="Norton Lumber")], qb=qb)
    assert [vendor.DisplayName for vendor in made.successes] == [taken]
    assert [fault.Error[0].code for fault in made.faults] == ["6240"]

    updated = batch_update([fill(made.successes[0], CompanyName="Updated")], qb=qb)
    assert [vendor.SyncToken for vendor in updated.successes] == ["1"]
    bills = [bill(10).save(qb=qb), bill(20).save(qb=qb)]
    deleted = batch_delete(bills, qb=qb)
    assert [each.status for each in deleted.successes] == ["Deleted", "Deleted"]
    assert Bill.choose([each.Id for each in bills], qb=qb) == []


def test_a_batch_longer_than_the_limit_is_sent_in_parts(qb: Any) -> None:
    made = batch_create([fill(Customer(), DisplayName=unique(f"Customer {n}")) for n in range(31)], qb=qb)
    assert len(made.successes) == 31
    assert made.faults == []


@pytest.mark.parametrize(
    "report",
    [
        "AgedPayables",
        "AgedPayableDetail",
        "AgedReceivables",
        "AgedReceivableDetail",
        "BalanceSheet",
        "ProfitAndLoss",
        "TrialBalance",
        "CashFlow",
        "GeneralLedger",
    ],
)
def test_reports_have_their_three_parts(qb: Any, report: str) -> None:
    bill().save(qb=qb)
    answer = qb.get_report(report, {"accounting_method": "Accrual"})
    assert set(answer) == {"Header", "Columns", "Rows"}
    assert answer["Header"]["ReportName"] == report
    assert answer["Columns"]["Column"]


def test_the_company_and_its_preferences(qb: Any) -> None:
    assert CompanyInfo.get(REALM, qb=qb).Country == "US"
    assert [info.CompanyName for info in CompanyInfo.all(qb=qb)] == ["Small Works"]
    preferences = Preferences.get(qb=qb)
    assert preferences.CurrencyPrefs.HomeCurrency.value == "USD"
    before = int(preferences.SyncToken)
    assert int(preferences.save(qb=qb).SyncToken) > before


def test_a_pdf_and_a_mail(qb: Any) -> None:
    saved = invoice().save(qb=qb)
    assert saved.download_pdf(qb=qb).startswith(b"%PDF")
    answer = saved.send(qb=qb, send_to="amy@example.com")
    assert answer["Invoice"]["EmailStatus"] == "EmailSent"
    assert answer["Invoice"]["BillEmail"]["Address"] == "amy@example.com"


def test_each_refusal_arrives_as_its_own_class(qb: Any) -> None:
    with pytest.raises(exceptions.ObjectNotFoundException):
        Bill.get("999999", qb=qb)
    with pytest.raises(exceptions.ValidationException) as unnamed:
        Bill().save(qb=qb)
    assert unnamed.value.error_code == 2020
    with pytest.raises(exceptions.ValidationException) as dangling:
        fill(bill(), VendorRef=ref("999999")).save(qb=qb)
    assert dangling.value.error_code == 2500
    with pytest.raises(exceptions.ValidationException) as unread:
        Bill.query("select * from Bill where", qb=qb)
    assert unread.value.error_code == 4000
    with pytest.raises(exceptions.QuickbooksException) as twice:
        fill(Vendor(), DisplayName="Norton Lumber").save(qb=qb)
    assert twice.value.error_code == 6240


def test_an_access_token_that_has_ended_is_refused_and_a_refresh_helps(aimed: SimulatorInfo, auth: Any) -> None:
    auth.get_bearer_token(_consent(auth)["code"], realm_id=REALM)
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=REALM, minorversion=75)
    httpx.post(f"{aimed.base_url}/admin/clock", json={"advance_seconds": 3700}).raise_for_status()
    with pytest.raises(exceptions.AuthorizationException) as ended:
        Vendor.count(qb=client)
    assert ended.value.error_code == 401
    auth.refresh()
    fresh = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=REALM, minorversion=75)
    assert Vendor.count(qb=fresh) >= 2
