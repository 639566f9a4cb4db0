"""Which document a payment settled and a deposit banked, found again from names, amounts and the order of entry.

Ids follow the order of entry, so a payment can only have settled documents with a lower id. Among those of the same name:
the one open for exactly this amount (the oldest); else a group that adds up to it; else oldest first, and what is left
stays unapplied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from infra.money import ZERO

_LARGEST_GROUP = 4
_MOST_CANDIDATES = 12


@dataclass(slots=True)
class OpenDocument:
    """A bill, invoice or credit; `open` is what is left of it, never negative."""

    id: str
    entity: str
    name_id: str
    txn_date: str
    order: int
    open: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    document: OpenDocument
    amount: Decimal


class OpenDocuments:
    def __init__(self) -> None:
        self._by_name: dict[str, list[OpenDocument]] = {}

    def add(self, document: OpenDocument) -> None:
        self._by_name.setdefault(document.name_id, []).append(document)

    def settle(self, name_id: str, amount: Decimal) -> list[Share]:
        """Take `amount` from the name's open documents; the shares may add up to less."""
        candidates = sorted(
            (d for d in self._by_name.get(name_id, []) if d.open > ZERO), key=lambda d: (d.txn_date, d.order)
        )
        chosen = _exact_group(candidates, amount) or candidates
        shares = []
        for document in chosen:
            share = min(document.open, amount)
            if share > ZERO:
                document.open -= share
                amount -= share
                shares.append(Share(document, share))
        return shares

    def open_total(self, name_id: str) -> Decimal:
        return sum((d.open for d in self._by_name.get(name_id, [])), start=ZERO)


def _exact_group(candidates: Sequence[OpenDocument], amount: Decimal) -> Sequence[OpenDocument]:
    few = candidates[:_MOST_CANDIDATES]
    for document in candidates:
        if document.open == amount:
            return (document,)
    for size in range(2, _LARGEST_GROUP + 1):
        for group in combinations(few, size):
            if sum(d.open for d in group) == amount:
                return group
    return ()


@dataclass(frozen=True, slots=True)
class _Undeposited:
    id: str
    entity: str
    amount: Decimal


class UndepositedFunds:
    def __init__(self) -> None:
        self._waiting: list[_Undeposited] = []

    def add(self, identifier: str, entity: str, amount: Decimal) -> None:
        self._waiting.append(_Undeposited(identifier, entity, amount))

    def take(self, amount: Decimal) -> tuple[str, str] | None:
        """The id and entity of the earliest receipt of exactly this amount that no deposit has banked yet."""
        for position, receipt in enumerate(self._waiting):
            if receipt.amount == amount:
                del self._waiting[position]
                return receipt.id, receipt.entity
        return None
