from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domains.ar.customer_service import CustomerService
from domains.ar.errors import InvoiceNotFound
from domains.ar.invoice_service import InvoiceService
from domains.ar.receipt_service import ReceiptService
from domains.core.documents import DocumentFilter, OpenTotals, StatusFilter, UnappliedCredit
from domains.core.errors import UnreadableCursor
from domains.core.movements import CashMovement
from tests.integration.domains.books import TODAY, Books
from tests.unit.domains.bodies import (
    Body,
    make_credit_memo,
    make_customer,
    make_invoice,
    make_receipt,
    make_sales_receipt,
)


@pytest.fixture
def invoices(books: Books) -> InvoiceService:
    return InvoiceService(books.business_id, books.qbo)


def due(external_id: str, days: int, *, balance: int = 10, **fields: object) -> Body:
    day = (TODAY + timedelta(days=days)).isoformat()
    return make_invoice(external_id, DueDate=day, TotalAmt=10, Balance=balance, **fields)


async def test_invoices_by_status_customer_and_page(books: Books, invoices: InvoiceService) -> None:
    other = {"value": "62", "name": "Other"}
    await books.put("Customer", make_customer("62", DisplayName="Other"))
    await books.put("Invoice", due("1", -3), due("2", 3), due("3", 5, CustomerRef=other), due("4", -9, balance=0))
    customer = (await CustomerService(books.business_id, books.qbo).list_page()).value.items[0]

    async def listed(wanted: DocumentFilter) -> list[str]:
        return [invoice["external_id"] for invoice in (await invoices.list_invoices(wanted)).value.items]

    assert await listed(DocumentFilter(today=TODAY)) == ["1", "2", "3"]
    assert await listed(DocumentFilter(today=TODAY, status=StatusFilter.OVERDUE)) == ["1"]
    assert await listed(DocumentFilter(today=TODAY, status=StatusFilter.PAID)) == ["4"]
    assert await listed(DocumentFilter(today=TODAY, party="62")) == ["3"]
    assert await listed(DocumentFilter(today=TODAY, party=str(customer.id))) == ["3"]
    assert await listed(DocumentFilter(today=TODAY, search="OTH")) == ["3"]
    assert await listed(DocumentFilter(today=TODAY, search="o%r")) == []
    near = DocumentFilter(today=TODAY, due_from=TODAY - timedelta(days=3), due_until=TODAY + timedelta(days=3))
    assert await listed(near) == ["1", "2"]
    assert await listed(replace(near, due_within_days=1)) == ["1"]
    first = (await invoices.list_invoices(DocumentFilter(today=TODAY, limit=2))).value
    assert await listed(DocumentFilter(today=TODAY, limit=2, after=first.next_cursor)) == ["3"]
    assert [one.external_id for one in (await invoices.get_open_invoices()).value] == ["1", "2", "3"]


async def test_an_invoices_past_is_told(books: Books, invoices: InvoiceService) -> None:
    await books.put("Invoice", make_invoice("17", Balance=900))
    invoice = (await invoices.get_open_invoices()).value[0]
    await books.put("Invoice", {**make_invoice("17", Balance=0), "SyncToken": "1"})
    history = (await invoices.get_history(invoice.id)).value
    then = (await invoices.get_invoice_as_of(invoice.id, history[0].recorded_at)).value
    assert [row.transaction_type for row in history] == ["created", "updated"]
    assert (then.version, then.mirror.balance) == (1, Decimal(900))
    assert (await invoices.get_invoice(invoice.id)).value.balance == 0
    with pytest.raises(InvoiceNotFound):
        await invoices.get_invoice(uuid4())


async def test_what_is_owed_to_us_and_what_is_not_applied(books: Books, invoices: InvoiceService) -> None:
    await books.put("Invoice", due("1", -3), due("2", 3), due("3", 60))
    await books.put("Payment", make_receipt("4", UnappliedAmt=Decimal("0.25")), make_receipt("5", UnappliedAmt=0))
    await books.put("CreditMemo", make_credit_memo("6", RemainingCredit=12))
    totals = (await invoices.get_open_totals(today=TODAY)).value
    assert totals == [OpenTotals("USD", 3, Decimal(30), 1, Decimal(10), 1, Decimal(10))]
    assert (await invoices.list_unapplied_credits()).value == [
        UnappliedCredit("61", "Dune Cafe", "USD", Decimal("12.25"), Decimal("12.25"))
    ]
    assert len((await invoices.list_open_invoices_for_ageing()).value) == 3


async def test_customers_are_searched_and_paged_by_name(books: Books) -> None:
    customers = CustomerService(books.business_id, books.qbo)
    names = ["Alder 100%", "Birch", "Cedar_Works", "Dune", "Elm"]
    await books.put("Customer", *(make_customer(str(n), DisplayName=name) for n, name in enumerate(names)))
    await books.put("Customer", make_customer("9", DisplayName="Retired (deleted)", Active=False))

    async def names_of(**asked: object) -> list[str]:
        page = (await customers.list_page(**asked)).value  # type: ignore[arg-type]  # keywords are passed on as they are
        return [customer.display_name for customer in page.items]

    assert await names_of(search="E") == ["Alder 100%", "Cedar_Works", "Dune", "Elm", "Retired (deleted)"]
    assert await names_of(search="0%") == ["Alder 100%"]
    assert await names_of(search="_") == ["Cedar_Works"]
    assert await names_of(is_active=False) == ["Retired (deleted)"]
    first = (await customers.list_page(limit=4)).value
    assert await names_of(limit=4, after=first.next_cursor) == ["Elm", "Retired (deleted)"]
    with pytest.raises(UnreadableCursor):
        await customers.list_page(after="elsewhere")


async def test_receipts_move_into_the_account_they_name(books: Books) -> None:
    await books.put(
        "Payment",
        make_receipt("1", TxnDate="2026-03-06", TotalAmt=100, DepositToAccountRef={"value": "4"}),
        make_receipt("2", TxnDate="2026-03-31"),
        make_receipt("3", TotalAmt=0),
        make_receipt("4", DepositToAccountRef=None),
    )
    euro = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": Decimal("1.08765")}
    await books.put("SalesReceipt", make_sales_receipt("1", TxnDate="2026-03-08", TotalAmt=Decimal("42.10"), **euro))
    receipts = ReceiptService(books.business_id, books.qbo)
    moved = (await receipts.list_movements(TODAY.replace(day=1), TODAY)).value
    assert sorted(moved, key=lambda movement: movement.on) == [
        CashMovement(
            TODAY.replace(day=6), Decimal(100), "4", None, "Dune Cafe", "Receipt", "1", "first half", is_trade=True
        ),
        CashMovement(
            TODAY.replace(day=8),
            Decimal("45.79"),
            "35",
            None,
            "Dune Cafe",
            "SalesReceipt",
            "1",
            "counter sale",
            is_trade=True,
        ),
    ]
    assert [row.external_id for row in (await receipts.list_receipts(TODAY, TODAY.replace(day=31))).value] == ["2"]
