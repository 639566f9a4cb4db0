"""The items of a ledger file's sales lines; a ledger names only the account and a description."""

from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.ledger_chart import Posting


class LedgerItems:
    """One item for each pair of description and income account, named by the description."""

    def __init__(self, accounts: dict[str, Body]) -> None:
        self.bodies: list[Body] = []
        self._accounts = accounts
        self._ids: dict[tuple[str, str], str] = {}
        self._names: set[str] = set()

    def reference(self, posting: Posting) -> Body:
        account_name = self._accounts[posting.account_id]["Name"]
        key = posting.memo or account_name, posting.account_id
        if key not in self._ids:
            name = key[0] if key[0] not in self._names else f"{key[0]} ({account_name})"
            if name in self._names:
                name = f"{name} {posting.account_id}"
            self._names.add(name)
            self._ids[key] = str(len(self._ids) + 1)
            account = {"value": posting.account_id, "name": account_name}
            self.bodies.append({
                "Id": self._ids[key], "Name": name, "Type": "Service", "Active": True, "IncomeAccountRef": account,
            })  # fmt: skip
        return {"value": self._ids[key]}
