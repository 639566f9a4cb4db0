from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domains.ap.bill_service import BillService
from domains.ap.errors import BillNotFound
from domains.ap.vendor_service import VendorService
from domains.core.documents import DocumentFilter, OpenTotals, StatusFilter, UnappliedCredit
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from tests.integration.domains.books import NOW, TODAY, Books
from tests.unit.domains.bodies import Body, make_bill, make_bill_payment, make_vendor, make_vendor_credit


@pytest.fixture
def bills(books: Books) -> BillService:
    return BillService(books.business_id, books.qbo)


def due(external_id: str, days: int | None, *, balance: str = "10", **fields: object) -> Body:
    """A bill due `days` from today; None: without a due date, issued a month ago."""
    body = make_bill(external_id, TxnDate="2026-02-15", Balance=Decimal(balance), TotalAmt=Decimal(10), **fields)
    if days is None:
        del body["DueDate"]
    else:
        body["DueDate"] = (TODAY + timedelta(days=days)).isoformat()
    return body


async def listed(bills: BillService, wanted: DocumentFilter) -> list[str]:
    return [bill["external_id"] for bill in (await bills.list_bills(wanted)).value.items]


@pytest.fixture
async def some_bills(books: Books) -> None:
    await books.put(
        "Bill",
        due("late", -1),
        due("today", 0),
        due("week", 7),
        due("month", 31),
        due("undated", None),
        due("paid", -5, balance="0"),
    )


@pytest.mark.usefixtures("some_bills")
@pytest.mark.parametrize(
    ("status", "due_within_days", "expected"),
    [
        (StatusFilter.OPEN, None, ["late", "today", "week", "month", "undated"]),
        (StatusFilter.OPEN, 7, ["late", "today", "week", "undated"]),
        (StatusFilter.OPEN, 0, ["late", "today", "undated"]),
        (StatusFilter.OVERDUE, None, ["late", "undated"]),
        (StatusFilter.PAID, None, ["paid"]),
        (StatusFilter.ALL, None, ["paid", "late", "today", "week", "month", "undated"]),
    ],
)
async def test_bills_by_status_and_due_date(
    bills: BillService, status: StatusFilter, due_within_days: int | None, expected: list[str]
) -> None:
    wanted = DocumentFilter(today=TODAY, status=status, due_within_days=due_within_days)
    assert await listed(bills, wanted) == expected


@pytest.mark.usefixtures("some_bills")
async def test_bills_due_in_days_are_the_open_ones_overdue_included(bills: BillService) -> None:
    fetched = await bills.get_bills_due_in_days(7)
    assert [bill.external_id for bill in fetched.value] == ["late", "today", "week"]
    assert (fetched.freshness.stale, fetched.freshness.calls_spent) == (False, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_hold_each_bill_once_whatever_their_size(books: Books, bills: BillService, limit: int) -> None:
    days: list[int | None] = [3, 3, 3, -2, None, None, 8]
    await books.put("Bill", *(due(str(number), day) for number, day in enumerate(days)))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(len(days) + 1):
        page = (await bills.list_bills(DocumentFilter(today=TODAY, after=cursor, limit=limit))).value
        seen += [bill["external_id"] for bill in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert cursor is None
    assert (seen[0], seen[4], set(seen[5:])) == ("3", "6", {"4", "5"})
    assert sorted(seen) == [str(number) for number in range(len(days))]


async def test_a_bill_that_moves_between_two_pages_hides_no_other(books: Books, bills: BillService) -> None:
    await books.put("Bill", due("a", 1), due("b", 2), due("c", 3), due("d", 4))
    first = (await bills.list_bills(DocumentFilter(today=TODAY, limit=2))).value
    moved = due("a", 9)
    await books.put("Bill", {**moved, "SyncToken": "1"})
    wanted = DocumentFilter(today=TODAY, limit=2, after=first.next_cursor)
    assert await listed(bills, wanted) == ["c", "d"]


async def test_bills_of_a_vendor_by_the_rails_id_or_ours(books: Books, bills: BillService) -> None:
    await books.put("Vendor", make_vendor("31"), make_vendor("32", DisplayName="Other"))
    await books.put("Bill", due("1", 1), due("2", 2, VendorRef={"value": "32", "name": "Other"}))
    other = (await VendorService(books.business_id, books.qbo).list_page(search="OTH")).value.items[0]
    assert await listed(bills, DocumentFilter(today=TODAY, party="31")) == ["1"]
    assert await listed(bills, DocumentFilter(today=TODAY, party=str(other.id))) == ["2"]
    assert await listed(bills, DocumentFilter(today=TODAY, party=str(uuid4()))) == []


async def test_a_bills_past_is_told_by_version_and_by_instant(books: Books, bills: BillService) -> None:
    await books.put("Bill", make_bill("7", Balance=Decimal("120.50")))
    bill = (await bills.get_bills_due_in_days(60)).value[0]
    await books.put("Bill", {**make_bill("7", Balance=0), "SyncToken": "1"})
    await books.delete("Bill", "7")

    history = (await bills.get_history(bill.id)).value
    assert [(row.version, row.transaction_type) for row in history] == [(1, "created"), (2, "updated"), (3, "deleted")]
    assert history[1].changes["Balance"] == [Decimal("120.50"), 0]
    assert [row.version for row in (await bills.get_history(bill.id, after_version=2)).value] == [3]

    first, last = history[0].recorded_at, history[2].recorded_at
    assert (await bills.get_bill_as_of(bill.id, first)).value.mirror.balance == Decimal("120.50")
    assert (await bills.get_bill_as_of(bill.id, last)).value.is_deleted
    with pytest.raises(BillNotFound):
        await bills.get_bill_as_of(bill.id, first - timedelta(seconds=1))
    with pytest.raises(BillNotFound):
        await bills.get_bill(bill.id)


async def test_a_bill_nobody_has_is_not_found(bills: BillService) -> None:
    nobody = uuid4()
    with pytest.raises(BillNotFound):
        await bills.get_bill(nobody)
    with pytest.raises(BillNotFound):
        await bills.get_history(nobody)
    with pytest.raises(BillNotFound):
        await bills.get_bill_as_of(nobody, NOW)


async def test_another_businesss_bill_is_not_found(
    uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, reads: Reads, bills: BillService
) -> None:
    others = await Books.open(uow, access_uow, reads)
    await others.put("Bill", make_bill("7"))
    theirs = (await BillService(others.business_id, others.qbo).get_bills_due_in_days(60)).value[0]
    with pytest.raises(BillNotFound):
        await bills.get_bill(theirs.id)
    assert (await bills.list_open_bills_for_ageing()).value == []


@pytest.mark.usefixtures("some_bills")
async def test_open_totals_are_by_currency(books: Books, bills: BillService) -> None:
    await books.put("Bill", due("euro", 2, CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.1")))
    totals = (await bills.get_open_totals(today=TODAY, due_within_days=7)).value
    assert totals == [
        OpenTotals("EUR", 1, Decimal(10), 0, Decimal(0), 1, Decimal(10)),
        OpenTotals("USD", 5, Decimal(50), 2, Decimal(20), 2, Decimal(20)),
    ]


@pytest.mark.usefixtures("some_bills")
async def test_every_open_bill_is_aged_undated_ones_too(bills: BillService) -> None:
    documents = (await bills.list_open_bills_for_ageing()).value
    assert [(one.external_id, one.due_on is None) for one in documents] == [
        ("late", False),
        ("today", False),
        ("week", False),
        ("month", False),
        ("undated", True),
    ]
    assert {one.balance for one in documents} == {Decimal(10)}


async def test_unapplied_is_what_credits_and_payments_have_left(books: Books, bills: BillService) -> None:
    await books.put("VendorCredit", make_vendor_credit("1", Balance=5), make_vendor_credit("2", Balance=0))
    to_bill = {"Amount": 90, "LinkedTxn": [{"TxnId": "7", "TxnType": "Bill"}]}
    from_credit = {"Amount": 10, "LinkedTxn": [{"TxnId": "1", "TxnType": "VendorCredit"}]}
    await books.put(
        "BillPayment",
        make_bill_payment("3", TotalAmt=80, Line=[to_bill, from_credit]),
        make_bill_payment("4", TotalAmt=100, Line=[to_bill]),
        make_bill_payment("5", TotalAmt=7, Line=[], VendorRef={"value": "32", "name": "Other"}),
        make_bill_payment("6", TotalAmt=0, Line=[]),
    )
    unapplied = (await bills.list_unapplied_credits()).value
    assert sorted(unapplied, key=lambda credit: credit.party_external_id) == [
        UnappliedCredit("31", "Harbor Supply", "USD", Decimal(15), Decimal(15)),
        UnappliedCredit("32", "Other", "USD", Decimal(7), Decimal(7)),
    ]
