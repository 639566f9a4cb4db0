"""What customers settled and what they were charged."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ar.models import CreditMemo, Invoice
from domains.core import settlements
from domains.core.settlements import Charged, SettledTables, Settlement

_INVOICES = SettledTables(
    document="invoice",
    charge="Invoice",
    credit="CreditMemo",
    payment="receipt",
    paid_on="received_on",
    party="customer",
)


async def list_settlements(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, party: str | None = None
) -> list[Settlement]:
    """`party` is the rail's id; None: of all of them."""
    return await settlements.list_settlements(session, business_id, _INVOICES, since=since, until=until, party=party)


async def list_charged(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[Charged]:
    return await settlements.list_charged(session, business_id, Invoice, credit=CreditMemo, since=since, until=until)
