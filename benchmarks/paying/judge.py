"""What became of the actions, by QuickBooks' own books: once, never, or more than once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from benchmarks.paying.town import PayingCompany, PayingTown
from domains.ap.pay_bills import PAY_BILLS_OPERATION
from infra.actions.models import ActionIntent
from infra.actions.states import SETTLED, ActionState
from infra.clock import SystemClock

_SETTLED = {state.value for state in SETTLED}


@dataclass
class Verdict:
    """Ids of actions, or of QuickBooks' payments, that are not as they should be.

    `wrongly_told`: settled as recorded and not there, or the other way round. `lost`: the client was told of it and we have none.
    """

    payments: int = 0
    recorded: int = 0
    refused: int = 0
    doubled: list[str] = field(default_factory=list)
    wrongly_told: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.doubled or self.wrongly_told or self.unsettled or self.lost or self.strangers)


async def intents_of(town: PayingTown, company: PayingCompany) -> list[ActionIntent]:
    async with town.services.uow([company.business_id]) as uow:
        query = select(ActionIntent).where(ActionIntent.business_id == company.business_id)
        return list(await uow.session.scalars(query.order_by(ActionIntent.created_at)))


async def all_settled(town: PayingTown, *, seconds: float) -> list[ActionIntent]:
    """Every action of the town, once all are at their end, or when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        intents = [one for company in town.companies for one in await intents_of(town, company)]
        if all(one.state in _SETTLED for one in intents) or time.monotonic() > deadline:
            return intents
        await asyncio.sleep(0.5)


async def judge(town: PayingTown, companies: Iterable[PayingCompany], *, told: Mapping[UUID, set[UUID]]) -> Verdict:
    """`told`: by business, the payments that a client was told were taken."""
    verdict = Verdict()
    for company in companies:
        intents = [one for one in await intents_of(town, company) if one.operation == PAY_BILLS_OPERATION]
        held = {one.id for one in intents}
        verdict.lost += [str(one) for one in told.get(company.business_id, set()) - held]
        made = await town.objects(company.realm_id, "BillPayment")
        _compare(verdict, intents, made)
    return verdict


def _compare(verdict: Verdict, intents: list[ActionIntent], made: list[dict[str, Any]]) -> None:
    ours = {intent.mark: intent for intent in intents}
    marks = Counter(mark for payment in made if (mark := mark_of(payment)) is not None)
    verdict.strangers += [mark for mark in marks if mark not in ours]
    for mark, intent in ours.items():
        verdict.payments += 1
        there = marks[mark]
        if there > 1:
            verdict.doubled.append(str(intent.id))
        if intent.state not in _SETTLED:
            verdict.unsettled.append(f"{intent.id} {intent.state}")
        elif (there > 0) is not (intent.state == ActionState.CONFIRMED.value):
            verdict.wrongly_told.append(f"{intent.id} {intent.state}, {there} there")
        verdict.recorded += intent.state == ActionState.CONFIRMED.value
        verdict.refused += intent.state == ActionState.FAILED.value
    _paid_twice(verdict, made)


def _paid_twice(verdict: Verdict, made: list[dict[str, Any]]) -> None:
    """Two of our payments of one bill, whatever their marks."""
    bills = Counter(
        link["TxnId"]
        for payment in made
        if mark_of(payment) is not None
        for line in payment.get("Line", ())
        for link in line.get("LinkedTxn", ())
    )
    verdict.doubled += [f"bill {bill}" for bill, times in bills.items() if times > 1]


def mark_of(payment: Mapping[str, Any]) -> str | None:
    """Our mark on a payment in QuickBooks."""
    number = str(payment.get("DocNumber") or "")
    return number if number.startswith("LP-") else None


def settled_within(intents: Iterable[ActionIntent], limit: timedelta, *, not_before: datetime | None = None) -> int:
    """How many came to their end within `limit` of being asked for, or of `not_before` where that is later."""
    now, count = SystemClock().now(), 0
    for intent in intents:
        began = max(intent.created_at, not_before or intent.created_at)
        count += intent.settled_at is not None and (intent.settled_at or now) - began <= limit
    return count
