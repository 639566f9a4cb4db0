"""Reading the access log of one business: its own rows, and those at the door of whoever belongs to it."""

import csv
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, func, or_, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.access_log import AccessEvent, AccessLogRow
from domains.core.models import Business
from domains.core.people import FirmAdmin, Membership
from infra import exact_json
from infra.db.unit_of_work import UnitOfWorkFactory

EXPORT_COLUMNS = ("id", "recorded_at", "event", "actor", "user_id", "business_id", "address", "request_id", "details")
_EXPORT_BATCH = 1000
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection); the wide forms count in some.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # the wide forms are meant


@dataclass(frozen=True)
class TrailFilter:
    """What is asked for. `user` is a person who did it or whom it concerns; `since` is included, `until` is not."""

    event: AccessEvent | None = None
    actor: str | None = None
    user: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def as_details(self) -> dict[str, str]:
        """What was asked for, as the log tells of it."""
        named = {"event": self.event, "actor": self.actor, "user": self.user}
        times = {"since": self.since, "until": self.until}
        return {name: str(value) for name, value in named.items() if value is not None} | {
            name: value.isoformat() for name, value in times.items() if value is not None
        }


class AccessTrail:
    """The access log, as one business may see it."""

    async def list_newest(
        self, session: AsyncSession, business: Business, *, asked: TrailFilter, before: int | None, limit: int
    ) -> list[AccessLogRow]:
        """At most `limit` rows, the newest first; of those with a lower id than `before`, where it is given."""
        found = _visible(business, asked, before=before, limit=limit)
        query = select(AccessLogRow).where(AccessLogRow.id.in_(select(found.c.id)))
        return list(await session.scalars(query.order_by(AccessLogRow.id.desc()).limit(limit)))

    async def export(
        self, open_unit: UnitOfWorkFactory, business: Business, *, asked: TrailFilter, up_to: int
    ) -> AsyncIterator[AccessLogRow]:
        """Every row up to that id, the newest first. Read in batches: no transaction waits for whoever reads slowly."""
        before: int | None = up_to + 1
        while before is not None:
            async with open_unit([]) as unit:
                rows = await self.list_newest(unit.session, business, asked=asked, before=before, limit=_EXPORT_BATCH)
            for row in rows:
                yield row
            before = rows[-1].id if len(rows) == _EXPORT_BATCH else None

    async def newest_id(self, session: AsyncSession) -> int:
        """The log's last id so far, of all businesses."""
        return await session.scalar(select(func.max(AccessLogRow.id))) or 0


def as_export(row: AccessLogRow) -> dict[str, Any]:
    """The row under `EXPORT_COLUMNS`."""
    return {column: getattr(row, column) for column in EXPORT_COLUMNS}


def csv_line(values: Sequence[Any]) -> str:
    """One line of CSV (RFC 4180), every cell quoted; one that a spreadsheet would compute begins with an apostrophe."""
    line = StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(_cell(value) for value in values)
    return line.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat()
        case dict():
            return exact_json.dumps(value).decode()
        case _:
            text = str(value)
            return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text


def _visible(business: Business, asked: TrailFilter, *, before: int | None, limit: int) -> Subquery:
    """Ids: two limited index scans rather than one condition over the whole log.

    Of what a person did at the door the business sees what happened since they belong to it.
    """
    wanted = _conditions(asked, before=before)
    own = select(AccessLogRow.id).where(AccessLogRow.business_id == business.id, *wanted)
    people = _people(business)
    at_the_door = (
        select(AccessLogRow.id)
        .join(people, people.c.user_id == AccessLogRow.user_id)
        .where(AccessLogRow.business_id.is_(None), AccessLogRow.recorded_at >= people.c.since, *wanted)
    )
    return union_all(_newest(own, limit), _newest(at_the_door, limit)).subquery("found")


def _newest(query: Select[int], limit: int) -> Select[int]:
    return select(query.order_by(AccessLogRow.id.desc()).limit(limit).subquery().c.id)


def _people(business: Business) -> Subquery:
    members = select(Membership.user_id, Membership.created_at).where(Membership.business_id == business.id)
    admins = select(FirmAdmin.user_id, FirmAdmin.created_at).where(FirmAdmin.firm_id == business.firm_id)
    both = union(members, admins).subquery()
    return (
        select(both.c.user_id, func.min(both.c.created_at).label("since")).group_by(both.c.user_id).subquery("people")
    )


def _conditions(asked: TrailFilter, *, before: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if before is not None:
        conditions.append(AccessLogRow.id < before)
    if asked.event is not None:
        conditions.append(AccessLogRow.event == asked.event.value)
    if asked.actor is not None:
        conditions.append(AccessLogRow.actor == asked.actor)
    if asked.user is not None:
        conditions.append(or_(AccessLogRow.user_id == asked.user, AccessLogRow.actor == f"user:{asked.user}"))
    if asked.since is not None:
        conditions.append(AccessLogRow.recorded_at >= asked.since)
    if asked.until is not None:
        conditions.append(AccessLogRow.recorded_at < asked.until)
    return conditions
