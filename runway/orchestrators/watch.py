"""Looks at how each business's books stand, and raises and ends the notices about it. What it looks at are tables: it asks no rail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import member_queries, notices
from domains.core.connection_service import ConnectionService
from domains.core.errors import ConnectionNotFound
from domains.core.models import Business, ConnectionState
from domains.core.notices import Matter, NoticeKind, Raised, Severity
from infra.clock import Clock
from infra.config import Rail
from infra.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from infra.jobs import dead_jobs
from infra.logging import get_logger
from infra.mail.post import Post
from infra.sync import drift, quarantine, runs
from infra.sync.call_budget import CallBudget, Yielding
from infra.sync.drift import DriftFilter, DriftItem, DriftKind
from infra.sync.freshness import NEVER_SHOWN_SILENTLY
from infra.sync.refresh_lease import RefreshLease

WATCH_JOB: Final = "notices.watch"
NOTICE_MAIL_JOB: Final = "notices.mail"
_FAILURES_TO_TELL = 5  # in a row; with the pauses between them some minutes
_LOOK_BACK = timedelta(days=2)
_MOST = 200
_ALARMING = frozenset({DriftKind.COUNT, DriftKind.TOTAL, DriftKind.IMPLAUSIBLE_DELETIONS})

log = get_logger()


@dataclass(frozen=True)
class Watch:
    """`uow` is of the books, `access_uow` of people, `jobs_uow` of the queue; `post` writes letters as the second.

    `budget` is that of QuickBooks' calls, None where the rail is off.
    """

    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    jobs_uow: UnitOfWorkFactory
    connections: ConnectionService
    budget: CallBudget | None
    post: Callable[[], Post]
    clock: Clock
    public_url: str

    async def look_at_all(self) -> None:
        """Every business that is or was connected."""
        async with self.jobs_uow([]) as uow:
            business_ids = list(await uow.session.scalars(select(Business.id).order_by(Business.id)))
        for business_id in business_ids:
            await self.look_at(business_id)

    async def look_at(self, business_id: UUID) -> None:
        """Raise what stands, end what is over, and ask for a letter about each new alarm."""
        now = self.clock.now()
        elsewhere = [*await self._dead_jobs(business_id), *await self._calls(business_id)]
        async with self.uow([business_id]) as uow:
            found = [
                *await self._connection(uow.session, business_id, now=now),
                *await self._quarantined(uow.session, business_id),
                *await self._drift(uow.session, business_id),
                *elsewhere,
            ]
            for kind in NoticeKind:
                if kind not in notices.ENDS_WHEN_SEEN:
                    standing = [matter.subject for matter in found if matter.kind is kind]
                    await notices.resolve_all_but(uow.session, business_id, kind=kind, subjects=standing, now=now)
            for matter in found:
                raised = await notices.raise_notice(uow.session, business_id, matter, now=now)
                self._tell(uow, business_id, matter, raised)
            for matter in await self._closed_period(uow.session, business_id, now=now):
                raised = await notices.raise_notice(uow.session, business_id, matter, now=now)
                self._tell(uow, business_id, matter, raised)

    def _tell(self, uow: UnitOfWork, business_id: UUID, matter: Matter, raised: Raised) -> None:
        if raised.is_new:
            log.warning(
                "notice.raised", kind=matter.kind, subject=matter.subject, severity=matter.severity,
                business_id=str(business_id),
            )  # fmt: skip
            if matter.severity is Severity.ALARM:
                uow.enqueue(NOTICE_MAIL_JOB, str(business_id), str(raised.notice_id), queue="interactive")

    async def write_letters(self, business_id: UUID, notice_id: UUID) -> None:
        """One letter about the notice to each of the business's owners, once; claimed first, so that two runs write none twice."""
        async with self.uow([business_id]) as uow:
            notice = await notices.claim_for_mail(uow.session, business_id, notice_id, now=self.clock.now())
        if notice is None:
            return
        post = self.post()
        async with self.access_uow([]) as uow:
            for address in await member_queries.list_owner_addresses(uow.session, business_id):
                body = f"Hello,\n\n{notice.text}\n\n{self.public_url}\n"
                post.write(uow, recipient=address, subject=notice.title, body=SecretStr(body), now=self.clock.now())

    async def _connection(self, session: AsyncSession, business_id: UUID, *, now: datetime) -> list[Matter]:
        try:
            connection = await self.connections.get_connection(session, business_id)
        except ConnectionNotFound:
            return []
        if connection.state == ConnectionState.NEEDS_RECONNECT.value:
            text = f"QuickBooks no longer lets us in ({connection.reason}). Connect it again; until then the books stay as they are."
            return [
                Matter(NoticeKind.RECONNECT_NEEDED, "qbo", Severity.ALARM, "QuickBooks must be connected again", text)
            ]
        if connection.state != ConnectionState.ACTIVE.value:
            return []
        return [*await self._failing(session, business_id), *await self._stale(session, business_id, now=now)]

    async def _failing(self, session: AsyncSession, business_id: UUID) -> list[Matter]:
        leases = await session.scalars(
            select(RefreshLease).where(
                RefreshLease.business_id == business_id, RefreshLease.failures >= _FAILURES_TO_TELL
            )
        )
        return [
            Matter(
                NoticeKind.CONNECTION_FAILING,
                lease.rail,
                Severity.ALARM,
                "QuickBooks cannot be read",
                f"The last {lease.failures} attempts failed: {lease.error}. We go on trying.",
                {"failures": lease.failures},
            )
            for lease in list(leases)[:1]
        ]

    async def _stale(self, session: AsyncSession, business_id: UUID, *, now: datetime) -> list[Matter]:
        states = await runs.list_states(session, business_id, rail=Rail.QBO)
        oldest = min((state.last_synced_at for state in states.values() if state.last_synced_at), default=None)
        if oldest is None or now - oldest <= NEVER_SHOWN_SILENTLY:
            return []
        behind = sorted(
            entity
            for entity, state in states.items()
            if state.last_synced_at and now - state.last_synced_at > NEVER_SHOWN_SILENTLY
        )
        text = f"The books were last in step with QuickBooks at {oldest:%Y-%m-%d %H:%M} UTC ({', '.join(behind)})."
        return [
            Matter(
                NoticeKind.STALE, "qbo", Severity.ALARM, "The books are more than a day old", text, {"entities": behind}
            )
        ]

    async def _quarantined(self, session: AsyncSession, business_id: UUID) -> list[Matter]:
        standing = await quarantine.list_open(session, business_id, rail=Rail.QBO, limit=_MOST)
        by_entity: dict[str, list[str]] = {}
        for one in standing:
            by_entity.setdefault(one.entity, []).append(f"{one.external_id} ({one.reason})")
        return [
            Matter(
                NoticeKind.QUARANTINE,
                entity,
                Severity.WARNING,
                f"{len(told)} {entity} of QuickBooks cannot be read",
                "Kept apart, and not in the figures: " + "; ".join(told[:5]) + ".",
                {"count": len(told)},
            )
            for entity, told in sorted(by_entity.items())
        ]

    async def _drift(self, session: AsyncSession, business_id: UUID) -> list[Matter]:
        return [_matter_of(item) for item in (await drift.list_open(session, business_id, rail=Rail.QBO))[:_MOST]]

    async def _closed_period(self, session: AsyncSession, business_id: UUID, *, now: datetime) -> list[Matter]:
        """Of the last days, and those alone that nobody was told of."""
        items = await drift.list_items(session, business_id, DriftFilter(kind=DriftKind.CLOSED_PERIOD, limit=_MOST))
        told = {
            notice.subject
            for notice in await notices.list_notices(session, business_id, limit=10 * _MOST)
            if notice.kind == NoticeKind.CLOSED_PERIOD.value
        }
        return [
            _closed_matter(item) for item in items if now - item.found_at <= _LOOK_BACK and str(item.id) not in told
        ]

    async def _calls(self, business_id: UUID) -> list[Matter]:
        """To each business whose calls are among those that pass the budget: its own schedule slows down."""
        use = None if self.budget is None else await self.budget.of_app()
        if use is None or use.yielding < Yielding.SCHEDULE or business_id not in use.businesses:
            return []
        text = (
            f"As the last days went, the calls to QuickBooks of all companies come to {use.percent} % of what a month has. "
            "Until that changes the books are brought up to date by themselves less often; whoever asks for fresh ones gets them."
        )
        title = "More calls to QuickBooks than the month has"
        details = {"percent": str(use.percent), "monthly_calls": use.allowance, "is_greedy": business_id in use.greedy}
        return [Matter(NoticeKind.CALL_BUDGET, "qbo", Severity.WARNING, title, text, details)]

    async def _dead_jobs(self, business_id: UUID) -> list[Matter]:
        async with self.jobs_uow([]) as uow:
            dead = await dead_jobs.list_dead(uow.session, business_id=business_id, limit=_MOST)
        latest = {job.job: job for job in reversed(dead)}
        return [
            Matter(
                NoticeKind.DEAD_JOB,
                name,
                Severity.ALARM,
                "Background work was given up",
                f"{name} was given up after {job.attempts} attempts: {job.error}. It can be tried again.",
                {"job_id": job.id},
            )
            for name, job in sorted(latest.items())
        ]


def _matter_of(item: DriftItem) -> Matter:
    kind = DriftKind(item.kind)
    what = f"{item.entity} {item.external_id}" if item.external_id else item.entity
    if kind is DriftKind.IMPLAUSIBLE_DELETIONS:
        title = f"QuickBooks shows {item.details.get('suspected')} {item.entity} less than before"
        text = (
            f"{item.details.get('suspected')} of {item.details.get('shown')} are not found any more. They are not taken for deleted "
            "until a second look some minutes later agrees, or somebody confirms it."
        )
    elif kind in {DriftKind.COUNT, DriftKind.TOTAL}:
        title = f"The books do not tie out with QuickBooks: {item.details.get('figure')}"
        text = f"{what}: ours is {item.details.get('mirror')}, QuickBooks' is {item.details.get('rail')}."
    else:
        title = f"{what} differs from QuickBooks"
        text = f"{what} could not be brought in step ({item.cause})."
    severity = Severity.ALARM if kind in _ALARMING else Severity.WARNING
    return Matter(NoticeKind.DRIFT, str(item.id), severity, title, text, {"drift_item": str(item.id)})


def _closed_matter(item: DriftItem) -> Matter:
    details = item.details
    name = details.get("doc_number") or item.external_id
    by = f", by {item.size}" if item.size else ""
    text = (
        f"{item.entity} {name} of {details.get('on')} was {details.get('change')}{by}, "
        f"although the books are closed up to {details.get('closed_on')}. Seen {details.get('seen_at')}; QuickBooks does not say by whom."
    )
    title = f"A change in the closed books: {item.entity} {name}"
    return Matter(NoticeKind.CLOSED_PERIOD, str(item.id), Severity.ALARM, title, text, {"drift_item": str(item.id)})
