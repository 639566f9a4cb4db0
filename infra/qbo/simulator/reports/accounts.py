"""The chart of accounts as reports read it: by type, in order, parents over children."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from infra.qbo.simulator.books.chart import CLASSIFICATION
from infra.qbo.simulator.books.ledger import ref_id
from infra.qbo.simulator.books.store import EntityStore

UNAPPLIED_INCOME: Final = "unapplied income"
UNAPPLIED_EXPENSE: Final = "unapplied expense"
RETAINED_EARNINGS: Final = "retained earnings"
# What a company may lack: key -> (name, type, the subtype of a real account that takes its place).
_IMPLIED: Final = {
    UNAPPLIED_INCOME: ("Unapplied Cash Payment Income", "Income", "UnappliedCashPaymentIncome"),
    UNAPPLIED_EXPENSE: ("Unapplied Cash Bill Payment Expense", "Expense", "UnappliedCashBillPaymentExpense"),
    RETAINED_EARNINGS: ("Retained Earnings", "Equity", "RetainedEarnings"),
}
_DEBIT_TYPES: Final = frozenset({
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset", "Cost of Goods Sold",
    "Expense", "Other Expense",
})  # fmt: skip
TYPE_ORDER: Final = (
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset", "Accounts Payable",
    "Credit Card", "Other Current Liability", "Long Term Liability", "Equity", "Income", "Cost of Goods Sold",
    "Expense", "Other Income", "Other Expense",
)  # fmt: skip
_PERIODIC: Final = frozenset({"Revenue", "Expense"})


@dataclass(slots=True)
class ReportAccount:
    """`shown_id` is None for an account that reports imply and the company does not have."""

    key: str
    shown_id: str | None
    name: str
    full_name: str
    type: str
    subtype: str
    children: list["ReportAccount"] = field(default_factory=list)

    def natural(self, amount: Decimal) -> Decimal:
        """A signed debit in the account's own sign: credits of liabilities, equity and income are positive."""
        return amount if self.type in _DEBIT_TYPES else -amount

    @property
    def is_periodic(self) -> bool:
        """Income and expense: closed into retained earnings at the end of each fiscal year."""
        return CLASSIFICATION[self.type] in _PERIODIC

    @property
    def is_cash(self) -> bool:
        """What the statement of cash flows counts as cash."""
        return self.type == "Bank" or self.subtype == "UndepositedFunds"


class AccountTree:
    def __init__(self, stores: Mapping[str, EntityStore]) -> None:
        self.by_key: dict[str, ReportAccount] = {}
        self._roots: dict[str, list[ReportAccount]] = {kind: [] for kind in TYPE_ORDER}
        self._substitutes: dict[str, str] = {}
        bodies = [record.body for record in stores["Account"].records.values()]
        for body in bodies:
            account = ReportAccount(
                body["Id"], body["Id"], body["Name"], str(body.get("FullyQualifiedName", body["Name"])),
                body["AccountType"], body.get("AccountSubType", ""),
            )  # fmt: skip
            self.by_key[account.key] = account
        for body in bodies:
            account = self.by_key[body["Id"]]
            parent = self.by_key.get(ref_id(body, "ParentRef") or "")
            is_below = parent is not None and parent.type == account.type
            (parent.children if parent is not None and is_below else self._roots[account.type]).append(account)
        self._add_implied()
        for siblings in [*self._roots.values(), *(account.children for account in self.by_key.values())]:
            siblings.sort(key=lambda account: account.name.lower())

    def substitute(self, implied: str) -> str:
        """The key to post to: of the company's own account of that sort if it has one."""
        return self._substitutes.get(implied, implied)

    def roots(self, account_type: str) -> list[ReportAccount]:
        return self._roots[account_type]

    def in_order(self) -> Iterator[ReportAccount]:
        """Every account, by type, then by name, parents first."""
        for account_type in TYPE_ORDER:
            yield from _deep(self._roots[account_type])

    def periodic(self) -> list[ReportAccount]:
        return [account for account in self.by_key.values() if account.is_periodic]

    def of_type(self, account_type: str) -> frozenset[str]:
        return frozenset(key for key, account in self.by_key.items() if account.type == account_type)

    def _add_implied(self) -> None:
        for key, (name, account_type, subtype) in _IMPLIED.items():
            own = next((account for account in self.by_key.values() if account.subtype == subtype), None)
            if own is not None:
                self._substitutes[key] = own.key
                continue
            implied = ReportAccount(key, None, name, name, account_type, subtype)
            self.by_key[key] = implied
            self._roots[account_type].append(implied)


def _deep(accounts: list[ReportAccount]) -> Iterator[ReportAccount]:
    for account in accounts:
        yield account
        yield from _deep(account.children)
