"""Turns what the stores say has changed into commits: kept in the state, told to the oracle, announced by webhooks."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key
from infra.qbo.simulator.books.store import Record, Tombstone, Version, version_of
from infra.qbo.simulator.oracle.oracle import Oracle, SeenRequest

CURRENT: Final[ContextVar[SeenRequest | None]] = ContextVar("simulated_request", default=None)
"""The request being carried out: whose commits these are."""

OUTSIDE: Final = "outside"  # a test that holds the company itself


@dataclass(frozen=True, slots=True)
class Commit:
    """`at` is epoch seconds; `operation` as webhooks call it; `deleted_id` is what a merge retired."""

    realm_id: str
    entity: str
    id: str
    sync_token: str
    operation: str
    at: int
    deleted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    entity: str
    survivor_id: str
    loser_id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All that one commit moved in a company: what a state must keep."""

    records: list[tuple[str, Record]]
    removed: list[tuple[str, Tombstone]]
    entries: set[Key]


class Keeper(Protocol):
    def keep(self, company: Company, changes: Changes) -> None: ...


class Journal:
    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.keeper: Keeper | None = None
        self.listeners: list[Callable[[Commit], None]] = []

    def adopt(self, company: Company) -> None:
        for store in company.stores.values():
            store.watch()
        company.ledger.watch()

    def commit(self, company: Company, *, who: str | None = None, merged: Merge | None = None) -> None:
        """Take what changed since the last call; without `who` it is the current request's work."""
        seen = CURRENT.get()
        changes = _take(company)
        if not (changes.records or changes.removed or changes.entries):
            return
        if self.keeper is not None:
            self.keeper.keep(company, changes)
        author = who or (OUTSIDE if seen is None else seen.who)
        for commit in _merged(_commits(company.realm_id, changes), merged):
            self._oracle.commit(
                realm_id=commit.realm_id, entity=commit.entity, identifier=commit.id, sync_token=commit.sync_token,
                operation=commit.operation, who=author, request=seen.nth if seen and who is None else None,
            )  # fmt: skip
            for listener in self.listeners:
                listener(commit)


def _merged(commits: list[Commit], merged: Merge | None) -> list[Commit]:
    """A merge is one event, of the survivor; the one merged away has none of its own."""
    if merged is None:
        return commits
    gone = [commit for commit in commits if (commit.entity, commit.id) == (merged.entity, merged.loser_id)]
    survivor = (merged.entity, merged.survivor_id)
    rest = [commit for commit in commits if commit not in gone and (commit.entity, commit.id) != survivor]
    told = [
        Commit(
            commit.realm_id, merged.entity, merged.survivor_id, commit.sync_token, "Merge", commit.at, merged.loser_id
        )
        for commit in gone
    ]
    return rest + told


def _take(company: Company) -> Changes:
    records: list[tuple[str, Record]] = []
    removed: list[tuple[str, Tombstone]] = []
    for entity, store in company.stores.items():
        if store.changed:
            records += [(entity, record) for record in store.changed]
            store.changed.clear()
        if store.removed:
            removed += [(entity, tombstone) for _, tombstone in store.removed]
            store.removed.clear()
    entries: set[Key] = set()
    if company.ledger.changed:
        entries, company.ledger.changed = company.ledger.changed, set()
    return Changes(records, removed, entries)


def _commits(realm_id: str, changes: Changes) -> list[Commit]:
    """A moved balance is no commit: time moves, the token does not, and no webhook tells of it."""
    commits = []
    for entity, record in changes.records:
        version = version_of(record.body)
        if version != record.known:
            operation = _operation(record.known, version)
            commits.append(Commit(realm_id, entity, record.id, version[0], operation, record.updated))
            record.known = version
    commits += [Commit(realm_id, entity, gone.id, "", "Delete", gone.deleted) for entity, gone in changes.removed]
    return commits


def _operation(before: Version | None, after: Version) -> str:
    if before is None:
        return "Create"
    if after[1] and not before[1]:
        return "Void"
    return "Emailed" if after[2] != before[2] else "Update"
