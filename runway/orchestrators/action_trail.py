"""The chain of custody of an action: who approved on what figures, who asked, what was sent, what came back, and how we know.

Each step is a row of a log that only grows, with the sealed batch that holds it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.approvals import Decision
from domains.ap.models import Bill, BillPayment, BillPaymentTransactionLog, BillTransactionLog
from domains.core.ledger import LEDGER
from infra.actions import listing
from infra.actions.models import ActionAttempt, ActionIntent, ActionLine, ActionTransactionLog
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.log_proof.seals import LoggedRow, Seal, find_seals
from infra.sync.shapes import LogRow

_DECISIONS = tuple(decision.value for decision in Decision)


@dataclass(frozen=True)
class Step:
    """One row of a log. `of`: `approval`, `action`, or `recorded`, what our copy of QuickBooks' object became by it."""

    of: str
    table: str
    row: LogRow
    seal: Seal | None


@dataclass(frozen=True)
class Trail:
    """`steps` in the order in which they were recorded; `attempts` are what each call to QuickBooks came to, the oldest first."""

    intent: ActionIntent
    steps: Sequence[Step]
    attempts: Sequence[ActionAttempt] = field(default=())


class ActionTrails:
    """Reads what is there; it asks no rail."""

    def __init__(self, business_id: UUID, uow: UnitOfWorkFactory) -> None:
        self._business_id = business_id
        self._uow = uow

    async def get(self, intent_id: UUID) -> Trail:
        """The trail of one action.

        Raises:
            IntentNotFound: none of that id.
        """
        async with self._uow([self._business_id]) as uow:
            session = uow.session
            intent = await listing.get_intent(session, self._business_id, intent_id)
            lines = (await listing.lines_of(session, self._business_id, [intent_id]))[intent_id]
            attempts = await listing.attempts_of(session, self._business_id, intent_id)
            rows: list[tuple[str, LogRow]] = [
                *(("action", row) for row in await listing.log_of(session, self._business_id, intent_id)),
                *(("approval", row) for row in await self._approvals(session, intent, lines)),
                *(("recorded", row) for row in await self._recorded(session, intent)),
            ]
            seals = await find_seals(session, self._business_id, [_logged(row) for _, row in rows])
        return Trail(intent, _steps(rows, seals), attempts)

    async def _approvals(
        self, session: AsyncSession, intent: ActionIntent, lines: Iterable[ActionLine]
    ) -> Sequence[BillTransactionLog]:
        """What was decided about its bills, up to when it was settled."""
        bills = [line.target_external_id for line in lines if line.target_kind == "Bill"]
        if not bills:
            return []
        log = BillTransactionLog
        query = (
            select(log)
            .join(Bill, (Bill.business_id == log.business_id) & (Bill.id == log.entity_id))
            .where(
                log.business_id == self._business_id,
                Bill.rail == LEDGER.value,
                Bill.external_id.in_(bills),
                log.transaction_type.in_(_DECISIONS),
            )
        )
        if intent.settled_at is not None:
            query = query.where(log.recorded_at <= intent.settled_at)
        return (await session.scalars(query)).all()

    async def _recorded(self, session: AsyncSession, intent: ActionIntent) -> Sequence[BillPaymentTransactionLog]:
        if intent.external_id is None or intent.entity != "BillPayment":
            return []
        log = BillPaymentTransactionLog
        return (
            await session.scalars(
                select(log)
                .join(BillPayment, (BillPayment.business_id == log.business_id) & (BillPayment.id == log.entity_id))
                .where(
                    log.business_id == self._business_id,
                    BillPayment.rail == LEDGER.value,
                    BillPayment.external_id == intent.external_id,
                )
            )
        ).all()


def _logged(row: LogRow) -> LoggedRow:
    return LoggedRow(row.__tablename__, row.id, int(row.tx_xid))


def _steps(rows: Iterable[tuple[str, LogRow]], seals: Mapping[LoggedRow, Seal]) -> list[Step]:
    steps = [Step(of, row.__tablename__, row, seals.get(_logged(row))) for of, row in rows]
    return sorted(steps, key=lambda step: (step.row.recorded_at, step.row.id))


def details_of(row: LogRow) -> dict[str, Any]:
    """What the step says of itself. Of a mirror's row its changes, which are whole objects' fields, are left to the history."""
    return dict(row.changes) if isinstance(row, ActionTransactionLog | BillTransactionLog) else {}
