"""The chart of accounts at work: where implied postings go, and how a balance is shown."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.ledger import Body, Ledger, ref_id
from infra.qbo.simulator.books.store import EntityStore

CLASSIFICATION: Final[dict[str, str]] = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Cost of Goods Sold": "Expense",
    "Expense": "Expense",
    "Other Expense": "Expense",
}
_WITHOUT_BALANCE: Final = frozenset({"Revenue", "Expense"})
_TAX_SUBTYPES: Final = frozenset({"GlobalTaxPayable", "SalesTaxPayable"})


class CompanyChart:
    """Learns each account as it is added; the first of its sort wins. `tax_accounts` maps a tax rate to its account."""

    def __init__(self, stores: Mapping[str, EntityStore]) -> None:
        self._stores = stores
        self.payable_id = ""
        self.receivable_id = ""
        self.undeposited_id = ""
        self.tax_accounts: dict[str, str] = {}
        self._first_of: dict[str, str] = {}
        self._default_tax_id = ""
        self._children: defaultdict[str, list[str]] = defaultdict(list)

    def learn(self, entity: str, body: Body) -> None:
        if entity != "Account":
            return
        kind, subtype = body["AccountType"], body.get("AccountSubType")
        self._first_of.setdefault(kind, body["Id"])
        if kind == "Accounts Payable":
            self.payable_id = self.payable_id or body["Id"]
        elif kind == "Accounts Receivable":
            self.receivable_id = self.receivable_id or body["Id"]
        elif subtype == "UndepositedFunds":
            self.undeposited_id = self.undeposited_id or body["Id"]
        elif subtype in _TAX_SUBTYPES:
            self._default_tax_id = self._default_tax_id or body["Id"]
        if (parent := ref_id(body, "ParentRef")) is not None:
            self._children[parent].append(body["Id"])

    def copy_from(self, other: "CompanyChart") -> None:
        self.payable_id, self.receivable_id, self.undeposited_id = (
            other.payable_id, other.receivable_id, other.undeposited_id,
        )  # fmt: skip
        self.tax_accounts = dict(other.tax_accounts)
        self._first_of, self._default_tax_id = dict(other._first_of), other._default_tax_id  # noqa: SLF001 - one of its own kind
        self._children.update({parent: list(children) for parent, children in other._children.items()})  # noqa: SLF001 - one of its own kind

    def forget_parent(self, body: Body) -> None:
        """Before a sub-account moves elsewhere."""
        if (parent := ref_id(body, "ParentRef")) is not None and body["Id"] in self._children[parent]:
            self._children[parent].remove(body["Id"])

    @property
    def own_accounts(self) -> frozenset[str]:
        """Those that postings go to unasked: they can be neither merged away nor retired."""
        return frozenset({self.payable_id, self.receivable_id, self.undeposited_id})

    def ref(self, account_id: str) -> Body:
        return {"value": account_id, "name": self._stores["Account"].records[account_id].body["FullyQualifiedName"]}

    def income_account(self, item_id: str) -> str:
        item = self._stores["Item"].records.get(item_id)
        account = ref_id(item.body, "IncomeAccountRef") if item else None
        return account or self._first("Income")

    def expense_account(self, item_id: str) -> str:
        body = self._stores["Item"].records[item_id].body
        inventory = ref_id(body, "AssetAccountRef") if body.get("Type") == "Inventory" else None
        return inventory or ref_id(body, "ExpenseAccountRef") or self._first("Expense")

    def discount_account(self) -> str:
        return self._first("Income")

    def tax_account(self, rate_id: str | None) -> str:
        known = self.tax_accounts.get(rate_id) if rate_id else None
        return known or self._default_tax_id or self._first("Other Current Liability")

    def deposit_source(self, link: Body) -> str:
        body = self._stores[str(link["TxnType"])].records[str(link["TxnId"])].body
        return ref_id(body, "DepositToAccountRef") or self.undeposited_id

    def show_balance(self, body: Body, ledger: Ledger) -> None:
        """Debit less credit, so liabilities and equity are negative; income and expense accounts show zero."""
        if body["Classification"] in _WITHOUT_BALANCE:
            body["CurrentBalance"] = body["CurrentBalanceWithSubAccounts"] = 0
            return
        own = ledger.account_balances.get(body["Id"], ZERO)
        below = (ledger.account_balances.get(child, ZERO) for child in self._below(body["Id"]))
        body["CurrentBalance"] = own
        body["CurrentBalanceWithSubAccounts"] = own + sum(below, ZERO)

    def _below(self, account_id: str) -> Iterator[str]:
        for child in self._children.get(account_id, ()):
            yield child
            yield from self._below(child)

    def _first(self, account_type: str) -> str:
        account = self._first_of.get(account_type)
        if account is None:
            raise faults.refused(f"The company has no account of type {account_type}.")
        return account
