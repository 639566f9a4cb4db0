"""Lists that the database writes as JSON: they say what the same lists say that are read as values."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.bill_service import BillService
from domains.ar.invoice_service import InvoiceService
from domains.core.documents import DocumentFilter, ListedDocument, StatusFilter, status_of
from infra import exact_json
from infra.sync.freshness import Fetched
from runway.routes.answers import plain_amount, plain_number
from runway.routes.bills import BillOut
from runway.routes.invoices import InvoiceOut
from tests.integration.domains.books import TODAY, Books
from tests.unit.domains.bodies import Body, make_bill, make_invoice

HOME = "CAD"
EURO = {"value": "EUR", "name": "Euro"}
AMOUNTS = ["0", "0.01", "-12.50", "120.5", "1000", "99.12345", "123456789012345.00001", "7.10000"]
TEXTS = [
    '"quoted" \\ back',
    "two\nlines\tand a tab",
    "Žluťoučký kůň 🐎",
    "</script>",
    "\u2028",
    "{}[],:",
    "50 % of 'it'",
    "x" * 4000,
]


def dated(external_id: str, due_on: str | None, **fields: Any) -> Body:
    body = make_bill(external_id, TxnDate="2026-02-15", DueDate=due_on, **fields)
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
async def bills(books: Books) -> BillService:
    """Amounts and texts of every kind, with and without what may be missing; several of one day."""
    days = ["2026-03-14", "2026-03-15", "2026-03-16", None]
    await books.put(
        "Bill",
        *(dated(f"a{at}", days[at % 4], Balance=Decimal(one), TotalAmt=Decimal(one)) for at, one in enumerate(AMOUNTS)),
        *(dated(f"t{at}", days[at % 3], PrivateNote=one, DocNumber=one[:21]) for at, one in enumerate(TEXTS)),
        dated("foreign", "2026-04-01", CurrencyRef=EURO, ExchangeRate=Decimal("1.0800")),
        dated("even", "2026-04-01", CurrencyRef=EURO, ExchangeRate=100),
        dated("bare", "2026-04-01", CurrencyRef=None, ExchangeRate=None, DocNumber=None, PrivateNote=None, SalesTermRef=None),
    )  # fmt: skip
    return BillService(books.business_id, books.qbo)


def shown(row: ListedDocument) -> dict[str, Any]:
    """A row of values, as the API's model has it."""
    due_on, issued_on, balance = row["due_on"], row["issued_on"], row["balance"]
    fields = {
        **row,
        "status": status_of(balance=balance, due_on=due_on, issued_on=issued_on, today=TODAY),
        "currency": row["currency"] or HOME,
        "total": plain_amount(row["total"]),
        "balance": plain_amount(balance),
        "exchange_rate": plain_number(row["exchange_rate"]),
    }
    told: dict[str, Any] = exact_json.loads(exact_json.dumps(fields))
    return told


def read(fetched: Fetched[Any]) -> list[Any]:
    return [exact_json.loads(one) for one in fetched.value.items]


@pytest.mark.parametrize("status", StatusFilter)
@pytest.mark.parametrize("limit", [1, 4, 200])
async def test_pages_of_json_say_what_pages_of_values_say(bills: BillService, status: StatusFilter, limit: int) -> None:
    wanted = DocumentFilter(today=TODAY, status=status, limit=limit)
    pages = 0
    while True:
        values = await bills.list_bills(wanted)
        written = await bills.list_bills_as_json(wanted, home_currency=HOME)
        assert read(written) == [shown(row) for row in values.value.items]
        assert written.value.next_cursor == values.value.next_cursor
        assert written.freshness == values.freshness
        pages += 1
        if values.value.next_cursor is None:
            break
        wanted = replace(wanted, after=values.value.next_cursor)
    assert pages > 1 or limit == 200 or status is StatusFilter.PAID


async def test_every_field_of_the_answers_model_is_written_and_no_other(books: Books, bills: BillService) -> None:
    await books.put("Invoice", make_invoice("1", TotalAmt=10, Balance=Decimal("2.5"), EmailStatus="EmailSent"))
    invoices = InvoiceService(books.business_id, books.qbo)
    written = await bills.list_bills_as_json(DocumentFilter(today=TODAY), home_currency=HOME)
    (invoice,) = read(await invoices.list_invoices_as_json(DocumentFilter(today=TODAY), home_currency=HOME))
    assert {frozenset(row) for row in read(written)} == {frozenset(BillOut.model_fields)}
    assert set(invoice) == set(InvoiceOut.model_fields)
    assert [invoice] == [shown(row) for row in (await invoices.list_invoices(DocumentFilter(today=TODAY))).value.items]
    assert (invoice["balance"], invoice["total"], invoice["email_status"]) == ("2.50", "10.00", "sent")


async def test_a_page_without_rows_is_empty(bills: BillService) -> None:
    wanted = DocumentFilter(today=TODAY, search="nobody has this")
    written = await bills.list_bills_as_json(wanted, home_currency=HOME)
    assert (list(written.value.items), written.value.next_cursor) == ([], None)
