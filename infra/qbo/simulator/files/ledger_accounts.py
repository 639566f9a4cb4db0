"""What the accounts of a ledger's postings are, by their types."""

from collections.abc import Sequence
from decimal import Decimal

from infra.money import ZERO
from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.ledger_chart import Posting


class LedgerAccounts:
    """`accounts` by Id."""

    def __init__(self, accounts: dict[str, Body]) -> None:
        self._accounts = accounts

    def type_of(self, posting: Posting) -> str:
        return str(self._accounts[posting.account_id]["AccountType"])

    def subtype_of(self, posting: Posting) -> str:
        return str(self._accounts[posting.account_id]["AccountSubType"])

    def is_money(self, posting: Posting) -> bool:
        return self.type_of(posting) in {"Bank", "Credit Card"} or self.subtype_of(posting) == "UndepositedFunds"

    def is_cost(self, posting: Posting) -> bool:
        return self.type_of(posting) == "Cost of Goods Sold" or self.subtype_of(posting) == "Inventory"

    def total(self, postings: Sequence[Posting], account_type: str) -> Decimal:
        """Signed debits to accounts of the type."""
        return sum((p.debit for p in postings if self.type_of(p) == account_type), start=ZERO)

    def reference(self, posting: Posting) -> Body:
        return {"value": posting.account_id, "name": self._accounts[posting.account_id]["Name"]}

    def find_bank(self) -> str | None:
        return next((account["Id"] for account in self._accounts.values() if account["AccountType"] == "Bank"), None)
