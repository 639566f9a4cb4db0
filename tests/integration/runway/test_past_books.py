"""The books of every day of the sample company's history, made from its mirror, beside QuickBooks' own reports of that day."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import text

from domains.ap.past_payables import PastPayables
from domains.ap.payment_service import PaymentService
from domains.ar.past_receivables import PastReceivables
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.cash.past_cash import PastCash
from infra.clock import SystemClock
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.company_file import read_company_file
from infra.sync.freshness import AS_IT_STANDS, SyncStrategy
from runway.calculators import ageing
from runway.calculators.ageing import Ageing, UnappliedCredit
from runway.calculators.cash import CashRules, cash_position, is_undeposited
from runway.calculators.groundwork import Books
from runway.orchestrators.past_books import PastBooks, PastServices
from tests.integration.infra.qbo.company_rig import Mirrored, MovedClock, mirrored_company
from tests.rig import Database, RunServers, worker_number
from tests.unit.infra.qbo.simulator.report_reading import SAMPLES, Report, amount, ask, on, rows_of, total
from tests.unit.infra.qbo.simulator.small_company import invoice

LEDGER = SAMPLES / "craigs_transactions.json"
CAPTURED_AT = datetime(2024, 5, 29, 22, 27, 12, tzinfo=UTC)
PACIFIC = ZoneInfo("America/Los_Angeles")
ZERO = Decimal(0)


@dataclass
class Craigs:
    mirrored: Mirrored
    company: Company
    days: list[date]
    books: dict[date, Books]

    def dated(self, kind: str) -> dict[str, date]:
        return {key[1]: entry.txn_on for key, entry in self.company.ledger.entries.items() if key[0] == kind}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def craigs(database: Database, servers: RunServers, worker_id: str) -> AsyncIterator[Craigs]:
    if not LEDGER.exists():
        pytest.skip(f"the sample ledger {LEDGER} is not there")
    clock = MovedClock()
    clock.ahead = CAPTURED_AT - SystemClock().now()
    company = load_company(read_company_file(LEDGER, today=CAPTURED_AT.date(), as_dated=True), clock=clock)
    dated = [entry.txn_on for entry in company.ledger.entries.values()]
    days = [min(dated) + timedelta(days=ahead) for ahead in range((max(dated) - min(dated)).days + 120)]
    async with mirrored_company(
        company, clock=clock, app_url=database.app_url, redis_url=servers.redis_url(worker_number(worker_id))
    ) as mirrored:
        await mirrored.service.backfill(actor="test")
        past = past_of(mirrored)
        yield Craigs(mirrored, company, days, {day: await past.books_as_of(day) for day in days})


def past_of(mirrored: Mirrored) -> PastBooks:
    of = (mirrored.business_id, mirrored.service)
    services = PastServices(
        receivables=PastReceivables(*of),
        payables=PastPayables(*of),
        cash=CashService(*of),
        past_cash=PastCash(*of),
        payments=PaymentService(*of),
        receipts=ReceiptService(*of),
    )
    return PastBooks(services, home_currency="USD", time_zone=PACIFIC)


def aged(books: Books, *, payable: bool) -> Ageing:
    documents, left = (books.bills, books.bill_credits) if payable else (books.invoices, books.invoice_credits)
    return ageing.age(documents, left, basis=books.runway.basis)


def columns_of(made: Ageing, left: Sequence[UnappliedCredit], dated: dict[str, date]) -> list[Decimal]:
    """As QuickBooks shows them: what is not applied stands, negative, in the column of its own date."""
    order = list(ageing.Bucket)
    columns = [item.amount.value or ZERO for item in made.buckets]
    for credit in left:
        days = (made.as_of - dated[credit.external_id]).days
        columns[order.index(ageing.bucket_of(days))] -= credit.amount
    return columns


def by_name(made: Ageing) -> dict[str, Decimal]:
    return {row.party_id: row.total for row in made.rows if row.total}


def reported_by_name(rows: list[Report]) -> Iterator[tuple[str, Decimal]]:
    """Each name's own total, those of its jobs left out."""
    for row in rows:
        cells = row.get("Header", row).get("ColData", [{}])
        if cells[0].get("id") and cells[-1].get("value"):
            yield cells[0]["id"], amount(cells[-1]["value"])
        yield from reported_by_name(row.get("Rows", {}).get("Row", []))


@pytest.mark.parametrize(
    ("report", "credit_kinds"),
    [("AgedReceivables", ("Payment", "CreditMemo")), ("AgedPayables", ("BillPayment", "VendorCredit"))],
)
def test_ageing_is_quickbooks_own_on_every_day(craigs: Craigs, report: str, credit_kinds: tuple[str, ...]) -> None:
    is_payable, seen = report == "AgedPayables", set()
    dated = {identifier: day for kind in credit_kinds for identifier, day in craigs.dated(kind).items()}
    for day in craigs.days:
        books = craigs.books[day]
        made = aged(books, payable=is_payable)
        theirs = ask(craigs.company, report, report_date=day.isoformat(), aging_method="Report_Date")
        left = books.bill_credits if is_payable else books.invoice_credits
        columns = columns_of(made, left, dated)
        assert columns == [total(theirs, "GrandTotal", column=1 + index) for index in range(len(columns))], day
        assert by_name(made) == {name: own for name, own in reported_by_name(rows_of(theirs)) if own}, day
        seen |= {index for index, column in enumerate(columns) if column}
    assert seen == set(range(5)), "no day put anything into one of the columns"


def test_open_documents_are_the_control_accounts_on_every_day(craigs: Craigs) -> None:
    for day in craigs.days:
        sheet = ask(craigs.company, "BalanceSheet", **on(day))
        made = [aged(craigs.books[day], payable=payable).total.value for payable in (False, True)]
        assert made == [total(sheet, "AR"), total(sheet, "AP")], day


def test_cash_is_the_balance_sheet_s_on_every_day(craigs: Craigs) -> None:
    """But for the two kinds of documents of this ledger that QuickBooks' API has no object for, or that no mirror holds."""
    beside = [entry for entry in craigs.company.ledger.entries.values() if entry.kind not in {*craigs.company.stores}]
    unseen = {entry.kind for entry in beside if bank_change(craigs.company, entry)}
    assert unseen == {"Refund", "Sales Tax Payment"}
    exact = 0
    for day in craigs.days:
        later = sum((bank_change(craigs.company, entry) for entry in beside if entry.txn_on > day), ZERO)
        sheet = ask(craigs.company, "BalanceSheet", **on(day))
        accounts = craigs.books[day].runway.accounts
        banks = sum((one.balance for one in accounts if one.account_type == "Bank"), ZERO)
        assert banks == total(sheet, "BankAccounts") + later, day
        exact += not later
        waiting = sum((one.balance for one in accounts if is_undeposited(one)), ZERO)
        assert waiting == craigs_undeposited(craigs.company, day), day
    assert exact > 100


def bank_change(company: Company, entry: Entry) -> Decimal:
    banks = {key for key, one in company.stores["Account"].records.items() if one.body["AccountType"] == "Bank"}
    return sum((posting.amount for posting in entry.postings if posting.account_id in banks), ZERO)


def craigs_undeposited(company: Company, day: date) -> Decimal:
    moved: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in company.ledger.entries.values():
        if entry.txn_on <= day:
            for posting in entry.postings:
                moved[posting.account_id] += posting.amount
    return moved[company.chart.undeposited_id]


@pytest.mark.asyncio(loop_scope="module")
async def test_books_from_the_log_are_those_of_the_mirror_while_nothing_has_changed(craigs: Craigs) -> None:
    """The log's rows are of the real now, so a day ahead of it has them all, and today, begun before, has none."""
    past, today = past_of(craigs.mirrored), SystemClock().now().astimezone(PACIFIC).date()
    later = today + timedelta(days=3)
    assert [await past.is_known(day) for day in (today, later)] == [False, True]
    ours, logged = [await past.books_as_of(later, from_log=from_log) for from_log in (False, True)]
    for part in ("invoices", "bills", "invoice_credits", "bill_credits", "histories", "paid_bills"):
        assert sorted(getattr(logged, part), key=repr) == sorted(getattr(ours, part), key=repr), part
    assert logged.invoices
    assert logged.bills
    cash = [cash_position(one.runway.accounts, one.runway.basis, rules=CashRules()) for one in (ours, logged)]
    assert cash[0].cash == cash[1].cash
    assert (cash[0].cash.value or ZERO) > 0
    assert (await past.books_as_of(today, from_log=True)).invoices == ()
    counted = await past.books_as_of(later, uncounted={one.account_id for one in cash[0].counted})
    assert cash_position(counted.runway.accounts, counted.runway.basis, rules=CashRules()).counted == ()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_log_knows_what_stood_in_the_books_then(craigs: Craigs) -> None:
    """An invoice dated behind all days that the others look at: written, made larger, deleted."""
    mirrored, company = craigs.mirrored, craigs.company
    past, seen = PastReceivables(mirrored.business_id, mirrored.service), []
    written = company.create("Invoice", invoice("80.00", TxnDate="2024-12-02", DueDate="2024-12-30"))
    for change in (
        lambda: None,
        lambda: company.update("Invoice", company.get("Invoice", written.id).body | invoice("95.00")),
        lambda: company.delete("Invoice", dict(company.get("Invoice", written.id).body)),
    ):
        change()
        await mirrored.service.refresh(SyncStrategy.SCHEDULED)
        async with mirrored.uow([mirrored.business_id]) as uow:
            seen.append(await uow.session.scalar(text("SELECT clock_timestamp()")))
    then = [(await past.read(instant)).documents.get(written.id) for instant in seen]
    assert [None if one is None else one.total for one in then] == [Decimal("80.00"), Decimal("95.00"), None]
    assert (await past.read(seen[-1])) == (await past.read()), "as it stands now"
    assert (await past.read(datetime(2001, 1, 1, tzinfo=UTC))).documents == {}, "before anything was read"
    cash = PastCash(mirrored.business_id, mirrored.service)
    accounts = await CashService(mirrored.business_id, mirrored.service).get_cash_accounts(freshness=AS_IT_STANDS)
    balances = await cash.balances_at(seen[-1])
    assert balances == {one.account_id: one.balance for one in accounts.value if one.account_id in balances}
    assert len(balances) > 30
    since = await cash.known_since()
    assert since is not None
    assert since < seen[0]
