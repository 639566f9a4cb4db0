"""The only writer of `bill_approval`: a row and its line in the bill's log are one transaction, and the row's key is that line's."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.approval_models import BillApproval
from domains.ap.approvals import ApprovalFact, ApprovalPolicy, Decision, Standing
from domains.ap.deciding import Deciding
from domains.ap.mirrors import BILLS_FROM_QBO
from domains.core.asking import SEEN_FIGURES
from infra.sync.shapes import LogSource
from infra.sync.spec import LogEvent
from infra.sync.transaction_log import TransactionLogService


async def record(
    session: AsyncSession,
    decision: Decision,
    standing: Standing,
    deciding: Deciding,
    *,
    policy: ApprovalPolicy,
    told: Mapping[str, Any],
) -> ApprovalFact:
    """Write a decision down with the figures it rests on; `told` goes into the log besides.

    Raises:
        ValueError: the standing was read without the material fields.
    """
    bill, by, material = standing.bill, deciding.by, standing.material
    if material is None:
        raise ValueError(f"the material fields of {bill.id} were not read")
    figures = {
        **asdict(material),
        "fingerprint": material.fingerprint,
        "home_amount": standing.home_amount,
        "seen_version": bill.version,
    }
    seen = {} if deciding.figures is None else {SEEN_FIGURES: dict(deciding.figures)}
    details = {**figures, "user_id": by.user_id, "as_of": deciding.as_of, "policy": policy.facts(), **seen, **told}
    event = LogEvent(
        business_id=deciding.business_id,
        entity_id=bill.id,
        transaction_type=decision.value,
        source=LogSource.SYSTEM if decision is Decision.REOPENED else LogSource.USER,
        actor=by.actor,
        request_id=deciding.request_id,
        details=details,
    )
    version = await TransactionLogService(session).append_event(BILLS_FROM_QBO, event)
    row = BillApproval(
        business_id=deciding.business_id,
        bill_id=bill.id,
        version=version,
        decision=decision.value,
        actor=by.actor,
        user_id=by.user_id,
        policy_version=policy.version,
        duplicate_reason=told.get("duplicate_reason"),
        **figures,
    )
    session.add(row)
    await session.flush()  # its time is the database's
    return ApprovalFact(*(getattr(row, name) for name in ApprovalFact._fields))
