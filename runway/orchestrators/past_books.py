"""The books of a past day, for a forecast of that day: read once, asked for many days."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domains.ap.past_payables import PastPayables
from domains.ap.payment_service import PaymentService
from domains.ar.past_receivables import PastReceivables
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.cash.past_cash import PastCash
from domains.core.movements import CashAccount, CashMovement
from infra.config import Rail
from infra.money import ZERO
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.burn import WINDOWS_DAYS
from runway.calculators.figures import Basis
from runway.calculators.groundwork import Books
from runway.calculators.past_books import PastLedger, accounts_on
from runway.calculators.ratios import PAY_WINDOW_DAYS
from runway.calculators.runway import RunwayInputs

_FIRST, _LAST = date.min, date.max


@dataclass(frozen=True)
class PastServices:
    """Of one business."""

    receivables: PastReceivables
    payables: PastPayables
    cash: CashService
    past_cash: PastCash
    payments: PaymentService
    receipts: ReceiptService


@dataclass(frozen=True)
class _Held:
    """All there is, as the mirror has it now. `known_since`: when the log begins; None before the first reading."""

    accounts: Sequence[CashAccount]
    movements: Sequence[CashMovement]
    receivables: PastLedger
    payables: PastLedger
    known_since: datetime | None


class PastBooks:
    """`time_zone` is the company's: its midnight is when a day begins."""

    def __init__(self, services: PastServices, *, home_currency: str, time_zone: ZoneInfo) -> None:
        self._services = services
        self._currency = home_currency
        self._zone = time_zone
        self._held: _Held | None = None

    async def first_day(self) -> date | None:
        """The first that anything moved on; None in books without movements."""
        held = await self._read()
        return min((item.on for item in held.movements), default=None)

    async def is_known(self, day: date) -> bool:
        """Whether the log had the books at the day's beginning: read a day before, so that a first reading was at its end."""
        since = (await self._read()).known_since
        return since is not None and since.astimezone(self._zone).date() < day - timedelta(days=1)

    async def books_as_of(
        self,
        day: date,
        *,
        at_its_start: bool = False,
        from_log: bool = False,
        uncounted: AbstractSet[str] = frozenset(),
    ) -> Books:
        """Args:
        day: T.
        at_its_start: what is dated on T itself is not in the books yet, as on the morning when a forecast is frozen.
        from_log: documents and balances as we knew them when T began. What moved is taken by its date all the same.
        uncounted: bank accounts that the owner switched off.
        """
        held, through = await self._read(), day - timedelta(days=1) if at_its_start else day
        midnight = datetime.combine(day, time(), tzinfo=self._zone)
        if from_log:
            held = await self._as_known(held, midnight)
        else:
            accounts = accounts_on(through, held.accounts, movements=held.movements, currency=self._currency)
            held = replace(held, accounts=accounts)
        # What other currencies were worth then is not known here: such an account is left out, of what is judged too.
        counted = [
            replace(one, is_operating=one.account_id not in uncounted and one.currency == self._currency)
            for one in held.accounts
        ]
        held = replace(held, accounts=counted)
        return await asyncio.to_thread(self._books, held, day, through=through, midnight=midnight)

    def _books(self, held: _Held, day: date, *, through: date, midnight: datetime) -> Books:
        since = through - timedelta(days=max(WINDOWS_DAYS))
        owed, owing = held.receivables.on(through), held.payables.on(through)
        return Books(
            runway=RunwayInputs(
                basis=Basis(as_of=day, source=Rail.QBO.value, currency=self._currency),
                accounts=held.accounts,
                movements=[item for item in held.movements if since <= item.on <= through],
                synced_at=midnight,
                now=midnight,
                booked_through=through,
            ),
            invoices=owed.open,
            invoice_credits=owed.unapplied,
            bills=owing.open,
            bill_credits=owing.unapplied,
            histories=held.receivables.histories(through),
            paid_bills=held.payables.histories(through, days=PAY_WINDOW_DAYS),
            collected=held.receivables.settled(through),
            paid=held.payables.settled(through),
        )

    async def _read(self) -> _Held:
        if self._held is None:
            of = self._services
            accounts = await of.cash.get_cash_accounts(home_currency=self._currency, freshness=AS_IT_STANDS)
            moving = (of.cash, of.payments, of.receipts)
            parts = [await one.list_movements(_FIRST, _LAST, freshness=AS_IT_STANDS) for one in moving]
            self._held = _Held(
                accounts=accounts.value,
                movements=[item for part in parts for item in part.value],
                receivables=PastLedger(await of.receivables.read()),
                payables=PastLedger(await of.payables.read()),
                known_since=await of.past_cash.known_since(),
            )
        return self._held

    async def _as_known(self, held: _Held, instant: datetime) -> _Held:
        of = self._services
        balances = await of.past_cash.balances_at(instant)
        known = [replace(one, balance=balances.get(one.account_id, ZERO)) for one in held.accounts]
        return replace(
            held,
            accounts=known,
            receivables=PastLedger(await of.receivables.read(instant)),
            payables=PastLedger(await of.payables.read(instant)),
        )
