"""Every sample beside what the simulator answers.

TABLE names each file with its comparisons, or with the reason why there is nothing to compare.
"""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from infra.qbo.simulator.behaviour import Behaviour
from infra.qbo.simulator.books.loading import load_company
from tests.unit.infra.qbo.simulator.sample_checks import (
    Check,
    answer,
    around,
    batch,
    books_of,
    changes_of_two,
    cloud_event,
    deleted_bill,
    deleted_payment,
    documents,
    got,
    legacy_event,
    posted,
    refusing,
    report,
    sent,
    throttled,
    tokens,
    troubled,
)
from tests.unit.infra.qbo.simulator.sample_documents import SAMPLES, Books, documents_in, read_sample
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock, make_file

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the published samples are not beside this checkout")


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    clock = MovableClock()
    async with books_of(load_company(make_file(), clock=clock), clock) as made:
        yield made


_2016: Final = Behaviour(aged_detail_form="titled")
_YEAR: Final = {"start_date": "2025-01-01"}
_CHANGES: Final = {"entities": "Bill,BillPayment,Invoice,Payment", "changedSince": "2026-03-01T00:00:00Z"}

TABLE: Final[dict[str, Check | tuple[Check, ...] | str]] = {
    "account": documents,
    "account_create_request": sent(entity="Account"),
    "account_query": documents,
    "aged_payable_detail_real": report("AgedPayableDetail", {}),
    "aged_payable_detail_report": report("AgedPayableDetail", {"columns": "vend_name,due_date"}, behaviour=_2016),
    "aged_payables_report": report("AgedPayables", {}),
    "aged_receivable_detail_report": report("AgedReceivableDetail", {"columns": "cust_name,due_date"}, behaviour=_2016),
    "aged_receivables_report": report("AgedReceivables", {"customer": "1", "date_macro": "Today"}),
    "balance_sheet_by_month": report("BalanceSheet", {}),
    "batch_request": batch,
    "batch_response": (documents, batch),
    "bill": (documents, around("bill/1")),
    "bill_create_request": sent(entity="Bill"),
    "bill_create_response": documents,
    "billpayment_check": documents,
    "billpayment_create_request": sent(entity="BillPayment"),
    "billpayment_creditcard": documents,
    "billpayment_void_request": "Id and SyncToken alone; test_simulator_surface.py voids with such a body",
    "billpayment_void_response": documents,
    "cash_flow": report("CashFlow", _YEAR, newer=(".Header.Option", ".Columns.Column.MetaData")),
    "cdc_deleted_payment": answer(deleted_payment),
    "cdc_response": changes_of_two,
    "cdc_response_bills": (documents, around("cdc", **_CHANGES)),
    "companyinfo": (documents, around(f"companyinfo/{REALM}")),
    "craigs_transactions": "a ledger that the simulator reads; test_ledger_file.py",
    "creditmemo": documents,
    "customer": documents,
    "customer_query": documents,
    "customer_sparse_update_request": sent(entity="Customer"),
    "customer_sparse_update_response": documents,
    "delete_response": answer(deleted_bill, of="Bill"),
    "deposit": documents,
    "fault_auth_100_401": answer(refusing("100")),
    "fault_auth_3100_403": answer(got("http://simulator/v3/company/1/companyinfo/1")),
    "fault_auth_3200_401": answer(got("vendor/56", authorization="Bearer short")),
    "fault_auth_3200_401_expired": answer(got("vendor/56", authorization=f"Bearer {'x' * 60}")),
    "fault_duplicate_name": answer(posted("vendor", {"DisplayName": "Norton Lumber"})),
    "fault_object_not_found": answer(got("bill/999")),
    "fault_query_validation": answer(got("query?query=select * from Bill startposition 0")),
    "fault_stale": answer(posted("vendor", {"Id": "56", "SyncToken": "9", "DisplayName": "X"})),
    "fault_system_10000": answer(troubled({"status": 500})),
    "fault_throttle_429": throttled,
    "fault_unsupported_operation_500": answer(got("bill")),
    "fault_wrong_cluster_130_401": answer(refusing("130")),
    "general_ledger": report("GeneralLedger", _YEAR),
    "invoice": documents,
    "invoice_send_response": documents,
    "item": documents,
    "journalentry": documents,
    "oauth_error_invalid_grant": answer(lambda books: books.refresh("unknown")),
    "oauth_token": answer(tokens),
    "openid_configuration_production": answer(got("http://simulator/.well-known/openid_configuration")),
    "payment": documents,
    "payment_create_request": sent(entity="Payment"),
    "payment_partially_applied": documents,
    "payment_void_response": documents,
    "preferences": documents,
    "profit_and_loss": report("ProfitAndLoss", _YEAR),
    "purchase": documents,
    "purchase_check": documents,
    "query_accounts": (documents, around("query", query="select * from Account")),
    "query_billpayments": documents,
    "query_bills": (documents, around("query", query="select * from Bill")),
    "query_count": around("query", query="select count(*) from Vendor"),
    "query_empty": around("query", query="select * from Transfer"),
    "sandbox_capture_2023": documents,
    "transfer": documents,
    "vendor": documents,
    "vendor_query": documents,
    "vendorcredit": documents,
    "webhook_cloudevents": cloud_event(Behaviour()),
    "webhook_cloudevents_alternative_ids": cloud_event(Behaviour(cloud_event_form="alternative_ids")),
    "webhook_legacy": legacy_event,
    "webhook_legacy_2025": legacy_event,
}


def _checks(file: str) -> tuple[Check, ...]:
    entry = TABLE[file]
    if isinstance(entry, str):
        return ()
    return entry if isinstance(entry, tuple) else (entry,)


@pytest.mark.parametrize("file", [file for file in TABLE if _checks(file)])
async def test_a_sample(books: Books, file: str) -> None:
    for check in _checks(file):
        await check(books, file)


def test_every_sample_is_in_the_table() -> None:
    assert {path.name for path in SAMPLES.iterdir()} - {"SOURCES.md"} == {f"{file}.json" for file in TABLE}


def test_every_object_of_a_sample_is_entered_and_read() -> None:
    holding = {file for file in TABLE if any(documents_in(read_sample(file)))}
    assert holding == {file for file in TABLE if documents in _checks(file)}
