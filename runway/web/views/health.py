"""Data health as its page shows it: is anything being read, and what stands in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.sync.drift import DriftCause, DriftKind
from infra.sync.runs import RunKind, RunState, SyncRun
from runway.orchestrators.data_health import DataHealth, EntityHealth
from runway.orchestrators.sync_progress import ReadingState, SyncProgress
from runway.web.strings import _, keyed

_ENTITIES = {
    "Account": keyed("Accounts"),
    "Bill": keyed("Bills"),
    "BillPayment": keyed("Bill payments"),
    "CompanyInfo": keyed("Company"),
    "CreditMemo": keyed("Credit memos"),
    "Customer": keyed("Customers"),
    "Deposit": keyed("Deposits"),
    "Invoice": keyed("Invoices"),
    "JournalEntry": keyed("Journal entries"),
    "Payment": keyed("Customers' payments"),
    "Preferences": keyed("Preferences"),
    "Purchase": keyed("Purchases"),
    "SalesReceipt": keyed("Sales receipts"),
    "Transfer": keyed("Transfers"),
    "Vendor": keyed("Vendors"),
    "VendorCredit": keyed("Vendor credits"),
}
_KINDS = {
    DriftKind.MISSING: keyed("was missing here"),
    DriftKind.DIFFERENT: keyed("was different here"),
    DriftKind.NOT_DELETED: keyed("is gone in QuickBooks"),
    DriftKind.WRONGLY_DELETED: keyed("was taken for deleted here"),
    DriftKind.COUNT: keyed("another number of them"),
    DriftKind.TOTAL: keyed("another sum"),
    DriftKind.IMPLAUSIBLE_DELETIONS: keyed("more gone at once than is believed"),
    DriftKind.CLOSED_PERIOD: keyed("a change in closed books"),
}
_CAUSES = {
    DriftCause.DEPOSITED_PAYMENT: keyed("A payment was deposited, which QuickBooks does not announce."),
    DriftCause.BALANCE_WITHOUT_TOKEN: keyed("A balance changed without a sign of change."),
    DriftCause.MERGE: keyed("Two names were merged."),
    DriftCause.INACTIVATION: keyed("It was made inactive."),
    DriftCause.VOID: keyed("It was voided."),
    DriftCause.MISSED_CHANGE: keyed("A change was not announced to us."),
    DriftCause.MISSED_DELETION: keyed("A deletion was not announced to us."),
    DriftCause.SILENT_CHANGE: keyed("QuickBooks changed it without saying so."),
    DriftCause.CLOSED_PERIOD: keyed("Somebody changed books that were closed."),
    DriftCause.MISSED_RECORDS: keyed("Records behind it were missed."),
    DriftCause.UNKNOWN: keyed("The cause is not known yet."),
}
_RUNS = {
    RunKind.BACKFILL: keyed("First reading"),
    RunKind.INCREMENTAL: keyed("Changes"),
    RunKind.RESCAN: keyed("Read whole again"),
    RunKind.RECONCILIATION: keyed("Check against QuickBooks"),
    RunKind.COMPARE: keyed("Compare every object"),
}
_CHECKED_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True)
class ProgressView:
    """`is_live`: something is read now, or was asked for and did not end yet, so that the page looks again."""

    is_live: bool
    is_first_reading: bool
    done: int
    total: int
    objects: int
    running: Sequence[SyncRun]
    latest: Sequence[SyncRun]
    failed: SyncRun | None


def progress_view(sync: SyncProgress, *, now: datetime, since: datetime | None = None) -> ProgressView:
    """`since`: when somebody asked for a check here."""
    done = [one for one in sync.entities if one.state is ReadingState.DONE]
    is_active = sync.connection is not None and sync.connection.state == "active"
    is_first = is_active and len(done) < len(sync.entities)
    running = [run for run in sync.runs if run.state == RunState.RUNNING.value]
    newest = sync.runs[0] if sync.runs else None
    return ProgressView(
        is_live=is_first
        or bool(running)
        or (since is not None and not _ended_since(sync.runs, since))
        or _awaits_check(sync.runs, now=now),
        is_first_reading=is_first,
        done=len(done),
        total=len(sync.entities),
        objects=sum(one.stored_objects for one in sync.entities),
        running=running,
        latest=sync.runs[:5],
        failed=newest if newest is not None and newest.state == RunState.FAILED.value else None,
    )


def _awaits_check(runs: Sequence[SyncRun], *, now: datetime) -> bool:
    """Whether the first reading ended a moment ago: the check that follows it by itself is a job of its own, and may not have begun."""
    read = next((run for run in runs if run.kind == RunKind.BACKFILL.value), None)
    if (
        read is None
        or read.finished_at is None
        or read.state != RunState.DONE.value
        or now - read.finished_at > _CHECKED_WITHIN
    ):
        return False
    return not any(run.kind == RunKind.RECONCILIATION.value and run.started_at >= read.started_at for run in runs)


def _ended_since(runs: Sequence[SyncRun], since: datetime) -> bool:
    return any(run.started_at >= since and run.kind != RunKind.INCREMENTAL.value and run.finished_at for run in runs)


@dataclass(frozen=True)
class EntityView:
    """`theirs`: QuickBooks' own count where it differs; `tone` and `told` sum it up."""

    key: str
    label: str
    health: EntityHealth
    theirs: str | None
    tone: str
    told: str


def entity_view(one: EntityHealth) -> EntityView:
    details: dict[str, Any] = one.counted.details if one.counted is not None else {}
    tone, told = _judged(one)
    return EntityView(one.progress.entity, entity_name(one.progress.entity), one, details.get("rail"), tone, told)


def _judged(one: EntityHealth) -> tuple[str, str]:
    progress = one.progress
    if progress.last_error:
        return "bad", _("Error")
    if progress.state is not ReadingState.DONE:
        return "plain", _("Reading") if progress.state is ReadingState.READING else _("Not read yet")
    if progress.quarantined:
        return "warn", _("%(n)s unreadable") % {"n": progress.quarantined}
    if progress.open_drift:
        return "warn", _("%(n)s open") % {"n": progress.open_drift}
    return ("warn", _("To be read again")) if progress.rescan_reason else ("good", _("In step"))


def worst_first(health: DataHealth) -> list[EntityView]:
    order = {"bad": 0, "warn": 1, "plain": 2, "good": 3}
    views = [entity_view(one) for one in health.entities]
    return sorted(views, key=lambda one: (order[one.tone], one.label))


def entity_name(entity: str) -> str:
    return _(_ENTITIES[entity]) if entity in _ENTITIES else entity


def kind_name(kind: str) -> str:
    return _(_KINDS[DriftKind(kind)])


def cause_name(cause: str) -> str:
    return _(_CAUSES[DriftCause(cause)])


def run_name(kind: str) -> str:
    return _(_RUNS[RunKind(kind)])
