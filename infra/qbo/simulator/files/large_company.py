"""A company of any size, written one transaction at a time: for paging, backfill and memory under load."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from infra.errors import InvalidInput
from infra.qbo.simulator.files.company_file import FORMAT, Body, CompanyTransaction
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import dollars, expense_line, item_line, linked_line, ref

_ZONE: Final = ZoneInfo("America/Los_Angeles")
_OFFICE_OPENS: Final = time(8, 30)
_OFFICE_SECONDS: Final = 9 * 3600
_TERM_DAYS: Final = (0, 10, 15, 30)
_COST_ACCOUNTS: Final = (profile.INGREDIENTS, profile.PACKAGING, profile.UTILITIES, profile.REPAIRS, profile.OFFICE)
_TRADES: Final = ("Supply", "Freight", "Foods", "Packaging", "Services", "Equipment", "Farms", "Printing", "Energy")
_PLACES: Final = ("Alder", "Birch", "Cedar", "Delta", "Elm", "Fir", "Granite", "Harbor", "Iron", "Juniper", "Kelp")
_SHOPS: Final = ("Cafe", "Market", "Kitchen", "Grill", "Inn", "Catering", "Deli", "Pantry")
_MONTH_DAYS: Final = Decimal("30.44")


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeCompany:
    """What to make. Payments come on top of the counts; `paid_share` 0 makes none.

    `same_second` bills in the middle of the time share one creation second, as an import leaves them.
    """

    bills: int
    invoices: int = 0
    vendors: int = 200
    customers: int = 200
    months: int = 24
    seed: int = 1
    paid_share: float = 0.85
    same_second: int = 0

    def __post_init__(self) -> None:
        for name in ("bills", "invoices", "same_second"):
            if getattr(self, name) < 0:
                raise InvalidInput(f"{name} should be zero or more.")
        for name in ("vendors", "customers", "months"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} should be at least 1.")
        if self.same_second > self.bills:
            raise InvalidInput(f"same_second ({self.same_second}) should not exceed bills ({self.bills}).")
        if not 0 <= self.paid_share <= 1:
            raise InvalidInput("paid_share should be between 0 and 1.")


def envelope(size: LargeCompany, *, today: date) -> Body:
    """The file's fields but for `transactions`."""
    return {
        "format": FORMAT,
        "company": profile.COMPANY | {"CompanyName": f"Large Company of {size.bills} bills"},
        "realm_id": "9130358100000001",
        "last_day": today - timedelta(days=1),
        "last_day_is": "yesterday",
        "accounts": profile.account_bodies(),
        "terms": profile.term_bodies(),
        "items": profile.item_bodies(),
        "vendors": [_named(i, _TRADES) for i in range(size.vendors)],
        "customers": [_named(i + size.vendors, _SHOPS) for i in range(size.customers)],
    }


def transactions(size: LargeCompany, *, today: date) -> Iterator[CompanyTransaction]:
    """In order of entry, ending yesterday; memory stays that of the unpaid documents."""
    days = max(1, int(size.months * _MONTH_DAYS))
    writer = _Writer(size, first_day=today - timedelta(days=days))
    spread = size.bills - size.same_second
    for number in range(days):
        day = today - timedelta(days=days - number)
        imported = size.same_second if number == days // 2 else 0
        yield from writer.day(
            day,
            bills=spread * (number + 1) // days - spread * number // days,
            invoices=size.invoices * (number + 1) // days - size.invoices * number // days,
            imported=imported,
        )


def _named(number: int, kinds: tuple[str, ...]) -> Body:
    place, kind = _PLACES[number % len(_PLACES)], kinds[number // len(_PLACES) % len(kinds)]
    return {"Id": str(number + 1), "DisplayName": f"{place} {kind} {number + 1}", "Active": True}


@dataclass(frozen=True, slots=True)
class _Unpaid:
    id: str
    party: int
    amount: Decimal


class _Writer:
    def __init__(self, size: LargeCompany, *, first_day: date) -> None:
        self._size = size
        self._first_day = first_day
        self._random = random.Random(size.seed)  # noqa: S311 - plausible books, not secrets
        self._written = 0
        self._bills_due: dict[date, list[_Unpaid]] = {}
        self._invoices_due: dict[date, list[_Unpaid]] = {}
        # References are shared between bodies: half the memory of a large company is these.
        self._vendors = [ref(str(i + 1)) for i in range(size.vendors)]
        self._customers = [ref(str(i + 1 + size.vendors)) for i in range(size.customers)]

    def day(self, day: date, *, bills: int, invoices: int, imported: int) -> Iterator[CompanyTransaction]:
        """One day's documents at distinct times of the office day, then the imported ones in a single second."""
        documents = [self._opening(day)] if day == self._first_day else []
        documents += [self._bill(day) for _ in range(bills)] + [self._invoice(day) for _ in range(invoices)]
        documents += self._bill_payments(day) + self._payments(day)
        opens = datetime.combine(day, _OFFICE_OPENS, tzinfo=_ZONE).astimezone(UTC)
        for number, (entity, body) in enumerate(documents):
            at = opens + timedelta(seconds=number * _OFFICE_SECONDS // len(documents))
            yield CompanyTransaction(entity, body, at)
        for _ in range(imported):
            entity, body = self._bill(day)
            yield CompanyTransaction(entity, body, opens + timedelta(seconds=_OFFICE_SECONDS))

    def _next_id(self) -> str:
        self._written += 1
        return str(self._written)

    def _opening(self, day: date) -> tuple[str, Body]:
        """Capital enough that no payment overdraws the bank."""
        amount = Decimal(1000) * (self._size.bills + 1)
        line = {
            "Amount": amount,
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": ref(profile.CAPITAL)},
        }
        fields = {"DepositToAccountRef": ref(profile.CHECKING), "Line": [line]}
        return "Deposit", {"Id": self._next_id(), "TxnDate": day.isoformat(), **fields}

    def _bill(self, day: date) -> tuple[str, Body]:
        chance = self._random
        party, term_days = chance.randrange(self._size.vendors), chance.choice(_TERM_DAYS)
        identifier, due_on = self._next_id(), day + timedelta(days=term_days)
        lines = [
            expense_line(chance.choice(_COST_ACCOUNTS), dollars(chance.randint(1200, 120_000)))
            for _ in range(chance.randint(1, 2))
        ]
        amount = sum((line["Amount"] for line in lines), start=Decimal(0))
        self._plan(self._bills_due, _Unpaid(identifier, party, amount), due_on)
        return "Bill", {
            "Id": identifier,
            "TxnDate": day.isoformat(),
            "DueDate": due_on.isoformat(),
            "DocNumber": f"B{identifier}",
            "VendorRef": self._vendors[party],
            "SalesTermRef": ref(profile.TERM_IDS[term_days]),
            "Line": lines,
        }

    def _invoice(self, day: date) -> tuple[str, Body]:
        chance = self._random
        party, term_days = chance.randrange(self._size.customers), chance.choice(_TERM_DAYS)
        identifier, due_on = self._next_id(), day + timedelta(days=term_days)
        lines = [
            item_line(item, chance.randint(1, 12), dollars(cents))
            for item, _, cents in chance.sample(profile.PRODUCTS, k=2)
        ]
        amount = sum((line["Amount"] for line in lines), start=Decimal(0))
        self._plan(self._invoices_due, _Unpaid(identifier, party, amount), due_on)
        return "Invoice", {
            "Id": identifier,
            "TxnDate": day.isoformat(),
            "DueDate": due_on.isoformat(),
            "DocNumber": f"I{identifier}",
            "CustomerRef": self._customers[party],
            "SalesTermRef": ref(profile.TERM_IDS[term_days]),
            "Line": lines,
        }

    def _plan(self, due: dict[date, list[_Unpaid]], document: _Unpaid, due_on: date) -> None:
        """Most are paid on the Friday after they fall due; the rest stay open."""
        if self._random.random() < self._size.paid_share:
            friday = due_on + timedelta(days=(4 - due_on.weekday()) % 7 or 7)
            due.setdefault(friday, []).append(document)

    def _bill_payments(self, day: date) -> list[tuple[str, Body]]:
        check = {"BankAccountRef": ref(profile.CHECKING), "PrintStatus": "PrintComplete"}
        return [
            ("BillPayment", {
                "Id": self._next_id(),
                "TxnDate": day.isoformat(),
                "VendorRef": self._vendors[party],
                "TotalAmt": sum((d.amount for d in documents), start=Decimal(0)),
                "PayType": "Check",
                "CheckPayment": check,
                "Line": [linked_line(d.amount, to=d.id, kind="Bill") for d in documents],
            })
            for party, documents in _by_party(self._bills_due.pop(day, []))
        ]  # fmt: skip

    def _payments(self, day: date) -> list[tuple[str, Body]]:
        return [
            ("Payment", {
                "Id": self._next_id(),
                "TxnDate": day.isoformat(),
                "CustomerRef": self._customers[party],
                "TotalAmt": sum((d.amount for d in documents), start=Decimal(0)),
                "DepositToAccountRef": ref(profile.CHECKING),
                "Line": [linked_line(d.amount, to=d.id, kind="Invoice") for d in documents],
            })
            for party, documents in _by_party(self._invoices_due.pop(day, []))
        ]  # fmt: skip


def _by_party(documents: list[_Unpaid]) -> list[tuple[int, list[_Unpaid]]]:
    groups: dict[int, list[_Unpaid]] = {}
    for document in documents:
        groups.setdefault(document.party, []).append(document)
    return list(groups.items())
