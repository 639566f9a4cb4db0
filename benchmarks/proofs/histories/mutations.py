"""Simulators broken on purpose, one fault each: the histories must find every one, or they prove nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from infra.qbo.simulator.api.replies import Replies
from infra.qbo.simulator.books import completion, effects
from infra.qbo.simulator.books.chart import CompanyChart
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.effects import Effects
from infra.qbo.simulator.books.ledger import Ledger
from infra.qbo.simulator.books.links import Links
from infra.qbo.simulator.books.store import EntityStore, Record
from infra.qbo.simulator.oracle.oracle import Oracle
from infra.qbo.simulator.reports import aging, general_ledger, statements

Fault = tuple[Any, str, Callable[[Any], Any]]
"""Where, which name, and what takes its place, made from the true one."""


def _half_posted(true: Any) -> Any:
    """A purchase's money leaves another account than its lines say, in balance."""

    def post(entity: str, body: Any, chart: Any) -> Any:
        postings = true(entity, body, chart)
        return tuple(each._replace(amount=-each.amount) for each in postings) if entity == "Purchase" else postings

    return post


def _one_sided(true: Any) -> Any:
    """A transfer arrives and never left."""

    def add(self: Ledger, key: Any, entry: Any) -> None:
        true(self, key, replace(entry, postings=entry.postings[:1]) if key[0] == "Transfer" else entry)

    return add


def _never(_true: Any) -> Any:
    return lambda *_args, **_more: None


def _half(true: Any) -> Any:
    return lambda self, target, **more: true(self, target, **more) / 2


def _only_first(true: Any) -> Any:
    return lambda self, target: true(self, target)[:1]


def _bumps_twice(true: Any) -> Any:
    def bump(self: Record) -> None:
        true(self)
        true(self)

    return bump


def _moves_late(true: Any) -> Any:
    return lambda self, record, at: true(self, record, at + 1)


def _deposit_bumps(true: Any) -> Any:
    def show(self: Effects, targets: Any, at: int, *, deposit: bool = False) -> None:
        true(self, targets, at, deposit=deposit)
        for key in targets if deposit else ():
            self._stores[key[0]].records[key[1]].bump_sync_token()

    return show


def _no_replay(_true: Any) -> Any:
    return lambda *_args, **_more: None


def _stale_taken(true: Any) -> Any:
    def claim(self: Company, entity: str, body: Any, *, operation: str) -> Any:
        record = self.stores[entity].records.get(str(body.get("Id")))
        return true(
            self, entity, {**body, "SyncToken": record.body["SyncToken"]} if record else body, operation=operation
        )

    return claim


def _without(kind: str) -> Callable[[Any], Any]:
    """A report that does not see one kind of entry."""

    def make(true: Any) -> Any:
        def blind(company: Company, *given: Any, **named: Any) -> Any:
            whole = company.ledger.entries
            company.ledger.entries = {key: entry for key, entry in whole.items() if key[0] != kind}
            try:
                return list(true(company, *given, **named))
            finally:
                company.ledger.entries = whole

        return blind

    return make


FAULTS: Final[dict[str, Fault]] = {
    "a purchase posted the wrong way round": (effects, "post", _half_posted),
    "a transfer posted on one side": (Ledger, "add", _one_sided),
    "account balances not shown": (CompanyChart, "show_balance", _never),
    "name balances not shown": (Effects, "_show_name_balance", _never),
    "half of what is applied counts": (Links, "applied_to", _half),
    "one link shown of several": (Links, "linked_txns", _only_first),
    "open balances not shown": (Effects, "show_open", _never),
    "a token moves by two": (Record, "bump_sync_token", _bumps_twice),
    "a time is a second late": (EntityStore, "move", _moves_late),
    "a deposit moves its payment's token": (Effects, "show_targets", _deposit_bumps),
    "a requestid is not remembered": (Replies, "find", _no_replay),
    "a stale token is taken": (Company, "_claim", _stale_taken),
    "what shows is an old encoding": (Record, "forget_encoding", _never),
    "a document's name may change though paid": (completion, "check_still_owed", _never),
    "links to anything are allowed": (completion, "check_links", _never),
    "the oracle misses commits": (Oracle, "commit", _never),
    "a deleted document keeps its postings": (
        Effects,
        "unpost",
        lambda _true: lambda self, key, _at: self._ledger.entries.pop(key),
    ),
    "statements leave purchases out": (statements, "accrual_totals", _without("Purchase")),
    "the general ledger leaves transfers out": (general_ledger, "movements", _without("Transfer")),
    "agings leave credit memos out": (aging, "open_items", _without("CreditMemo")),
    "deletions are forgotten at once": (
        EntityStore,
        "_forget_old_tombstones",
        lambda _true: lambda self, _at: self.tombstones.clear(),
    ),
}


@contextmanager
def broken(name: str) -> Iterator[None]:
    """The simulator with that fault for as long as the block runs."""
    where, attribute, make = FAULTS[name]
    true = getattr(where, attribute)
    setattr(where, attribute, make(true))
    try:
        yield
    finally:
        setattr(where, attribute, true)
