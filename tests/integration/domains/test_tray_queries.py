"""Open bills as the tray reads them, under row-level security."""

from decimal import Decimal

from domains.ap.tray_queries import list_open_bills
from infra.db.reads import Reads
from infra.db.unit_of_work import UnitOfWorkFactory
from tests.integration.domains.books import Books
from tests.unit.domains.bodies import make_bill, make_purchase, make_vendor


async def alike(books: Books, *bills: str) -> dict[str, list[tuple[str, str, str]]]:
    """By bill: kind, id and strength of what it looks like."""
    async with books.uow([books.business_id]) as unit:
        found = await list_open_bills(
            unit.session, [(books.business_id, bill) for bill in bills], {books.business_id: "USD"}
        )
    return {
        bill: [(one.other.kind.value, one.other.external_id, one.strength.name) for one in shown.duplicates]
        for bill, shown in found[books.business_id].items()
    }


async def test_a_bill_of_the_same_number_in_any_case_is_seen_however_old(books: Books) -> None:
    await books.put("Vendor", make_vendor("31"))
    await books.put(
        "Bill",
        make_bill("1", DocNumber="HS-118a"),
        make_bill("2", DocNumber="hs-118A", TxnDate="2023-03-01", Balance=0),
        make_bill("3", DocNumber="HS-119", TxnDate="2023-03-01", Balance=0),
    )
    assert await alike(books, "1") == {"1": [("bill", "2", "STRONG")]}


async def test_the_same_amount_is_seen_near_its_day_alone(books: Books) -> None:
    day, amount = "2026-03-01", Decimal("120.50")
    await books.put("Vendor", make_vendor("31"))
    await books.put(
        "Bill",
        make_bill("1", DocNumber="A", TxnDate=day, TotalAmt=amount),
        make_bill("2", DocNumber="B", TxnDate="2026-03-11", TotalAmt=amount),
        make_bill("3", DocNumber="C", TxnDate="2026-03-12", TotalAmt=amount),
        make_bill("4", DocNumber="D", TxnDate=day, TotalAmt=amount + 1),
        make_bill("5", DocNumber="E", TxnDate=day, TotalAmt=amount, VendorRef={"value": "32", "name": "Another"}),
    )
    await books.delete("Bill", "5")
    await books.put("Purchase", make_purchase("21", TotalAmt=amount, TxnDate="2026-02-01"))
    assert await alike(books, "1", "4") == {"1": [("bill", "2", "LIKELY")], "4": []}


async def test_another_business_is_never_looked_into(
    books: Books, uow: UnitOfWorkFactory, access_uow: UnitOfWorkFactory, reads: Reads
) -> None:
    other = await Books.open(uow, access_uow, reads)
    for each, bill in ((books, "1"), (other, "2")):
        await each.put("Vendor", make_vendor("31"))
        await each.put("Bill", make_bill(bill, DocNumber="HS-118"))
    assert await alike(books, "1") == {"1": []}
