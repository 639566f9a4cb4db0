"""Sub-accounts of a ledger file's chart. A ledger names an account alone; QBO tells same names apart by their parents."""

from collections import Counter
from typing import Final

from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.ledger_chart import CREDIT, DEBIT, Side, side_of

_INCOME_MATERIALS: Final = "Landscaping Services:Job Materials"
_COST_MATERIALS: Final = "Job Expenses:Job Materials"
_FEES: Final = "Legal & Professional Fees"
_PARENT: Final[dict[tuple[str, Side], str]] = {
    ("Plants and Soil", CREDIT): _INCOME_MATERIALS,
    ("Fountains and Garden Lighting", CREDIT): _INCOME_MATERIALS,
    ("Sprinklers and Drip Systems", CREDIT): _INCOME_MATERIALS,
    ("Decks and Patios", CREDIT): _INCOME_MATERIALS,
    ("Installation", CREDIT): "Landscaping Services:Labor",
    ("Maintenance and Repair", CREDIT): "Landscaping Services:Labor",
    ("Plants and Soil", DEBIT): _COST_MATERIALS,
    ("Fountains and Garden Lighting", DEBIT): _COST_MATERIALS,
    ("Sprinklers and Drip Systems", DEBIT): _COST_MATERIALS,
    ("Decks and Patios", DEBIT): _COST_MATERIALS,
    ("Original Cost", DEBIT): "Truck",
    ("Fuel", DEBIT): "Automobile",
    ("Accounting", DEBIT): _FEES,
    ("Bookkeeper", DEBIT): _FEES,
    ("Lawyer", DEBIT): _FEES,
    ("Equipment Repairs", DEBIT): "Maintenance and Repair",
    ("Gas and Electric", DEBIT): "Utilities",
    ("Telephone", DEBIT): "Utilities",
}
_FIRST_FREE: Final = 1101


def arrange(accounts: dict[str, Body]) -> list[Body]:
    """The accounts, parents first. A parent that the ledger never posts to is added with the child's type.

    Two accounts that would still have the same full name are told apart by their ids.
    """
    by_path = {(a["Name"], side_of(a)): a for a in accounts.values() if (a["Name"], side_of(a)) not in _PARENT}
    arranged = list(by_path.values())
    children = [a for a in accounts.values() if a not in arranged]
    for account in children:
        path = _PARENT.get((account["Name"], side_of(account)))
        if path is not None:
            account["ParentRef"] = {"value": _parent(path, like=account, by_path=by_path, arranged=arranged)["Id"]}
            account["SubAccount"] = True
        arranged.append(account)
    full = Counter((a["Name"], a.get("ParentRef", {}).get("value")) for a in arranged)
    for account in children:
        if full[account["Name"], account.get("ParentRef", {}).get("value")] > 1:
            account["Name"] = f"{account['Name']} ({account['Id']})"
    return arranged


def _parent(path: str, *, like: Body, by_path: dict[tuple[str, Side], Body], arranged: list[Body]) -> Body:
    side = side_of(like)
    if (path, side) not in by_path:
        above, _, name = path.rpartition(":")
        added = {"AccountType": like["AccountType"], "AccountSubType": like["AccountSubType"], "Active": True}
        if above:
            added["ParentRef"] = {"value": _parent(above, like=like, by_path=by_path, arranged=arranged)["Id"]}
        taken = {a["Id"] for a in arranged}
        free = next(str(n) for n in range(_FIRST_FREE, _FIRST_FREE + len(taken) + 1) if str(n) not in taken)
        added |= {"Id": free, "Name": name, "Classification": like["Classification"]}
        by_path[path, side] = added
        arranged.append(added)
    return by_path[path, side]
