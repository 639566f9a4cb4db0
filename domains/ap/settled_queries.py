"""What bills were settled with and what vendors charged."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.models import Bill, VendorCredit
from domains.core import settlements
from domains.core.settlements import Charged, SettledTables, Settlement

# By card the money leaves later, when the card is paid.
_BILLS = SettledTables(
    document="bill",
    charge="Bill",
    credit="VendorCredit",
    payment="bill_payment",
    paid_on="paid_on",
    party="vendor",
    is_money="p.pay_type = 'check'",
)


async def list_settlements(
    session: AsyncSession, business_id: UUID, *, since: date, until: date, party: str | None = None
) -> list[Settlement]:
    """`party` is the rail's id; None: of all of them."""
    return await settlements.list_settlements(session, business_id, _BILLS, since=since, until=until, party=party)


async def list_charged(session: AsyncSession, business_id: UUID, *, since: date, until: date) -> list[Charged]:
    return await settlements.list_charged(session, business_id, Bill, credit=VendorCredit, since=since, until=until)
