"""The Split column: which account stands on the other side of a movement."""

from collections.abc import Sequence

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Entry, Posting
from infra.qbo.simulator.reports.accounts import AccountTree, ReportAccount
from infra.qbo.simulator.reports.movements import Movement

_ALWAYS_SPLIT = frozenset({"JournalEntry", "Sales Tax Payment"})


class Splits:
    def __init__(self, company: Company, tree: AccountTree) -> None:
        self._entries = company.ledger.entries
        self._tree = tree

    def other_side(self, moved: Movement) -> ReportAccount | None:
        """A line's is the document's own account, the document's that of its only line; None prints as -Split-."""
        if moved.split is not None:
            return self._tree.by_key.get(moved.split)
        if moved.entry.kind in _ALWAYS_SPLIT:
            return None
        own, beside = self._sides(moved)
        is_main = own is not None and moved.account_key == own.account_id and moved.entry is not beside
        if own is not None and not is_main:
            return self._tree.by_key.get(own.account_id)
        others = [posting for posting in moved.entry.postings if posting is not own]
        return self._tree.by_key.get(others[0].account_id) if len(others) == 1 else None

    def _sides(self, moved: Movement) -> tuple[Posting | None, Entry | None]:
        """The document's own posting stands first; what a ledger adds to a document leans on the document."""
        kind, identifier = moved.entry.kind.replace(" ", ""), moved.key[1]
        document = self._entries.get((kind, identifier))
        postings: Sequence[Posting] = moved.entry.postings
        if document is not None and document is not moved.entry and document.postings:
            return document.postings[0], moved.entry
        return (postings[0] if postings else None), None
