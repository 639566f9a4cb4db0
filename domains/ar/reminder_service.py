"""Reminding customers: the day's plan, and the mails that it asks for. Verbs write in the caller's transaction; no rail is asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import reminder_queries as queries
from domains.ar.collection_errors import InvoiceBusy
from domains.ar.plan_rows import plan_reads, plan_rows
from domains.ar.remind_customer import REMIND_CUSTOMER, RemindCustomer
from domains.ar.reminder_models import ReminderLevelRow
from domains.ar.reminder_plan import PlannedCustomer, Why, plan_reminders
from domains.ar.reminder_reading import Reading
from domains.ar.reminder_rules import KeptRules
from domains.ar.reminder_text import templates_of
from domains.core.asking import Asking
from infra.actions import listing
from infra.actions.engine import ActionEngine
from infra.actions.errors import TargetTaken, TooLate
from infra.actions.in_bulk import request_many
from infra.actions.listing import ActionFilter
from infra.actions.models import ActionIntent
from infra.actions.spec import ActionRequest
from infra.actions.states import CANCELLABLE
from infra.db.reads import Read, read_in
from infra.db.tenancy import TenantAwareService
from infra.db.unit_of_work import UnitOfWork
from infra.errors import OodalooError

Outcome = ActionIntent | OodalooError
_HELD_CUSTOMER = frozenset({Why.EXCLUDED, Why.PAUSED})
_HELD_INVOICE = frozenset({Why.DISPUTED, Why.PROMISED, Why.GIVEN_UP})
_MOST_WAITING = 500


@dataclass(frozen=True)
class DayPlan:
    """What is planned for a day, by the rules that count."""

    day: date
    kept: KeptRules
    customers: Sequence[PlannedCustomer]

    @property
    def mails(self) -> list[PlannedCustomer]:
        return [one for one in self.customers if one.mailed]


class ReminderService(TenantAwareService):
    def __init__(
        self, business_id: UUID, *, name: str, home_currency: str, zone: ZoneInfo, engine: ActionEngine
    ) -> None:
        """`name` is the business's; `zone` is where its days are counted."""
        super().__init__(business_id)
        self._name = name
        self._home = home_currency
        self._zone = zone
        self._engine = engine

    async def plan(self, session: AsyncSession, *, today: date) -> DayPlan:
        """What the day's mails are, from our copy of the books."""
        return self.planned(await read_in(session, *self.plan_reads()), today=today)

    def plan_reads(self, customers: Collection[str] | None = None) -> Sequence[Read[Any]]:
        """What `planned` makes a plan of; or its part for these customers, by the rail's ids: none's hangs on another's."""
        return plan_reads(self.business_id, customers)

    def planned(self, found: Sequence[list[Any]], *, today: date) -> DayPlan:
        """The day's plan, of the rows of `plan_reads`."""
        rows = plan_rows(found)
        invoices, debtors = Reading(self._home, self._zone, today).of(rows)
        return DayPlan(today, rows.kept, plan_reminders(invoices, debtors, rows.kept.rules, today=today))

    async def list_asked(self, session: AsyncSession, asking: Asking) -> list[ActionIntent]:
        """The mails that this key has asked for already.

        Raises:
            KeyUsedForOther: it was asked for with other words.
        """
        known = await listing.list_by_key_prefix(
            session, self.business_id, operation=REMIND_CUSTOMER.operation, prefix=asking.batch_prefix
        )
        return [asking.refuse_other(intent) for intent in known]

    async def ask(self, uow: UnitOfWork, plan: DayPlan, *, asking: Asking) -> dict[str, Outcome]:
        """Ask for the plan's mails; by customer what became of each. Each takes its steps in this transaction, or none of them.

        The caller holds the business's reminders since before it planned.
        """
        mails = plan.mails
        requests = [self._request(one, plan, asking) for one in mails]
        found = dict(
            zip(
                (one.debtor.external_id for one in mails),
                await request_many(self._engine.shop, uow, requests),
                strict=True,
            )
        )
        steps: list[dict[str, Any]] = []
        for one in mails:
            outcome = found[one.debtor.external_id]
            if isinstance(outcome, TargetTaken):
                found[one.debtor.external_id] = InvoiceBusy(one.debtor.name, intent_id=outcome.intent_id)
            elif isinstance(outcome, ActionIntent):
                steps += self._steps(one, plan, outcome)
        await self._take(uow.session, steps)
        return found

    async def list_waiting(self, session: AsyncSession) -> Sequence[ActionIntent]:
        """Mails that were asked for, and that nothing has left of yet."""
        wanted = ActionFilter(CANCELLABLE, (REMIND_CUSTOMER.operation,), limit=_MOST_WAITING)
        return await listing.list_intents(session, self.business_id, wanted)

    async def withdraw(
        self,
        uow: UnitOfWork,
        waiting: Sequence[ActionIntent],
        plan: DayPlan,
        *,
        actor: str,
        request_id: str,
        is_closed: bool,
    ) -> int:
        """Take back those of `waiting` that nobody is to get by now; how many.

        That is all of them while `is_closed`, and else those of a customer who is paused or excluded, or about an invoice that is
        disputed, promised or given up.
        """
        planned = {one.debtor.external_id: one for one in plan.customers}
        withdrawn = 0
        for intent in waiting:
            if not (is_closed or _is_held(RemindCustomer.of(intent.meaning), planned)):
                continue
            try:
                await self._engine.cancel(uow, self.business_id, intent.id, actor=actor, request_id=request_id)
            except TooLate:  # it has just been begun
                continue
            withdrawn += 1
        return withdrawn

    async def hold(self, session: AsyncSession) -> None:
        """Until the transaction's end nobody else plans and asks for this business; what became of earlier mails is written down."""
        await queries.hold_reminders(session, self.business_id)
        await self._settle(session)

    async def _settle(self, session: AsyncSession) -> None:
        """Write down what became of the steps on their way."""
        open_steps = await session.scalars(
            select(ReminderLevelRow).where(
                ReminderLevelRow.business_id == self.business_id, ReminderLevelRow.is_mailed.is_(None)
            )
        )
        rows = {(row.invoice_id, row.level): row for row in open_steps}
        if not rows:
            return
        for step in await queries.list_unsettled_steps(session, self.business_id):
            if (row := rows.get((step.invoice_id, step.level))) is not None:
                row.is_mailed = step.is_mailed
        await session.flush()

    async def _take(self, session: AsyncSession, steps: Sequence[dict[str, Any]]) -> None:
        """A step that no mail has listed is free for another; any other one is a bug, and undoes all of it."""
        if not steps:
            return
        taking = insert(ReminderLevelRow).values(list(steps))
        taking = taking.on_conflict_do_update(
            index_elements=["business_id", "invoice_id", "level"],
            set_={"intent_id": taking.excluded.intent_id, "asked_on": taking.excluded.asked_on, "is_mailed": None},
            where=ReminderLevelRow.is_mailed.is_(False),
        )
        taken = (await session.scalars(taking.returning(ReminderLevelRow.level))).all()
        if len(taken) != len(steps):
            raise AssertionError("a reminder was planned for a step that was taken already")

    def _steps(self, one: PlannedCustomer, plan: DayPlan, intent: ActionIntent) -> list[dict[str, Any]]:
        return [
            {
                "business_id": self.business_id,
                "invoice_id": planned.invoice.id,
                "level": planned.level,
                "intent_id": intent.id,
                "asked_on": plan.day,
                "is_mailed": None,
            }
            for planned in one.mailed
        ]

    def _request(self, one: PlannedCustomer, plan: DayPlan, asking: Asking) -> ActionRequest:
        rules, highest = plan.kept.rules, max(one.mailed, key=lambda planned: planned.step.days if planned.step else 0)
        if highest.step is None:
            raise AssertionError("an invoice without a step is in no mail")
        subject, text = templates_of(highest.step)
        meant = RemindCustomer.of(
            {
                "customer": one.debtor.external_id,
                "customer_name": one.debtor.name,
                "send_to": one.send_to,
                "sender": self._name,
                "from_name": rules.sender_name or self._name,
                "reply_to": rules.reply_to,
                "on": plan.day,
                "subject": subject,
                "text": text,
                "invoices": [
                    {
                        "invoice": planned.invoice.external_id,
                        "level": planned.level,
                        "days": planned.step.days if planned.step else 0,
                        "balance": planned.invoice.balance,
                        "currency": planned.invoice.currency,
                    }
                    for planned in one.mailed
                ],
            }
        )
        item = asking.of_item(_named(one))
        return ActionRequest(
            business_id=self.business_id,
            operation=REMIND_CUSTOMER.operation,
            client_key=item.key,
            meaning=meant.as_meaning(),
            actor=asking.actor,
            request_id=asking.request_id,
            facts=asking.facts(policy=plan.kept.made.version, customer=one.debtor.name),
        )


def _named(one: PlannedCustomer) -> str:
    """Which mail of a run this is: whose, about which steps."""
    steps = ",".join(f"{planned.invoice.external_id}:{planned.level}" for planned in one.mailed)
    return blake2b(f"{one.debtor.external_id}|{steps}".encode(), digest_size=16).hexdigest()


def _is_held(meant: RemindCustomer, planned: Mapping[str, PlannedCustomer]) -> bool:
    customer = planned.get(meant.customer)
    if customer is None:
        return False
    listed = {line.invoice for line in meant.invoices}
    return customer.why in _HELD_CUSTOMER or any(
        one.why in _HELD_INVOICE and one.invoice.external_id in listed for one in customer.invoices
    )
