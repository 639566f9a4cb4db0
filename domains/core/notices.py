"""What a person should know of: one open notice a matter, however often it is raised, until it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.errors import NoticeNotFound
from domains.core.notice_models import Notice
from infra.ids import new_id


class NoticeKind(StrEnum):
    DRIFT = "drift"
    CLOSED_PERIOD = "closed_period"
    QUARANTINE = "quarantine"
    CONNECTION_FAILING = "connection_failing"
    RECONNECT_NEEDED = "reconnect_needed"
    STALE = "stale"
    DEAD_JOB = "dead_job"
    CALL_BUDGET = "call_budget"
    APPROVAL_REOPENED = "approval_reopened"
    BYPASS = "bypass"
    ACTION = "action"


class Severity(StrEnum):
    """`alarm`: somebody must act or decide, and is written to; `warning`: worth a look; `info`: told, and settled by itself."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


# Nothing ends these but a person who has taken note of them.
ENDS_WHEN_SEEN = frozenset(
    {NoticeKind.CLOSED_PERIOD, NoticeKind.APPROVAL_REOPENED, NoticeKind.BYPASS, NoticeKind.ACTION}
)


@dataclass(frozen=True)
class Matter:
    """What is to be told. `kind` and `subject` say whether it is the same as before."""

    kind: NoticeKind
    subject: str
    severity: Severity
    title: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised:
    """`is_new`: nobody has been told of it yet."""

    notice_id: UUID
    is_new: bool


async def raise_notice(session: AsyncSession, business_id: UUID, matter: Matter, *, now: datetime) -> Raised:
    """Tell of a matter; one that stands already is brought up to date and counted."""
    told = {
        "severity": matter.severity.value,
        "title": matter.title,
        "text": matter.text,
        "details": matter.details,
        "last_raised_at": now,
    }
    row = (
        await session.execute(
            insert(Notice)
            .values(
                business_id=business_id,
                id=new_id(),
                kind=matter.kind.value,
                subject=matter.subject,
                raised_at=now,
                **told,
            )
            .on_conflict_do_update(
                index_elements=["business_id", "kind", "subject"],
                index_where=Notice.resolved_at.is_(None),
                set_={**told, "times": Notice.times + 1},
            )
            .returning(Notice.id, Notice.times)
        )
    ).one()
    return Raised(row.id, is_new=row.times == 1)


async def resolve_all_but(
    session: AsyncSession, business_id: UUID, *, kind: NoticeKind, subjects: Sequence[str], now: datetime
) -> None:
    """End the notices of a kind whose matters are over: all but `subjects`."""
    await session.execute(
        update(Notice)
        .where(
            Notice.business_id == business_id,
            Notice.kind == kind.value,
            Notice.resolved_at.is_(None),
            Notice.subject.not_in(subjects),
        )
        .values(resolved_at=now)
        .execution_options(synchronize_session=False)
    )


async def list_notices(
    session: AsyncSession,
    business_id: UUID,
    *,
    is_open: bool | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> Sequence[Notice]:
    """The latest first."""
    query = select(Notice).where(Notice.business_id == business_id)
    if is_open is not None:
        query = query.where(Notice.resolved_at.is_(None) if is_open else Notice.resolved_at.is_not(None))
    if before is not None:
        query = query.where(tuple_(Notice.raised_at, Notice.id) < tuple_(*before))
    return (await session.scalars(query.order_by(Notice.raised_at.desc(), Notice.id.desc()).limit(limit))).all()


async def mark_seen(session: AsyncSession, business_id: UUID, notice_id: UUID, *, now: datetime) -> Notice:
    """A person has taken note of it; of what only that can end, it is the end.

    Raises:
        NoticeNotFound: none of that id.
    """
    notice: Notice | None = await session.scalar(
        select(Notice).where(Notice.business_id == business_id, Notice.id == notice_id).with_for_update()
    )
    if notice is None:
        raise NoticeNotFound
    notice.seen_at = notice.seen_at or now
    if NoticeKind(notice.kind) in ENDS_WHEN_SEEN:
        notice.resolved_at = notice.resolved_at or now
    return notice


async def claim_for_mail(session: AsyncSession, business_id: UUID, notice_id: UUID, *, now: datetime) -> Notice | None:
    """The notice, if nobody was written to about it yet; from now on somebody was."""
    claimed = await session.scalar(
        update(Notice)
        .where(Notice.business_id == business_id, Notice.id == notice_id, Notice.mailed_at.is_(None))
        .values(mailed_at=now)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    if claimed is None:
        return None
    notice: Notice | None = await session.scalar(
        select(Notice).where(Notice.business_id == business_id, Notice.id == notice_id)
    )
    return notice
