"""Reminding customers of what is due: joins the books, the rules and the action engine. No rail is asked here but to refresh the mirror."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from domains.ar.mirrors import CREDIT_MEMOS_FROM_QBO, CUSTOMERS_FROM_QBO, INVOICES_FROM_QBO, RECEIPTS_FROM_QBO
from domains.ar.reminder_errors import NobodyReminded
from domains.ar.reminder_plan import PlannedCustomer
from domains.ar.reminder_rules import Closed, closed_at
from domains.ar.reminder_service import DayPlan, Outcome, ReminderService
from domains.core.asking import Asking
from domains.core.models import Business
from infra.actions.models import ActionIntent
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.errors import OodalooError
from infra.qbo.sync_service import QBOSyncService
from infra.sync.freshness import ON_DEMAND, Fetched, FreshnessNeed

READ_FOR_REMINDERS: Final = (INVOICES_FROM_QBO, CUSTOMERS_FROM_QBO, RECEIPTS_FROM_QBO, CREDIT_MEMOS_FROM_QBO)
_MOST_MAILS, _MOST_INVOICES = 100, 1000  # a transaction
JOB_ACTOR: Final = "job:collections.run"


@dataclass(frozen=True)
class Mailed:
    """What became of one customer's mail: an action, or why there is none."""

    customer: PlannedCustomer | None
    intent: ActionIntent | None = None
    refusal: OodalooError | None = None


@dataclass(frozen=True)
class Ran:
    """A run, or what it would be. `closed`: why nothing goes out at this moment."""

    plan: DayPlan
    mailed: Sequence[Mailed]
    closed: Closed | None


@dataclass(frozen=True)
class Reminding:
    business: Business
    uow: UnitOfWorkFactory
    sync: QBOSyncService
    reminders: ReminderService
    now: datetime

    @property
    def today(self) -> date:
        """The company's."""
        return self.now.astimezone(self._zone).date()

    async def look(
        self, *, customers: Collection[str] | None = None, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[DayPlan]:
        """Today's plan, whether or not reminders are on; or its part for these customers, by the rail's ids."""
        reads = self.reminders.plan_reads(customers)
        fetched = await self.sync.select_each(READ_FOR_REMINDERS, *reads, freshness=freshness)
        return Fetched(self.reminders.planned(fetched.value, today=self.today), fetched.freshness)

    async def preview(self, *, freshness: FreshnessNeed = ON_DEMAND) -> Fetched[Ran]:
        """What a run would do now."""
        fetched = await self.look(freshness=freshness)
        plan = fetched.value
        ran = Ran(plan, [Mailed(one) for one in plan.mails], closed_at(plan.kept.rules, self.now, zone=self._zone))
        return Fetched(ran, fetched.freshness)

    async def run(self, *, asking: Asking) -> Fetched[Ran]:
        """Ask for today's mails. The same key again tells of the same mails.

        Raises:
            NobodyReminded: reminders are off, or it is not the time for them.
            KeyUsedForOther: the key stands for another wish.
        """
        fetched = await self.look()  # brings the mirror up to date, as far as that goes in time
        known = await self._known(asking)
        plan, before = fetched.value, [_of(intent, fetched.value) for intent in known]
        if any(intent.meaning["on"] != self.today.isoformat() for intent in known):
            return Fetched(Ran(plan, before, None), fetched.freshness)
        closed = closed_at(plan.kept.rules, self.now, zone=self._zone)
        if closed is not None and not known:
            raise NobodyReminded(closed.value)
        if closed is None:  # a run that was cut off is finished
            before += await self._ask(asking, seen={intent.meaning["customer"] for intent in known})
        return Fetched(Ran(plan, before, closed), fetched.freshness)

    async def run_of_the_day(self) -> int:
        """The hourly job's part for this business: the day's mails at the first hour that allows them; how many were asked for.

        Besides, mails that wait for QuickBooks since, and that nobody is to get by now, are taken back.
        """
        asking = Asking(JOB_ACTOR, JOB_ACTOR, f"reminders:{self.today.isoformat()}", digest="day")
        await self.withdraw(actor=JOB_ACTOR, request_id=JOB_ACTOR)
        try:
            ran = await self.run(asking=asking)
        except NobodyReminded:
            return 0
        return sum(one.intent is not None for one in ran.value.mailed)

    async def withdraw(self, *, actor: str, request_id: str) -> None:
        """Take back mails that are not sent yet, and that nobody is to get by what counts now."""
        async with self.uow([self.business.id]) as uow:
            waiting = await self.reminders.list_waiting(uow.session)
            if not waiting:
                return
            await self.reminders.hold(uow.session)
            plan = await self.reminders.plan(uow.session, today=self.today)
            is_closed = closed_at(plan.kept.rules, self.now, zone=self._zone) is not None
            await self.reminders.withdraw(uow, waiting, plan, actor=actor, request_id=request_id, is_closed=is_closed)

    async def _known(self, asking: Asking) -> list[ActionIntent]:
        async with self.uow([self.business.id]) as uow:
            return await self.reminders.list_asked(uow.session, asking)

    async def _ask(self, asking: Asking, *, seen: set[str]) -> list[Mailed]:
        """A transaction for so many mails: each plans anew, so that two runs at once never ask for the same step.

        `seen` are customers that this run has dealt with.
        """
        mailed: list[Mailed] = []
        while True:
            async with self.uow([self.business.id]) as uow:
                await self.reminders.hold(uow.session)
                plan = await self.reminders.plan(uow.session, today=self.today)
                now = _some([one for one in plan.mails if one.debtor.external_id not in seen])
                if not now or not plan.kept.rules.is_on:
                    return mailed
                found = await self.reminders.ask(uow, replace(plan, customers=now), asking=asking)
            seen.update(found)
            mailed += [_mailed(one, found[one.debtor.external_id]) for one in now]

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.business.time_zone)


def _some(mails: Sequence[PlannedCustomer]) -> list[PlannedCustomer]:
    taken: list[PlannedCustomer] = []
    invoices = 0
    for one in mails[:_MOST_MAILS]:
        invoices += len(one.mailed)
        if taken and invoices > _MOST_INVOICES:
            break
        taken.append(one)
    return taken


def _mailed(one: PlannedCustomer, outcome: Outcome) -> Mailed:
    return Mailed(one, refusal=outcome) if isinstance(outcome, OodalooError) else Mailed(one, intent=outcome)


def _of(intent: ActionIntent, plan: DayPlan) -> Mailed:
    """A mail that was asked for before; its customer may owe nothing by now."""
    customer = intent.meaning["customer"]
    return Mailed(next((one for one in plan.customers if one.debtor.external_id == customer), None), intent=intent)
