"""Edits by people who are not the API client: what makes paging by position lose records."""

from typing import Any, Final, Protocol

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Record
from infra.qbo.simulator.timestamps import whole_seconds
from infra.qbo.simulator.trouble.draws import Draws

_NOTE_FIELD: Final = {
    "Vendor": "PrintOnCheckName",
    "Customer": "Notes",
    "Account": "Description",
    "Item": "Description",
}


class Journal(Protocol):
    def commit(self, company: Company, *, who: str | None = None) -> None: ...


class OtherUsers:
    """When `edits_per_page` is on, each query page served is followed by an edit of one object of its entity."""

    def __init__(self, seed: int) -> None:
        self.edits_per_page = False
        self.edit_count = 0
        self.journal: Journal | None = None
        self._seed = seed
        self._random = Draws(seed)

    def reseed(self, seed: int) -> None:
        self._seed, self._random = seed, Draws(seed)
        self.edit_count = 0

    def kept(self) -> dict[str, Any]:
        return {
            "per_page": self.edits_per_page, "count": self.edit_count, "seed": self._seed, "taken": self._random.taken,
        }  # fmt: skip

    def resume(self, kept: dict[str, Any]) -> None:
        self.reseed(kept["seed"])
        self._random.skip_to(kept["taken"])
        self.edits_per_page, self.edit_count = kept["per_page"], kept["count"]

    def page_was_served(self, company: Company, entity: str) -> None:
        if self.edits_per_page:
            self.edit_one(company, entity)

    def edit_one(self, company: Company, entity: str) -> Record | None:
        """Change a note on a random object, now; None when the entity has none."""
        order = company.stores[entity].by_number()
        if not order:
            return None
        if self.journal is not None:
            self.journal.commit(company)  # what the client did so far is the client's
        record = order[self._random.randrange(len(order))][1]
        self.edit_count += 1
        record.own()[_NOTE_FIELD.get(entity, "PrivateNote")] = f"Edit {self.edit_count} by another user"
        record.bump_sync_token()
        company.stores[entity].move(record, whole_seconds(company.clock))
        if self.journal is not None:
            self.journal.commit(company, who="other user")
        return record
