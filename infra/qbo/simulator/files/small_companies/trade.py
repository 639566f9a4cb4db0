"""What tells one small sample business from another: who it is, whom it deals with, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.profile import TERM_IDS, Buyer, Supplier


@dataclass(frozen=True, slots=True)
class OneOff:
    """A bill or an invoice beside the usual ones: entered so many days ago, due in so many days from today."""

    party: str
    dollars: Decimal
    entered_days_ago: int
    due_in_days: int


@dataclass(frozen=True, slots=True)
class Slump:
    """Since `days` ago customers order this share of what they did; since `unpaid_days` some suppliers are not paid."""

    days: int
    share_of_orders: float
    unpaid_days: int
    put_off: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """`accounts` are the names of this trade's accounts, by the ids of the chart all sample companies share.

    `cash_now` is what stands in the bank this morning: what it began with follows from it.
    """

    company: Body
    realm_id: str
    accounts: Mapping[str, str]
    products: tuple[tuple[str, str, int], ...]
    suppliers: tuple[Supplier, ...]
    buyers: tuple[Buyer, ...]
    payroll_service: str
    bank: str
    net_pay: Decimal
    payroll_taxes: Decimal
    cash_now: Decimal
    owner_draw: Decimal = ZERO
    bills: tuple[OneOff, ...] = ()
    invoices: tuple[OneOff, ...] = ()
    slump: Slump | None = None

    def supplier(self, name: str) -> Supplier:
        return next(one for one in self.suppliers if one.name == name)

    def buyer(self, name: str) -> Buyer:
        return next(one for one in self.buyers if one.name == name)

    def lists(self) -> dict[str, list[Body]]:
        """The file's lists of accounts, terms, items, vendors and customers."""
        return {
            "accounts": [
                body | {"Name": self.accounts[body["Id"]]}
                for body in profile.account_bodies()
                if body["Id"] in self.accounts
            ],
            "terms": profile.term_bodies(),
            "items": [
                {
                    "Id": i,
                    "Name": name,
                    "Type": "Service",
                    "Active": True,
                    "IncomeAccountRef": {"value": profile.WHOLESALE},
                }
                for i, name, _ in self.products
            ],
            "vendors": [
                {"Id": s.id, "DisplayName": s.name, "Active": True, "TermRef": {"value": TERM_IDS[s.term_days]}}
                for s in self.suppliers
            ],
            "customers": [
                {"Id": b.id, "DisplayName": b.name, "Active": True, "SalesTermRef": {"value": TERM_IDS[b.term_days]}}
                for b in self.buyers
            ],
        }


def numbered_suppliers(*rows: tuple[str, str, int, int, int]) -> tuple[Supplier, ...]:
    """From name, account, days of term, days between bills (negative: that day of each month), cents."""
    return tuple(Supplier(str(101 + number), *row) for number, row in enumerate(rows))


def numbered_buyers(*rows: tuple[str, int, int, int, int]) -> tuple[Buyer, ...]:
    """From name, days of term, days between invoices, cents, days late."""
    return tuple(Buyer(str(201 + number), *row, pays_by_check=number % 3 == 0) for number, row in enumerate(rows))
