"""Reads what a forecast is made of: one round of reads, from the mirror as it stands."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from domains.ap.bill_service import BillService
from domains.ap.payment_service import PaymentService
from domains.ar.invoice_service import InvoiceService
from domains.ar.receipt_service import ReceiptService
from domains.cash.cash_service import CashService
from domains.core.documents import OpenDocument, UnappliedCredit
from domains.core.movements import CashAccount, CashMovement
from domains.core.rates import HomeRate, newest_of
from domains.core.settlements import Charged, Settlement
from infra.config import Rail
from infra.sync.freshness import AS_IT_STANDS
from runway.calculators.ageing import Application
from runway.calculators.figures import Basis
from runway.calculators.groundwork import Books, LeftOut
from runway.calculators.lateness import WINDOW_DAYS, InvoiceHistory
from runway.calculators.quality import TRAILING_WEEKS, BillEntry
from runway.calculators.ratios import PAY_WINDOW_DAYS, Charge, Paid
from runway.calculators.runway import RunwayInputs
from runway.calculators.to_come import Settled
from runway.calculators.working_capital import Turnover
from runway.orchestrators.ageing import credit_of, document_of, in_home_currency, is_rated

_MOVED_DAYS = 365
_LATER_DAYS = 366  # post-dated cheques are in the ledger's balance already
_SETTLED_DAYS = 91
# An invoice whose last payment is in the window may have had its first before it.
_APPLIED_DAYS = WINDOW_DAYS + 182
# Older than a quarter, a rate is no answer to what a balance is worth today.
_RATES_DAYS = 91
_ENTERED_DAYS = 7 * (TRAILING_WEEKS + 1)


@dataclass(frozen=True)
class ForecastMaterial:
    books: Books
    turnover: Turnover


@dataclass(frozen=True)
class ForecastReader:
    """One business's. The mirror is brought up to date by who asks, before. `zone` is where its days are counted."""

    cash: CashService
    payments: PaymentService
    receipts: ReceiptService
    bills: BillService
    invoices: InvoiceService
    home_currency: str
    zone: ZoneInfo

    async def read(
        self, today: date, *, uncounted: Collection[str], synced_at: datetime | None, now: datetime
    ) -> ForecastMaterial:
        """`uncounted` are bank accounts that the owner switched off."""
        basis = Basis(as_of=today, source=Rail.QBO.value, currency=self.home_currency)
        collected = await self._collected(today)
        paid = (
            await self.payments.list_settlements(_before(today, PAY_WINDOW_DAYS), today, freshness=AS_IT_STANDS)
        ).value
        accounts = await self._accounts(uncounted)
        invoices, bills = await self._open(self.invoices), await self._open(self.bills)
        owed, owing = await self._credits(self.invoices), await self._credits(self.bills)
        books = Books(
            runway=RunwayInputs(
                basis=basis,
                accounts=accounts,
                movements=await self._movements(today),
                synced_at=synced_at,
                now=now,
                bill_entries=await self._entered(today),
                rates=await self._rates(accounts, today),
                unrated=(*invoices.unrated, *owed.unrated, *bills.unrated, *owing.unrated),
            ),
            invoices=[document_of(one) for one in invoices.rated],
            invoice_credits=[credit_of(one) for one in owed.rated],
            bills=[document_of(one) for one in bills.rated],
            bill_credits=[credit_of(one) for one in owing.rated],
            histories=_histories(collected, since=_before(today, WINDOW_DAYS)),
            paid_bills=_histories(paid, since=_before(today, PAY_WINDOW_DAYS)),
            collected=_settled(collected, since=_before(today, _SETTLED_DAYS)),
            paid=_settled(paid, since=_before(today, _SETTLED_DAYS)),
            left_out=LeftOut(receivable=invoices.left_out + owed.left_out, payable=bills.left_out + owing.left_out),
        )
        return ForecastMaterial(books, await self._turnover(today, collected=collected, paid=paid))

    async def _accounts(self, uncounted: Collection[str]) -> list[CashAccount]:
        chart = await self.cash.get_cash_accounts(home_currency=self.home_currency, freshness=AS_IT_STANDS)
        return [replace(one, is_operating=False) if one.account_id in uncounted else one for one in chart.value]

    async def _movements(self, today: date) -> list[CashMovement]:
        since, until = _before(today, _MOVED_DAYS), today + timedelta(days=_LATER_DAYS)
        parts = [
            await self.cash.list_movements(since, until, freshness=AS_IT_STANDS),
            await self.payments.list_movements(since, until, freshness=AS_IT_STANDS),
            await self.receipts.list_movements(since, until, freshness=AS_IT_STANDS),
        ]
        return [movement for part in parts for movement in part.value]

    async def _entered(self, today: date) -> list[BillEntry]:
        """Of the nine weeks before T."""
        since = datetime.combine(_before(today, _ENTERED_DAYS), time(), self.zone).astimezone(UTC)
        entered = await self.bills.list_entered(since, freshness=AS_IT_STANDS)
        return [BillEntry(one.entered_at.astimezone(self.zone).date(), one.amount) for one in entered.value]

    async def _rates(self, accounts: Sequence[CashAccount], today: date) -> dict[str, HomeRate]:
        """Asked for only where a balance needs one."""
        if all(one.currency == self.home_currency or not one.balance for one in accounts):
            return {}
        since = _before(today, _RATES_DAYS)
        parts = [
            await self.bills.list_rates(since, today, freshness=AS_IT_STANDS),
            await self.invoices.list_rates(since, today, freshness=AS_IT_STANDS),
            await self.cash.list_rates(since, today, freshness=AS_IT_STANDS),
        ]
        return newest_of([rate for part in parts for rate in part.value])

    async def _open(self, side: BillService | InvoiceService) -> "_Rated[OpenDocument]":
        if isinstance(side, BillService):
            found, noun = (await side.list_open_bills_for_ageing(freshness=AS_IT_STANDS)).value, "open bills"
        else:
            found, noun = (await side.list_open_invoices_for_ageing(freshness=AS_IT_STANDS)).value, "open invoices"
        rated = [one for one in found if is_rated(one, self.home_currency)]
        without = [one.currency for one in found if not is_rated(one, self.home_currency)]
        return _Rated(rated, len(without), _words(noun, without))

    async def _credits(self, side: BillService | InvoiceService) -> "_Rated[UnappliedCredit]":
        found = (await side.list_unapplied_credits(freshness=AS_IT_STANDS)).value
        without = [one.currency for one in found if one.home_amount is None and one.currency != self.home_currency]
        known = in_home_currency(found, self.home_currency)
        return _Rated(known, len(found) - len(known), _words("credits", [key for key in without if key]))

    async def _collected(self, today: date) -> list[Settlement]:
        since = _before(today, _APPLIED_DAYS)
        return (await self.invoices.list_settlements(since, today, freshness=AS_IT_STANDS)).value

    async def _turnover(self, today: date, *, collected: Sequence[Settlement], paid: Sequence[Settlement]) -> Turnover:
        since = _before(today, PAY_WINDOW_DAYS)
        sales = await self.invoices.list_charged(since, today, freshness=AS_IT_STANDS)
        purchases = await self.bills.list_charged(since, today, freshness=AS_IT_STANDS)
        return Turnover(
            sales=_charges(sales.value),
            purchases=_charges(purchases.value),
            collected=[Paid(one.issued_on, one.on, one.applied_home) for one in collected if one.on > since],
            paid=[Paid(one.issued_on, one.on, one.applied_home) for one in paid],
        )


R = TypeVar("R")


@dataclass(frozen=True)
class _Rated(Generic[R]):
    """What can be told in home currency; `unrated`: what cannot, in words, and how many they are."""

    rated: Sequence[R]
    left_out: int
    unrated: tuple[str, ...]


def _words(noun: str, currencies: Iterable[str | None]) -> tuple[str, ...]:
    counted = sorted(Counter(str(one) for one in currencies).items())
    return tuple(f"{noun} in {currency} ({n})" for currency, n in counted)


def _before(today: date, days: int) -> date:
    return today - timedelta(days=days)


def _charges(charged: Sequence[Charged]) -> list[Charge]:
    return [Charge(one.on, one.amount) for one in charged]


def _settled(settlements: Sequence[Settlement], *, since: date) -> list[Settled]:
    return [
        Settled(one.on, one.issued_on, one.money, one.party_name, one.document_id)
        for one in settlements
        if one.on >= since and one.money > 0
    ]


def _histories(settlements: Sequence[Settlement], *, since: date) -> list[InvoiceHistory]:
    """One an invoice with a payment since then."""
    by_document: dict[str, list[Settlement]] = defaultdict(list)
    for one in settlements:
        by_document[one.document_id].append(one)
    return [
        InvoiceHistory(
            customer_id=parts[0].party_id,
            due_on=parts[0].due_on or parts[0].issued_on,
            total=parts[0].total,
            applied=tuple(Application(part.on, part.applied) for part in parts),
        )
        for parts in by_document.values()
        if parts[-1].on >= since
    ]
