"""What is decided about reminders, for a business and for one customer. Each version is kept; verbs write in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar import reminder_queries as queries
from domains.ar.errors import CustomerNotFound
from domains.ar.models import Customer
from domains.ar.reminder_errors import AddressWrong, HoursSenseless
from domains.ar.reminder_models import CustomerReminderRow, ReminderPolicyRow
from domains.ar.reminder_rules import (
    CustomerRules,
    KeptRules,
    Levels,
    Made,
    ReminderRules,
    addresses_in,
    check_levels,
)
from domains.ar.reminder_text import check_template
from domains.core.ledger import LEDGER
from infra.db.tenancy import TenantAwareService


@dataclass(frozen=True)
class Setting:
    """Who decides, in which request, when."""

    actor: str
    request_id: str
    now: datetime


class ReminderSettings(TenantAwareService):
    async def get_rules(self, session: AsyncSession) -> KeptRules:
        return await queries.find_rules(session, self.business_id)

    async def set_rules(self, session: AsyncSession, wanted: ReminderRules, *, by: Setting) -> KeptRules:
        """The next version; the one that counts already makes none.

        Raises:
            LevelsSenseless, TemplateWrong, HoursSenseless, AddressWrong: it makes no sense.
        """
        _check(wanted.levels)
        if wanted.send_from >= wanted.send_until:
            raise HoursSenseless
        _check_address(wanted.reply_to)
        await queries.hold_reminders(session, self.business_id)
        held = await self.get_rules(session)
        if held.made.version and held.rules == wanted:
            return held
        values = {**vars(wanted), "levels": queries.written(wanted.levels)}
        session.add(
            ReminderPolicyRow(
                business_id=self.business_id,
                version=held.made.version + 1,
                actor=by.actor,
                request_id=by.request_id,
                set_at=by.now,
                **values,
            )
        )
        await session.flush()  # read again here
        return await self.get_rules(session)

    async def get_customer(self, session: AsyncSession, customer_id: UUID) -> tuple[Customer, CustomerRules, Made]:
        """Raises:
        CustomerNotFound: no such customer.
        """
        customer = await session.scalar(
            select(Customer).where(
                Customer.business_id == self.business_id, Customer.rail == LEDGER.value, Customer.id == customer_id
            )
        )
        if customer is None:
            raise CustomerNotFound(customer_id)
        return (customer, *await queries.find_customer_rules(session, self.business_id, customer_id))

    async def set_customer(
        self, session: AsyncSession, customer_id: UUID, wanted: CustomerRules, *, by: Setting
    ) -> tuple[Customer, CustomerRules, Made]:
        """As `set_rules`, for one customer.

        Raises:
            CustomerNotFound: no such customer.
            LevelsSenseless, TemplateWrong, AddressWrong: it makes no sense.
        """
        if wanted.levels is not None:
            _check(wanted.levels)
        _check_address(wanted.send_to)
        await queries.hold_reminders(session, self.business_id)
        customer, held, made = await self.get_customer(session, customer_id)
        if held == wanted:
            return customer, held, made
        row = CustomerReminderRow(
            business_id=self.business_id,
            customer_id=customer_id,
            version=made.version + 1,
            is_excluded=wanted.is_excluded,
            paused_until=wanted.paused_until,
            levels=None if wanted.levels is None else queries.written(wanted.levels),
            send_to=wanted.send_to,
            actor=by.actor,
            request_id=by.request_id,
            set_at=by.now,
        )
        session.add(row)
        await session.flush()
        return await self.get_customer(session, customer_id)


def _check(levels: Levels) -> None:
    check_levels(levels)
    for level in levels:
        check_template(level)


def _check_address(address: str | None) -> None:
    if address is not None and not addresses_in(address):
        raise AddressWrong(address)
