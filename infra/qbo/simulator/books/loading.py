"""A company file becomes a company: the same rules as the API, in bulk, as of each transaction's own time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from infra.clock import Clock
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.entities import ENTITY_KINDS
from infra.qbo.simulator.books.ledger import BESIDE, Entry, Key, Posting
from infra.qbo.simulator.books.preferences import company_info, preferences
from infra.qbo.simulator.books.store import Body, Record
from infra.qbo.simulator.files.company_file import CompanyFile, LedgerEntry
from infra.qbo.simulator.timestamps import PACIFIC, whole_seconds

_OFFICE_OPENS: Final = time(9)
_BETWEEN_ENTRIES: Final = timedelta(seconds=17)
_NEEDED_ACCOUNTS: Final = (
    ("Accounts Payable", "AccountsPayable", "Accounts Payable (A/P)"),
    ("Accounts Receivable", "AccountsReceivable", "Accounts Receivable (A/R)"),
    ("Other Current Asset", "UndepositedFunds", "Undeposited Funds"),
    ("Other Current Liability", "SalesTaxPayable", "Sales Tax Payable"),
)


def load_company(company_file: CompanyFile, *, clock: Clock) -> Company:
    """Build the books of `company_file`. Its bodies become the company's own: do not use the file again.

    Raises:
        ServiceFault: a transaction that the API would refuse.
        UnbalancedEntry: a ledger entry whose debits and credits differ.
    """
    zone = ZoneInfo(str(company_file.company.get("TimeZone", "America/Los_Angeles")))
    company = Company(company_file.realm_id, clock=clock, zone=zone)
    loader = _Loader(company, company_file, now=whole_seconds(clock))
    for store in company.stores.values():
        store.begin_bulk()
    with no_garbage_collection():
        loader.load()
        company.settle()
        for store in company.stores.values():
            store.end_bulk()
            for record in store.records.values():  # a file made in memory has one dict for all refs to a vendor
                record.share()
    return company


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Bodies hold no cycles, and passes over a growing heap of them make up half of a load's time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Loader:
    def __init__(self, company: Company, company_file: CompanyFile, *, now: int) -> None:
        self._company = company
        self._file = company_file
        self._now = now
        self._previous = 0
        self._entries_on: dict[date, int] = {}

    def load(self) -> None:
        opened = self._opened_at()
        self._previous = opened
        self._add_singletons(opened)
        for entity, bodies in (
            ("Account", self._file.accounts), ("Term", self._file.terms), ("Item", self._file.items),
            ("Vendor", self._file.vendors), ("Customer", self._file.customers),
        ):  # fmt: skip
            for body in _parents_first(bodies):
                self._company.insert(entity, body, at=opened, identifier=body["Id"])
            if entity == "Account":
                self._add_missing_accounts(opened)
        self._company.chart.tax_accounts.update(self._file.tax_accounts)
        self._add_transactions()

    def _add_transactions(self) -> None:
        """Transactions in their order, each ledger entry before the first transaction of a later day."""
        waiting = sorted(self._file.ledger, key=lambda entry: entry.txn_on, reverse=True)
        for transaction in self._file.transactions:
            txn_on = date.fromisoformat(transaction.body["TxnDate"])
            while waiting and waiting[-1].txn_on <= txn_on:
                self._add_ledger_entry(waiting.pop())
            created = transaction.created_at
            at = self._entered_at(txn_on) if created is None else min(int(created.timestamp()), self._now)
            self._previous = max(self._previous, at)
            self._company.insert(transaction.entity, transaction.body, at=at, identifier=transaction.body["Id"])
        while waiting:
            self._add_ledger_entry(waiting.pop())

    def _add_ledger_entry(self, entry: LedgerEntry) -> None:
        accounts = self._company.stores["Account"].records
        postings = []
        for line in entry.postings:
            if line.account_id not in accounts:
                raise faults.bad_reference("Accounts", line.account_id, element="account_id")
            kind = accounts[line.account_id].body["AccountType"]
            amount, name = line.debit - line.credit, _name_of(kind, entry.name_id)
            postings.append(Posting(line.account_id, amount, name, line.memo))
        # A document's own postings keep its key: a second entry of the same key would take their place.
        kind = entry.type + BESIDE if entry.type in ENTITY_KINDS else entry.type
        ledger_key = (kind, self._company.take_id("ledger", entry.id))
        booked = Entry(entry.type, entry.txn_on, tuple(postings), entry.doc_number, self._whose(entry))
        self._company.add_ledger_entry(ledger_key, booked, self._entered_at(entry.txn_on))

    def _whose(self, entry: LedgerEntry) -> Key | None:
        """A ledger does not say whether a name is a customer or a vendor; the name itself tells."""
        for kind in ("Customer", "Vendor"):
            record = self._company.stores[kind].records.get(entry.name_id or "")
            if record is not None and entry.name in {record.body["DisplayName"], record.body.get("FullyQualifiedName")}:
                return (kind, record.id)
        return None

    def _entered_at(self, day: date) -> int:
        """Entered in the office's hours of its day, in the order of the file, never in the future."""
        nth = self._entries_on.get(day, 0)
        self._entries_on[day] = nth + 1
        wanted = datetime.combine(day, _OFFICE_OPENS, PACIFIC) + nth * _BETWEEN_ENTRIES
        self._previous = min(max(self._previous, int(wanted.timestamp())), self._now)
        return self._previous

    def _opened_at(self) -> int:
        """The company was set up on the day before its first entry."""
        days = [date.fromisoformat(transaction.body["TxnDate"]) for transaction in self._file.transactions]
        days += [entry.txn_on for entry in self._file.ledger]
        created = [t.created_at.timestamp() for t in self._file.transactions if t.created_at is not None]
        first = min(days, default=datetime.fromtimestamp(self._now, PACIFIC).date()) - timedelta(days=1)
        return int(min([datetime.combine(first, _OFFICE_OPENS, PACIFIC).timestamp(), self._now, *created]))

    def _add_singletons(self, opened: int) -> None:
        info = company_info(self._file.company, opened_on=datetime.fromtimestamp(opened, PACIFIC).date())
        settings = preferences(self._file.preferences, first_month=info["FiscalYearStartMonth"])
        for entity, body in (("CompanyInfo", info), ("Preferences", settings)):
            self._company.stores[entity].add(Record(body, created=opened))

    def _add_missing_accounts(self, opened: int) -> None:
        """QBO makes these itself when a company is set up."""
        bodies = [record.body for record in self._company.stores["Account"].records.values()]
        for account_type, subtype, name in _NEEDED_ACCOUNTS:
            by_subtype = account_type.startswith("Other")
            if any(_is(body, account_type, "" if not by_subtype else subtype) for body in bodies):
                continue
            body: Body = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
            body["Id"] = self._company.take_id("Account", None)
            self._company.insert("Account", body, at=opened, identifier=body["Id"])


def _is(body: Body, account_type: str, subtype: str) -> bool:
    if subtype == "SalesTaxPayable":
        return body["AccountSubType"] in {"SalesTaxPayable", "GlobalTaxPayable"}
    return body["AccountType"] == account_type and (not subtype or body["AccountSubType"] == subtype)


def _name_of(account_type: str, name_id: str | None) -> Key | None:
    if name_id is None:
        return None
    return {"Accounts Payable": ("Vendor", name_id), "Accounts Receivable": ("Customer", name_id)}.get(account_type)


def _parents_first(bodies: list[Body]) -> list[Body]:
    """A child may stand before its parent in the file."""
    by_id = {body["Id"]: body for body in bodies}

    def depth(body: Body) -> int:
        parent = by_id.get((body.get("ParentRef") or {}).get("value", ""))
        return 0 if parent is None else depth(parent) + 1

    return sorted(bodies, key=depth)
