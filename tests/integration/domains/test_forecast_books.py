"""What a forecast is read from: which bills have come when, and what other currencies are worth."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domains.ap.bill_service import BillService
from domains.ap.payment_service import PaymentService
from domains.ar.invoice_service import InvoiceService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.core.rates import HomeRate
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.forecast import Forecast, forecast
from runway.calculators.groundwork import Books as ForecastBooks
from runway.calculators.quality import BILLS_LOOK_INCOMPLETE, BillEntry
from runway.orchestrators.ageing import MirrorAgeing
from runway.orchestrators.forecast_books import ForecastReader
from tests.integration.domains.books import NOW, TODAY, Books
from tests.unit.domains.bodies import (
    make_account,
    make_bill,
    make_bill_payment,
    make_credit_memo,
    make_invoice,
    make_transfer,
    make_vendor_credit,
)

PACIFIC = ZoneInfo("America/Los_Angeles")
EURO: dict[str, Any] = {"CurrencyRef": {"value": "EUR"}}


async def read(books: Books) -> ForecastBooks:
    of = (books.business_id, books.qbo)
    reader = ForecastReader(
        cash=CashService(*of),
        payments=PaymentService(*of),
        receipts=ReceiptService(*of),
        bills=BillService(*of),
        invoices=InvoiceService(*of),
        home_currency="USD",
        zone=PACIFIC,
    )
    return (await reader.read(TODAY, uncounted=(), synced_at=NOW, now=NOW)).books


async def made(books: Books) -> Forecast:
    return forecast(await read(books), company_id="company")


def entered(external_id: str, at: str, **fields: Any) -> dict[str, Any]:
    return make_bill(external_id, MetaData={"CreateTime": at, "LastUpdatedTime": at}, **fields)


async def test_bills_count_on_the_company_s_day_on_which_they_were_entered(books: Books) -> None:
    """Whatever their date; what is older than nine weeks, or only changed in them, is none of it."""
    changed = {"CreateTime": "2025-11-01T00:00:00Z", "LastUpdatedTime": "2026-03-12T00:00:00Z"}
    await books.put(
        "Bill",
        entered("1", "2026-03-12T07:30:00Z", TotalAmt=50, TxnDate="2025-06-01"),
        entered("2", "2026-03-12T06:30:00Z", TotalAmt=Decimal("10.10"), ExchangeRate=Decimal("1.1"), **EURO),
        entered("3", "2026-01-11T07:59:59Z"),
        make_bill("4", MetaData=changed),
    )
    found = (await read(books)).runway.bill_entries or ()
    day = TODAY.replace(day=12)
    expected = [BillEntry(day - timedelta(days=1), Decimal("11.11")), BillEntry(day, Decimal(50))]
    assert sorted(found, key=lambda one: one.entered_on) == expected


async def test_a_week_with_few_bills_is_told(books: Books) -> None:
    usual = [
        entered(f"{week}-{n}", (NOW - timedelta(days=7 * week + 3)).isoformat())
        for week in range(1, 9)
        for n in (1, 2, 3)
    ]
    await books.put("Account", make_account("35"))
    await books.put("Bill", *usual)
    assert BILLS_LOOK_INCOMPLETE in (await made(books)).report.flags
    this_week = (NOW - timedelta(days=2)).isoformat()
    await books.put("Bill", entered("a", this_week), entered("b", this_week))
    assert (await made(books)).report.flags == ()


async def test_a_balance_in_another_currency_is_worth_what_the_newest_document_says(books: Books) -> None:
    await books.put("Account", make_account("35", CurrentBalance=100))
    await books.put("Account", make_account("36", Name="Berlin", CurrentBalance=Decimal("50.05"), **EURO))
    blocked = await made(books)
    assert (blocked.report.cash.cash.value, blocked.report.cash.cash.reason) == (
        None,
        "No exchange rate for Berlin (EUR)",
    )
    assert "no exchange rate for Berlin (EUR): not in these numbers" in blocked.report.flags
    await books.put("Bill", make_bill("1", TxnDate="2026-02-01", ExchangeRate=Decimal("1.05"), Balance=0, **EURO))
    await books.put("BillPayment", make_bill_payment("2", TxnDate="2026-03-01", ExchangeRate=Decimal("1.10"), **EURO))
    await books.put("Transfer", make_transfer("3", TxnDate="2026-03-20", ExchangeRate=Decimal("1.30"), **EURO))
    await books.put("Invoice", make_invoice("4", TxnDate="2025-10-01", ExchangeRate=Decimal("1.40"), Balance=0, **EURO))
    rated = await made(books)
    assert rated.parts.rates["EUR"] == HomeRate("EUR", Decimal("1.10"), TODAY.replace(day=1))
    cash = rated.report.cash.cash
    assert (cash.value, cash.note) == (Decimal("155.06"), "EUR at 1.1 as of 2026-03-01")
    assert not any("exchange" in flag for flag in rated.report.flags)


@pytest.mark.parametrize("is_rated", [True, False])
async def test_documents_without_a_rate_are_left_out_and_told(books: Books, *, is_rated: bool) -> None:
    rate = {"ExchangeRate": Decimal("1.10003")} if is_rated else {"ExchangeRate": None}
    await books.put("Account", make_account("35", CurrentBalance=100))
    await books.put("Bill", make_bill("1", Balance=10), make_bill("2", Balance=Decimal("10.10"), **EURO, **rate))
    await books.put(
        "VendorCredit", make_vendor_credit("3", Balance=5), make_vendor_credit("4", Balance=2, **EURO, **rate)
    )
    await books.put("CreditMemo", make_credit_memo("5", RemainingCredit=1, **EURO, **rate))
    found = await made(books)
    aged = (
        await MirrorAgeing(BillService(books.business_id, books.qbo), today=TODAY, home_currency="USD").get(
            freshness=AS_IT_STANDS
        )
    ).value
    assert aged.total.value == found.payables.total.value
    if is_rated:
        assert aged.total.value == Decimal(10) + Decimal("11.11") - 5 - Decimal("2.20")
        assert (found.receivables.total.value, found.report.unrated, aged.total.note) == (Decimal("-1.10"), (), None)
        return
    assert aged.total.value == 5
    assert aged.total.note == "without 2 in other currencies that no exchange rate is known for"
    assert found.payables == aged, "a table shows the forecast's"
    assert found.report.unrated == ("credits in EUR (1)", "open bills in EUR (1)", "credits in EUR (1)")
