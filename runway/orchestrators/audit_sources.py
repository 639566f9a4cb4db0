"""Where the entries of a timeline come from: each log by its own index, the newest first, a few more than are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from domains.ap.approval_models import ApprovalPolicyRow, BillApproval
from domains.ap.approval_policies import NewPolicy
from domains.ap.models import Bill, BillTransactionLog
from domains.ar.reminder_models import ReminderPolicyRow
from domains.ar.reminder_rules import ReminderRules
from domains.cash.runway_settings import RunwayChoices
from domains.cash.settings_models import RunwaySettingsRow
from domains.core.access_log import AccessLogRow
from domains.core.access_trail import AccessTrail, TrailFilter
from domains.core.asking import SEEN_FIGURES
from domains.core.digest_models import DigestSettingRow
from domains.core.digests import DigestChoices
from domains.core.models import Business
from domains.core.ritual_models import RitualEventRow
from infra.actions.models import ActionIntent, ActionTransactionLog
from infra.log_proof.seals import LoggedRow
from infra.money import to_cents
from infra.sync.runs import SyncRun
from runway.orchestrators.audit_events import SYSTEM, AuditEvent, AuditFilter, AuditKind

Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])

_PEOPLE = ("user:%", "token:%", "cli", "nobody")
# Steps of a worker between two that matter to a person are in the action's own trail.
_STEPS = ("claimed", "sending", "send_started", "retry_wait")
_REFUSALS = frozenset({"refused", "failed"})
_HIDDEN = frozenset({"business_id", "version", "actor", "request_id", "set_at"})


@dataclass(frozen=True)
class Wanted:
    """`until` is included: entries of one instant are told apart by whoever joins the sources."""

    business: Business
    asked: AuditFilter
    until: datetime
    limit: int

    def _by(self, actor: InstrumentedAttribute[str]) -> tuple[ColumnElement[bool], ...]:
        if self.asked.actor is None:
            return ()
        if self.asked.actor == SYSTEM:
            return (not_(or_(*(actor.like(one) for one in _PEOPLE))),)
        return (actor == self.asked.actor,)

    def newest(self, query: Q, at: InstrumentedAttribute[Any], actor: InstrumentedAttribute[str]) -> Q:
        """What is wanted of a log, by its own index; `at` and `actor` are columns of it."""
        own = (at.class_.business_id == self.business.id, at <= self.until, *self._by(actor))
        return query.where(*own).order_by(at.desc()).limit(self.limit)

    def of(self, object_id: InstrumentedAttribute[UUID]) -> tuple[ColumnElement[bool], ...]:
        return () if self.asked.object_id is None else (object_id == self.asked.object_id,)


async def decisions(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    """Approvals of bills, given and ended, with the figures they rest on."""
    given, log = BillApproval, BillTransactionLog
    query = (
        select(given, log, Bill.doc_number, Bill.vendor_name)
        .join(
            log,
            and_(log.business_id == given.business_id, log.entity_id == given.bill_id, log.version == given.version),
        )
        .outerjoin(Bill, and_(Bill.business_id == given.business_id, Bill.id == given.bill_id))
        .where(*wanted.of(given.bill_id))
    )
    return [
        AuditEvent(
            at=one.recorded_at,
            key=f"decision-{one.bill_id}-{one.version}",
            kind=AuditKind.DECISION,
            verb=one.decision,
            actor=one.actor,
            request_id=row.request_id,
            object_kind="bill",
            object_id=one.bill_id,
            object_name=" · ".join(filter(None, [doc_number, vendor])) or None,
            changes={"total": (None, f"{to_cents(one.total)} {one.currency}"), "due_on": (None, one.due_on)},
            reason=one.duplicate_reason,
            figures=_frozen(row.changes),
            logged=_logged(row),
        )
        for one, row, doc_number, vendor in await session.execute(wanted.newest(query, given.recorded_at, given.actor))
    ]


async def actions(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    """What became of each thing that was asked of QuickBooks."""
    log = ActionTransactionLog
    query = (
        select(log, ActionIntent)
        .join(ActionIntent, and_(ActionIntent.business_id == log.business_id, ActionIntent.id == log.entity_id))
        .where(log.transaction_type.not_in(_STEPS), *wanted.of(log.entity_id))
    )
    return [
        AuditEvent(
            at=row.recorded_at,
            key=f"action-{row.id}",
            kind=AuditKind.ACTION,
            verb=row.transaction_type,
            actor=row.actor,
            request_id=row.request_id,
            object_kind=intent.operation,
            object_id=intent.id,
            changes={name: one for name in ("state", "hold", "not_before") if (one := _pair(row.changes.get(name)))},
            reason=_reason(row.changes) or (intent.outcome_words if row.transaction_type in _REFUSALS else None),
            figures=_frozen(row.changes),
            intent=intent,
            logged=_logged(row),
        )
        for row, intent in await session.execute(wanted.newest(query, log.recorded_at, log.actor))
    ]


async def settings(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    """Each version of what the business decided, beside the one before."""
    found = [
        *await _versions(session, wanted, ApprovalPolicyRow, "approval_policy", first=asdict(NewPolicy())),
        *await _versions(session, wanted, RunwaySettingsRow, "runway_settings", first=asdict(RunwayChoices())),
        *await _versions(session, wanted, ReminderPolicyRow, "reminder_policy", first=_reminders()),
        *await _versions(session, wanted, DigestSettingRow, "digest_setting", first=asdict(DigestChoices())),
    ]
    return sorted(found, key=lambda one: one.place, reverse=True)[: wanted.limit]


async def rituals(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    row = RitualEventRow
    query = wanted.newest(select(row), row.recorded_at, row.actor)
    return [
        AuditEvent(
            at=one.recorded_at,
            key=f"ritual-{one.week_on}-{one.version}",
            kind=AuditKind.RITUAL,
            verb=one.kind,
            actor=one.actor,
            request_id=one.request_id,
            object_kind="ritual",
            object_name=one.week_on.isoformat(),
            changes={name: (None, value) for name in ("step", "outcome") if (value := getattr(one, name))},
            reason=one.note or None,
        )
        for one in await session.scalars(query)
    ]


async def books(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    """Readings of QuickBooks that changed our copy, or failed."""
    run = SyncRun
    told = select(run).where(or_(run.changed > 0, run.state == "failed"))
    query = wanted.newest(told, run.finished_at, run.actor)
    return [
        AuditEvent(
            at=one.finished_at or one.started_at,
            key=f"books-{one.id}",
            kind=AuditKind.BOOKS,
            verb="failed" if one.state == "failed" else "changed",
            actor=one.actor,
            request_id=str(one.id),
            object_kind=one.kind,
            changes={"changed": (None, one.changed), "seen": (None, one.seen), "calls": (None, one.calls)},
            reason=one.error,
        )
        for one in await session.scalars(query)
    ]


async def doors(session: AsyncSession, wanted: Wanted) -> list[AuditEvent]:
    """The access log, as the business may see it; `session` is of the role oodaloo_access."""
    if wanted.asked.actor == SYSTEM:
        return []
    asked = TrailFilter(
        actor=wanted.asked.actor,
        user=wanted.asked.object_id,
        until=wanted.until + timedelta(microseconds=1),
    )
    rows = await AccessTrail().list_newest(session, wanted.business, asked=asked, before=None, limit=wanted.limit)
    return [_door(row) for row in rows]


def _door(row: AccessLogRow) -> AuditEvent:
    details = dict(row.details)
    before, after = details.pop("before", None), details.pop("after", None)
    changes = _differences(before or {}, after or {}) if before or after else {}
    told = {name: (None, value) for name, value in details.items() if value is not None}
    return AuditEvent(
        at=row.recorded_at,
        key=f"access-{row.id:020}",
        kind=AuditKind.ACCESS,
        verb=row.event,
        actor=row.actor,
        request_id=row.request_id,
        object_kind="person" if row.user_id else "door",
        object_id=row.user_id,
        changes=changes | told | ({"address": (None, row.address)} if row.address else {}),
        logged=_logged(row),
    )


async def _versions(
    session: AsyncSession, wanted: Wanted, table: Any, name: str, *, first: Mapping[str, Any]
) -> list[AuditEvent]:
    """Rows of a table whose versions are never changed; few, since people made each of them."""
    query = (
        select(table)
        .where(table.business_id == wanted.business.id, table.set_at <= wanted.until)
        .order_by(table.version.desc())
        .limit(wanted.limit + 1)
    )
    rows: Sequence[Any] = (await session.scalars(query)).all()
    states = [
        {column: getattr(row, column) for column in set(table.__table__.columns.keys()) - _HIDDEN} for row in rows
    ]
    earlier = [*states[1:], first] if len(rows) <= wanted.limit else states[1:]
    return [
        AuditEvent(
            at=row.set_at,
            key=f"{name}-{row.version}",
            kind=AuditKind.SETTING,
            verb="set",
            actor=row.actor,
            request_id=row.request_id,
            object_kind=name,
            changes=_differences(before, after),
        )
        for row, after, before in zip(rows, states, earlier, strict=False)
        if wanted.asked.actor in {None, row.actor}
    ]


def _reminders() -> dict[str, Any]:
    rules = asdict(ReminderRules())
    return rules | {"levels": list(rules["levels"])}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Lists and tuples of the same things are the same."""
    names = sorted({*before, *after})
    pairs = {name: (_plain(before.get(name)), _plain(after.get(name))) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _logged(row: Any) -> LoggedRow:
    return LoggedRow(row.__tablename__, row.id, int(row.tx_xid))


def _pair(change: Any) -> tuple[Any, Any] | None:
    return (change[0], change[1]) if isinstance(change, list) and len(change) == 2 else None  # noqa: PLR2004  # before, after


def _reason(changes: Mapping[str, Any]) -> str | None:
    told = next((changes[name] for name in ("reason", "why", "words") if isinstance(changes.get(name), str)), None)
    return told or None


def _frozen(changes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for place in (changes, changes.get("facts")):
        if isinstance(place, Mapping) and isinstance(place.get(SEEN_FIGURES), Mapping):
            found: Mapping[str, Any] = place[SEEN_FIGURES]
            return found
    return None
