"""Seven months of a small business, day by day. Same seed, same day: the same books."""

import calendar
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import Books, OpenItem, dollars, expense_line, item_line
from infra.qbo.simulator.files.demo_company.profile import Buyer, Supplier
from infra.qbo.simulator.files.small_companies.trade import OneOff, Trade

_MONTHS: Final = 7
_WARM_UP_DAYS: Final = 100
_MONDAY, _TUESDAY, _WEDNESDAY, _THURSDAY, _FRIDAY = range(5)
_WEEKEND: Final = 2
_DRAW_DAYS: Final = frozenset({10, 25})
_MACHINES: Final = Decimal(38_000)


def first_day(today: date) -> date:
    months = today.year * 12 + today.month - 1 - _MONTHS
    return date(months // 12, months % 12 + 1, 1)


def tell(trade: Trade, *, today: date, seed: int, opening: Decimal) -> Books:
    """Play every day up to yesterday. `opening` is what the bank holds at the start."""
    story = _Story(trade, today=today, seed=seed)
    story.open_books(opening)
    day = story.start - timedelta(days=_WARM_UP_DAYS)
    while day < today:
        story.play(day)
        day += timedelta(days=1)
    return story.books


class _Story:
    def __init__(self, trade: Trade, *, today: date, seed: int) -> None:
        self.start = first_day(today)
        self.books = Books(seed=seed, suppliers={one.name: one for one in trade.suppliers})
        self._trade = trade
        self._today = today
        self._random = random.Random(seed)  # noqa: S311 - plausible books, not secrets
        self._buyers = {buyer.id: buyer for buyer in trade.buyers}
        self._put_off = {trade.supplier(name).id for name in trade.slump.put_off} if trade.slump else set()

    def open_books(self, opening: Decimal) -> None:
        sides = [
            (profile.CHECKING, opening),
            (profile.EQUIPMENT, _MACHINES),
            (profile.CAPITAL, -opening - _MACHINES),
        ]
        self.books.journal(self.start, sides, note="Opening balances")

    def play(self, day: date) -> None:
        """Before the start only what is still open on it is entered: the open items brought forward."""
        if day.weekday() <= _FRIDAY:
            self._sell(day)
        self._receive_bills(day)
        if day < self.start:
            return
        if day.weekday() <= _FRIDAY:
            self._collect(day)
        self._one_offs(day)
        if day.weekday() == _TUESDAY and self.books.undeposited:
            self.books.deposit_all(day)
        if day.weekday() == _THURSDAY:
            self._pay_run(day)
        self._payroll(day)
        self._month(day)

    def _sell(self, day: date) -> None:
        for number, buyer in enumerate(self._trade.buyers):
            if _falls_due(day, every=buyer.every_days, offset=number * 5):
                self._invoice(buyer, day)

    def _invoice(self, buyer: Buyer, day: date) -> None:
        wanted = buyer.cents * self._random.uniform(0.9, 1.1)
        slump = self._trade.slump
        if slump is not None and day >= self._today - timedelta(days=slump.days):
            wanted *= slump.share_of_orders
        item, _, cents = self._random.choice(self._trade.products)
        lines = [item_line(item, max(1, round(wanted / cents)), dollars(cents))]
        late = buyer.late_days + self._random.randint(-2, 4)
        pay_on = day + timedelta(days=max(2, buyer.term_days + late))
        if pay_on >= self.start:
            self.books.invoice(buyer, day, lines, pay_on=pay_on)

    def _collect(self, day: date) -> None:
        paying: dict[str, list[OpenItem]] = {}
        for invoice in self.books.invoices:
            if invoice.pay_on <= day:
                paying.setdefault(invoice.party_id, []).append(invoice)
        for buyer_id, invoices in paying.items():
            self.books.receive(self._buyers[buyer_id], day, invoices)

    def _receive_bills(self, day: date) -> None:
        for number, supplier in enumerate(self._trade.suppliers):
            is_due = (
                _falls_due(day, every=supplier.every_days, offset=number * 3 + 1)
                if supplier.every_days > 0
                else supplier.every_days < 0 and day.day == -supplier.every_days
            )
            if is_due:
                self._receive_bill(supplier, day)

    def _receive_bill(self, supplier: Supplier, day: date) -> None:
        is_fixed = supplier.every_days < 0
        factor = 1.0 if is_fixed else self._random.uniform(0.9, 1.1)
        lines = [expense_line(supplier.account_id, dollars(round(supplier.cents * factor)))]
        pay_on = day + timedelta(days=supplier.term_days)
        if pay_on >= self.start:
            self.books.bill(supplier, day, lines, pay_on=pay_on, dated=day)

    def _one_offs(self, day: date) -> None:
        for one in self._trade.bills:
            if self._is_entered(one, day):
                supplier = self._trade.supplier(one.party)
                due_on = self._today + timedelta(days=one.due_in_days)
                lines = [expense_line(supplier.account_id, one.dollars)]
                self.books.bill(supplier, day, lines, pay_on=due_on, dated=day, due_on=due_on)
        for one in self._trade.invoices:
            if self._is_entered(one, day):
                buyer, due_on = self._trade.buyer(one.party), self._today + timedelta(days=one.due_in_days)
                item = self._trade.products[0][0]
                self.books.invoice(buyer, day, [item_line(item, 1, one.dollars)], pay_on=due_on, due_on=due_on)

    def _is_entered(self, one: OneOff, day: date) -> bool:
        return day == self._today - timedelta(days=one.entered_days_ago)

    def _pay_run(self, day: date) -> None:
        paying: dict[str, list[OpenItem]] = {}
        for bill in self.books.bills:
            if bill.pay_on <= day + timedelta(days=3) and not self._waits(bill, day):
                paying.setdefault(bill.party_id, []).append(bill)
        for supplier_id, bills in paying.items():
            self.books.pay_bills(supplier_id, day, bills, by_card=False)

    def _payroll(self, day: date) -> None:
        """Every other Friday, the next within a week of today or two; the taxes on it the Wednesday after."""
        trade, books = self._trade, self.books
        weeks = (self._week(self._today) - self._week(day)) % 2
        if weeks == 1 and day.weekday() == _FRIDAY:
            lines = [expense_line(profile.WAGES, trade.net_pay, "Net pay")]
            books.purchase(day, trade.payroll_service, lines, from_account=profile.CHECKING)
            taxes = trade.payroll_taxes
            sides = [(profile.PAYROLL_EXPENSE, taxes), (profile.PAYROLL_TAX, -taxes)]
            books.journal(day, sides, note="Payroll taxes owed")
        elif weeks == 0 and day.weekday() == _WEDNESDAY and day > self.start + timedelta(days=7):
            lines = [expense_line(profile.PAYROLL_TAX, trade.payroll_taxes, "Payroll tax draft")]
            books.purchase(day, trade.payroll_service, lines, from_account=profile.CHECKING)

    def _month(self, day: date) -> None:
        books = self.books
        if day.day == calendar.monthrange(day.year, day.month)[1]:
            lines = [expense_line(profile.BANK_FEES, Decimal("24.00"), "Monthly service charge")]
            books.purchase(day, self._trade.bank, lines, from_account=profile.CHECKING)
        if day.day in _DRAW_DAYS and self._trade.owner_draw > ZERO:
            amount = self._trade.owner_draw
            books.journal(day, [(profile.DRAWS, amount), (profile.CHECKING, -amount)], note="Owner's draw")

    def _waits(self, bill: OpenItem, day: date) -> bool:
        slump = self._trade.slump
        return (
            slump is not None
            and day >= self._today - timedelta(days=slump.unpaid_days)
            and bill.party_id in self._put_off
        )

    @staticmethod
    def _week(day: date) -> int:
        return (day.toordinal() - 1) // 7


def _falls_due(day: date, *, every: int, offset: int) -> bool:
    """Every so many days, counted from a fixed day; a weekend's turn falls on the Monday."""
    if every <= 0 or day.weekday() > _FRIDAY:
        return False
    back = (day.toordinal() + offset) % every
    return back == 0 or (day.weekday() == _MONDAY and back <= _WEEKEND < every)
