"""Which transaction pays which: applied amounts, from which every open balance follows."""

from decimal import Decimal
from typing import Any, Final

from infra.money import ZERO
from infra.qbo.simulator.books.ledger import Key, money

Body = dict[str, Any]

# Payer -> what it may be applied to; the credits among them count against the payer's own money.
APPLIES_TO: Final[dict[str, frozenset[str]]] = {
    "BillPayment": frozenset({"Bill", "VendorCredit", "JournalEntry"}),
    "Payment": frozenset({"Invoice", "CreditMemo", "JournalEntry"}),
    "Deposit": frozenset({"Payment", "SalesReceipt"}),
}
CREDITS: Final = frozenset({"VendorCredit", "CreditMemo"})
# How the payer appears in LinkedTxn of what it pays; a card payment of a bill shows as BillPaymentCheck too.
LINK_NAME: Final = {"BillPayment": "BillPaymentCheck", "Payment": "Payment", "Deposit": "Deposit"}


def applied_amounts(entity: str, body: Body) -> dict[Key, Decimal]:
    """What a payer's lines say: target -> amount, two lines on one target added up."""
    amounts: dict[Key, Decimal] = {}
    if entity in APPLIES_TO:
        for line in body.get("Line", ()):
            for link in line.get("LinkedTxn", ()):
                target = (str(link.get("TxnType")), str(link.get("TxnId")))
                amounts[target] = amounts.get(target, ZERO) + money(line.get("Amount"))
    return amounts


def net_applied(amounts: dict[Key, Decimal]) -> Decimal:
    """Money needed for these amounts: documents less credits."""
    return sum((-amount if target[0] in CREDITS else amount for target, amount in amounts.items()), ZERO)


class Links:
    def __init__(self) -> None:
        # The inner dictionaries are replaced, never changed: copies of a company share them.
        self._payers: dict[Key, dict[Key, Decimal]] = {}
        self._targets: dict[Key, dict[Key, Decimal]] = {}

    def copy_from(self, other: "Links") -> None:
        self._payers, self._targets = dict(other._payers), dict(other._targets)  # noqa: SLF001 - one of its own kind

    def applied_to(self, target: Key, *, without: Key | None = None) -> Decimal:
        return sum((amount for payer, amount in self._payers.get(target, {}).items() if payer != without), ZERO)

    def payers_of(self, target: Key) -> list[Key]:
        return list(self._payers.get(target, ()))

    def targets_of(self, payer: Key) -> dict[Key, Decimal]:
        return self._targets.get(payer, {})

    def replace(self, payer: Key, amounts: dict[Key, Decimal]) -> list[Key]:
        """Set all that `payer` pays; returns every target that was or is paid by it, in order."""
        before = self._targets.pop(payer, {})
        for target in before.keys() - amounts.keys():
            self._payers[target] = {each: paid for each, paid in self._payers[target].items() if each != payer}
        for target, amount in amounts.items():
            self._payers[target] = {**self._payers.get(target, {}), payer: amount}
        if amounts:
            self._targets[payer] = amounts
        return list(dict.fromkeys([*before, *amounts]))

    def linked_txns(self, target: Key) -> list[Body]:
        return [{"TxnId": payer[1], "TxnType": LINK_NAME[payer[0]]} for payer in self._payers.get(target, ())]
