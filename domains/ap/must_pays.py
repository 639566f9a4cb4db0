"""Which bills must be paid, whatever is delayed; and when those are paid that are scheduled. Ours: nothing of it is in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.errors import BillNotFound
from domains.ap.mark_models import BillMarkRow
from domains.ap.mirrors import BILLS_FROM_QBO
from domains.ap.models import Bill
from domains.ap.pay_bills import PAY_BILLS_OPERATION
from domains.core.ledger import LEDGER, live
from infra.db.reads import Read, read_in
from infra.ids import new_id
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import TransactionLogService

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('bill_marks:' || :business_id, 0))")
# The few that are marked are looked up one by one (OFFSET 0): joined, the bills might be read whole.
_MARKED = """
SELECT m.business_id, b.external_id
FROM bill_mark AS m
CROSS JOIN LATERAL (
  SELECT external_id FROM bill
  WHERE business_id = m.business_id AND id = m.bill_id AND rail = %(rail)s AND deleted_at IS NULL AND balance <> 0 OFFSET 0
) AS b
WHERE m.business_id = ANY(%(business_ids)s) AND m.ended_at IS NULL
"""
# Every bill's line is guarded; and so the index of open ones serves.
_SCHEDULED = """
SELECT line.business_id, line.target_external_id, intent.meaning ->> 'paid_on'
FROM action_line AS line JOIN action_intent AS intent ON intent.business_id = line.business_id AND intent.id = line.intent_id
WHERE line.business_id = ANY(%(business_ids)s) AND line.rail = %(rail)s AND line.target_kind = %(kind)s
  AND line.is_open AND line.is_guarded AND intent.operation = %(operation)s AND intent.hold IS NULL
"""


class BillMark(StrEnum):
    MUST_PAY = "must_pay"


@dataclass(frozen=True)
class MarkWriter:
    """Who says so, in which request, on which day of the company."""

    actor: str
    request_id: str
    today: date


async def mark_must_pay(
    session: AsyncSession, business_id: UUID, bill_id: UUID, *, reason: str | None, by: MarkWriter
) -> BillMarkRow:
    """Of one that is marked already nothing is changed but the reason.

    Raises:
        BillNotFound: no such bill, or it is deleted.
    """
    await session.execute(_LOCK, {"business_id": str(business_id)})
    await _check(session, business_id, bill_id)
    held = await session.scalar(_held(business_id, bill_id))
    if held is not None:
        if held.reason == reason:
            return held
        await _end(session, held, by=by)
    row = BillMarkRow(
        business_id=business_id,
        id=new_id(),
        bill_id=bill_id,
        kind=BillMark.MUST_PAY.value,
        version=await _tell(session, business_id, bill_id, "must_pay_marked", reason=reason, by=by),
        reason=reason,
        actor=by.actor,
        made_on=by.today,
    )
    session.add(row)
    await session.flush()  # its time is the database's
    await session.refresh(row)
    return row


async def unmark_must_pay(session: AsyncSession, business_id: UUID, bill_id: UUID, *, by: MarkWriter) -> None:
    """Of one that is not marked nothing is changed.

    Raises:
        BillNotFound: no such bill, or it is deleted.
    """
    await session.execute(_LOCK, {"business_id": str(business_id)})
    await _check(session, business_id, bill_id)
    held = await session.scalar(_held(business_id, bill_id))
    if held is not None:
        await _end(session, held, by=by)


async def list_must_pays(session: AsyncSession, business_id: UUID) -> frozenset[str]:
    """The rail's ids of open bills that are marked."""
    (marked,) = await read_in(session, must_pays_of([business_id]))
    return frozenset(bill for _, bill in marked)


def must_pays_of(business_ids: Sequence[UUID]) -> Read[tuple[UUID, str]]:
    """As `list_must_pays`, of several businesses at once."""
    return Read(_MARKED, {"business_ids": list(business_ids), "rail": LEDGER.value}, _pair)


def scheduled_of(business_ids: Sequence[UUID]) -> Read[tuple[UUID, tuple[str, date]]]:
    """The rail's id of each bill with a payment asked for and not settled, with the day it is dated, of several businesses at once.

    One that is held waits for a person and has none.
    """
    asked = {
        "business_ids": list(business_ids),
        "rail": LEDGER.value,
        "kind": BILLS_FROM_QBO.entity,
        "operation": PAY_BILLS_OPERATION,
    }
    return Read(_SCHEDULED, asked, _dated)


def _pair(business_id: UUID, bill: str) -> tuple[UUID, str]:
    return business_id, bill


def _dated(business_id: UUID, bill: str, paid_on: str) -> tuple[UUID, tuple[str, date]]:
    return business_id, (bill, date.fromisoformat(paid_on))


async def _check(session: AsyncSession, business_id: UUID, bill_id: UUID) -> None:
    if await session.scalar(select(Bill.id).where(*live(Bill, business_id), Bill.id == bill_id)) is None:
        raise BillNotFound(bill_id)


def _held(business_id: UUID, bill_id: UUID) -> Select[BillMarkRow]:
    return select(BillMarkRow).where(
        BillMarkRow.business_id == business_id, BillMarkRow.bill_id == bill_id, BillMarkRow.ended_at.is_(None)
    )


async def _end(session: AsyncSession, held: BillMarkRow, *, by: MarkWriter) -> None:
    held.ended_version = await _tell(
        session, held.business_id, held.bill_id, "must_pay_unmarked", reason=held.reason, by=by
    )
    held.ended_by = by.actor
    held.ended_at = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    await session.flush()  # before another is inserted


async def _tell(
    session: AsyncSession, business_id: UUID, bill_id: UUID, event: str, *, reason: str | None, by: MarkWriter
) -> int:
    return await TransactionLogService(session).append_event(
        BILLS_FROM_QBO,
        LogEvent(
            business_id=business_id,
            entity_id=bill_id,
            transaction_type=event,
            source=LogSource.USER,
            actor=by.actor,
            request_id=by.request_id,
            details={"reason": reason},
        ),
    )
