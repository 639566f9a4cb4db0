"""Which bills must be paid, whatever is delayed; and when those are paid that are scheduled. Ours: nothing of it is in the ledger."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from infra.actions.models import ActionIntent, ActionLine
from infra.db.many import is_one_of
from infra.ids import new_id
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import TransactionLogService

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('bill_marks:' || :business_id, 0))")
# The few that are marked are looked up one by one (OFFSET 0): joined, the bills might be read whole.
_MARKED = text("""
SELECT m.business_id, b.external_id
FROM bill_mark AS m
CROSS JOIN LATERAL (
  SELECT external_id FROM bill
  WHERE business_id = m.business_id AND id = m.bill_id AND rail = :rail AND deleted_at IS NULL AND balance <> 0 OFFSET 0
) AS b
WHERE m.business_id = ANY(:business_ids) AND m.ended_at IS NULL
""")


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
    marked = select(BillMarkRow.bill_id).where(BillMarkRow.business_id == business_id, BillMarkRow.ended_at.is_(None))
    ids = (await session.scalars(marked)).all()
    if not ids:
        return frozenset()
    query = select(Bill.external_id).where(*live(Bill, business_id), Bill.id.in_(ids), Bill.balance != 0)
    return frozenset(await session.scalars(query))


async def list_must_pays_of(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """As `list_must_pays`, of several businesses at once; one without any is not in it."""
    found: dict[UUID, set[str]] = defaultdict(set)
    for business_id, external_id in await session.execute(
        _MARKED, {"business_ids": list(business_ids), "rail": LEDGER.value}
    ):
        found[business_id].add(external_id)
    return {business_id: frozenset(bills) for business_id, bills in found.items()}


async def list_scheduled(session: AsyncSession, business_id: UUID) -> Mapping[str, date]:
    """The rail's id of each bill with a payment asked for and not settled, to the day it is dated; one that is held waits for a person and has none."""
    return (await list_scheduled_of(session, [business_id])).get(business_id, {})


async def list_scheduled_of(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, date]]:
    """The same of several businesses at once; one without any is not in it."""
    query = (
        select(ActionLine.business_id, ActionLine.target_external_id, ActionIntent.meaning)
        .join(
            ActionIntent,
            (ActionIntent.business_id == ActionLine.business_id) & (ActionIntent.id == ActionLine.intent_id),
        )
        .where(
            is_one_of(ActionLine.business_id, business_ids),
            ActionLine.rail == LEDGER.value,
            ActionLine.target_kind == BILLS_FROM_QBO.entity,
            ActionLine.is_open,
            ActionLine.is_guarded,  # every bill's is; and so the index of open ones serves
            ActionIntent.operation == PAY_BILLS_OPERATION,
            ActionIntent.hold.is_(None),
        )
    )
    found: dict[UUID, dict[str, date]] = defaultdict(dict)
    for row in await session.execute(query):
        found[row.business_id][row.target_external_id] = date.fromisoformat(row.meaning["paid_on"])
    return dict(found)


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
