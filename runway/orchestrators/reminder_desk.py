"""What is decided about reminders, for a business and for one customer, and what is known of that one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.promise_history import KeptPromise, list_promises
from domains.ar.reminder_queries import Step, list_steps
from domains.ar.reminder_rules import CustomerRules, KeptRules, Made, ReminderRules
from domains.ar.reminder_settings import ReminderSettings, Setting
from infra.sync.freshness import AS_IT_STANDS, ON_DEMAND, Fetched, FreshnessNeed
from runway.orchestrators.reminding import READ_FOR_REMINDERS, Reminding


@dataclass(frozen=True)
class CustomerStanding:
    """One customer: their rules, the steps that were taken, and what they promised."""

    customer_id: UUID
    name: str
    rules: CustomerRules
    made: Made
    steps: Sequence[Step]
    promises: Sequence[KeptPromise]


@dataclass(frozen=True)
class ReminderDesk:
    """What is decided about reminders, and what is known of one customer."""

    reminding: Reminding

    async def get_rules(self) -> KeptRules:
        async with self.reminding.uow([self._business_id]) as uow:
            return await ReminderSettings(self._business_id).get_rules(uow.session)

    async def set_rules(self, wanted: ReminderRules, *, by: Setting) -> KeptRules:
        """It counts at once, for mails too that wait to be sent.

        Raises:
            LevelsSenseless, TemplateWrong, HoursSenseless, AddressWrong: it makes no sense.
        """
        async with self.reminding.uow([self._business_id]) as uow:
            kept = await ReminderSettings(self._business_id).set_rules(uow.session, wanted, by=by)
        await self.reminding.withdraw(actor=by.actor, request_id=by.request_id)
        return kept

    async def set_customer(self, customer_id: UUID, wanted: CustomerRules, *, by: Setting) -> Fetched[CustomerStanding]:
        """Raises:
        CustomerNotFound: no such customer.
        LevelsSenseless, TemplateWrong, AddressWrong: it makes no sense.
        """
        async with self.reminding.uow([self._business_id]) as uow:
            await ReminderSettings(self._business_id).set_customer(uow.session, customer_id, wanted, by=by)
        await self.reminding.withdraw(actor=by.actor, request_id=by.request_id)
        return await self.get_customer(customer_id, freshness=AS_IT_STANDS)

    async def get_customer(
        self, customer_id: UUID, *, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[CustomerStanding]:
        """Raises:
        CustomerNotFound: no such customer.
        """

        async def read(session: AsyncSession) -> CustomerStanding:
            customer, rules, made = await ReminderSettings(self._business_id).get_customer(session, customer_id)
            external_id = customer.external_id
            return CustomerStanding(
                customer_id=customer_id,
                name=customer.display_name,
                rules=rules,
                made=made,
                steps=await list_steps(session, self._business_id, customer_external_id=external_id),
                promises=await list_promises(
                    session,
                    self._business_id,
                    external_id,
                    today=self.reminding.today,
                    zone=ZoneInfo(self.reminding.business.time_zone),
                ),
            )

        return await self.reminding.sync.fetch(READ_FOR_REMINDERS, read, freshness=freshness)

    @property
    def _business_id(self) -> UUID:
        return self.reminding.business.id
