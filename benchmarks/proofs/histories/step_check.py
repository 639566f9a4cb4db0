"""One request, judged by what everything showed before and after it, and by the oracle.

Only what the request means may move: tokens by one, times to now, and each commit is told once. What is quiet by API.md
section 11 (balances, deposits, names shown elsewhere, merges, mails) stays quiet.
"""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.proofs.histories.office import Office
from benchmarks.proofs.histories.snapshot import Body, Key, Snapshot
from infra.qbo.simulator.oracle.oracle import SeenCommit
from infra.qbo.simulator.timestamps import show_instant, whole_seconds

_LISTS: Final = ("Account", "Vendor", "Customer", "Item", "Term")
_BALANCES: Final = ("Balance", "BalanceWithJobs", "CurrentBalance", "CurrentBalanceWithSubAccounts")
_SHOWN_NAMES: Final = ("FullyQualifiedName", "Level")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a request is about. `own`: what it changes or deletes by Id.

    `many`: tokens may move more than once (a batch; the void of a paid invoice). `mails`: the contents of
    this one change without the token. `merges`: (entity, loser, survivor).
    """

    own: frozenset[Key] = frozenset()
    many: bool = False
    mails: Key | None = None
    merges: tuple[str, str, str] | None = None


def check_nothing_moved(before: Snapshot, after: Snapshot, commits: list[SeenCommit]) -> None:
    changed = {key for key in before.shown.keys() | after.shown.keys() if before.shown.get(key) != after.shown.get(key)}
    assert not changed, f"changed without reason: {sorted(changed)}"
    assert not commits, f"committed without reason: {commits}"


def check_step(
    office: Office, before: Snapshot, after: Snapshot, *, meaning: Meaning, commits: list[SeenCommit]
) -> None:
    now = show_instant(whole_seconds(office.clock))
    created, gone = after.shown.keys() - before.shown.keys(), before.shown.keys() - after.shown.keys()
    assert gone <= meaning.own, f"gone with another's deletion: {sorted(gone - meaning.own)}"
    moved = _check_tokens(office, before, after, meaning)
    for key in created:
        _check_created(after, key, now)
    for key in after.shown.keys() & before.shown.keys():
        if after.shown[key] != before.shown[key]:
            _check_times(before, after, key, now=now, meaning=meaning, switched=key in moved)
    _check_commits(before, after, moved | created | gone, meaning=meaning, commits=commits)


def _check_tokens(office: Office, before: Snapshot, after: Snapshot, meaning: Meaning) -> set[Key]:
    must, may = _linked(before, after, meaning.own)
    if meaning.merges is not None:
        must = may = _moved_by_merge(office, before, after, meaning.merges)
    moved = set()
    for key in after.bodies.keys() & before.bodies.keys():
        steps = after.token(key) - before.token(key)
        most = (100 if meaning.many else 1) if key in may else 0
        least = 1 if key in must and not (meaning.many and key in meaning.own) else 0
        assert least <= steps <= most, f"{key}: the SyncToken moved by {steps}, not {least} to {most}"
        if steps:
            moved.add(key)
    return moved


def _linked(before: Snapshot, after: Snapshot, own: Iterable[Key]) -> tuple[set[Key], set[Key]]:
    """Documents whose token must move, and those that may: paid differently than before, or by what was changed.

    A deposit leaves its payments alone.
    """
    must, may = set(own), set(own)
    earlier, later = before.payments(), after.payments()
    for payer in earlier.keys() | later.keys():
        was, now = earlier.get(payer, {}), later.get(payer, {})
        if payer[0] == "Deposit" or (was == now and payer not in must):
            continue
        may |= was.keys() | now.keys()
        must |= {target for target in was.keys() | now.keys() if was.get(target) != now.get(target)}
        if payer in earlier and payer in later:
            must.add(payer)  # the void of an invoice takes its lines
            may.add(payer)
    return must, may


def _moved_by_merge(office: Office, before: Snapshot, after: Snapshot, merges: tuple[str, str, str]) -> set[Key]:
    entity, loser, _ = merges
    repointed = {
        key
        for key in before.bodies.keys() & after.bodies.keys()
        if key[0] not in _LISTS and _meant(before, key) != _meant(after, key)
    }
    children = {key for key, body in before.of(entity).items() if body.get("ParentRef", {}).get("value") == loser}
    moved = {(entity, loser), *children}
    return moved | (repointed if office.simulator.behaviour.merge_moves_transactions else set())


def _check_created(after: Snapshot, key: Key, now: str) -> None:
    times = after.bodies[key]["MetaData"]
    paid_at_once = len(after.payers_of().get(key, {}))
    assert 0 <= after.token(key) <= paid_at_once, f"{key}: a new object's token is 0"
    assert times == {"CreateTime": now, "LastUpdatedTime": now}, f"{key}: made at {times}, not {now}"


def _check_times(before: Snapshot, after: Snapshot, key: Key, *, now: str, meaning: Meaning, switched: bool) -> None:
    was, shows = before.bodies[key], after.bodies[key]
    assert was["MetaData"]["CreateTime"] == shows["MetaData"]["CreateTime"], f"{key}: CreateTime moved"
    balance_moved = key[0] in _LISTS and any(was.get(name) != shows.get(name) for name in _BALANCES)
    mailed = meaning.mails == key and _mail(before, key) != _mail(after, key)
    if switched or balance_moved or mailed:
        assert after.updated(key) == now, f"{key}: changed, and its LastUpdatedTime is not now"
    elif after.updated(key) != before.updated(key):
        assert key[0] in _LISTS or meaning.mails == key, f"{key}: its time moved and nothing else"
        assert after.updated(key) == now, f"{key}: its time moved to another than now"
    if not (switched or meaning.mails or meaning.merges):
        assert _meant(before, key) == _meant(after, key), f"{key}: changed without a change of its token"


def _meant(snapshot: Snapshot, key: Key) -> Body:
    """A body without what others' changes move in it."""
    body = deepcopy(snapshot.bodies[key])
    for name in ("SyncToken", "MetaData"):
        del body[name]
    for name in (*_BALANCES, *_SHOWN_NAMES) if key[0] in _LISTS else ():
        body.pop(name, None)
    if key[0] in {"Payment", "SalesReceipt"}:
        body.pop("LinkedTxn", None)
    _drop_names(body)
    return body


def _drop_names(value: Any) -> None:
    if isinstance(value, dict):
        if "value" in value:
            value.pop("name", None)
        for inner in value.values():
            _drop_names(inner)
    elif isinstance(value, list):
        for inner in value:
            _drop_names(inner)


def _check_commits(
    before: Snapshot, after: Snapshot, moved: set[Key], *, meaning: Meaning, commits: list[SeenCommit]
) -> None:
    told = Counter((commit.entity, commit.id) for commit in commits)
    assert all(count == 1 for count in told.values()), f"told twice: {told}"
    mailed = {meaning.mails} if meaning.mails and _mail(before, meaning.mails) != _mail(after, meaning.mails) else set()
    expected = moved | mailed
    if meaning.merges is not None:
        entity, loser, survivor = meaning.merges
        expected = (expected - {(entity, loser)}) | {(entity, survivor)}
    assert told.keys() == expected, f"the oracle tells of {sorted(told)}, changed are {sorted(expected)}"
    for commit in commits:
        key = (commit.entity, commit.id)
        allowed = {"Update", "Void", "Emailed", "Merge"}
        if key not in before.shown:
            allowed = {"Create"}
        elif key not in after.shown:
            allowed = {"Delete"}
        assert commit.operation in allowed, f"{key}: told as {commit.operation}"
        if commit.operation not in {"Delete", "Merge"}:
            assert commit.sync_token == after.bodies[key]["SyncToken"], f"{key}: told with another token"


def _mail(snapshot: Snapshot, key: Key) -> Any:
    body = snapshot.bodies[key]
    return body.get("EmailStatus"), body.get("DeliveryInfo")
