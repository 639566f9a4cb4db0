"""Eighteen months of the demo company, day by day. Same seed, same day: the same books."""

import calendar
import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from infra.money import ZERO, to_cents
from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.books import Books, OpenItem, dollars, expense_line, item_line
from infra.qbo.simulator.files.demo_company.profile import Buyer, Supplier

_MONTHS: Final = 18
_WARM_UP_DAYS: Final = 75
_TAX_RATE: Final = Decimal("0.088")
_MONDAY, _TUESDAY, _WEDNESDAY, _THURSDAY, _FRIDAY, _SATURDAY = range(6)
_SEASON: Final = (0.90, 0.93, 0.97, 1.0, 1.04, 1.06, 1.05, 1.02, 0.98, 1.0, 1.07, 1.12)
_NET_PAY_CENTS: Final = 1_985_000
_WITHHELD_CENTS: Final = 468_000
_EMPLOYER_TAX_CENTS: Final = 176_000
_LOAN_PAYMENT: Final = Decimal("1420.00")
_TAX_MONTHS: Final = frozenset({1, 4, 7, 10})
_SAVINGS_DAY, _LOAN_DAY, _CARD_DAY, _SALES_TAX_DAY = 5, 15, 22, 24
_PARTLY_PAID, _CREDITED, _STOLLEN_ORDERED, _PAID_LATE, _DELIVERED_SHORT, _CARD_REFUND = (
    0.05,
    0.02,
    0.4,
    0.12,
    0.03,
    0.02,
)
_WORTH_SPLITTING: Final = Decimal(1000)
_WEEKEND: Final = 2
_THIN: Final = Decimal(5000)
_TOP_UP: Final = Decimal(5000)


@dataclass(frozen=True, slots=True)
class Draws:
    """What the owner takes on each of the month's two draw days, before and after `changes_on`."""

    earlier: Decimal
    later: Decimal
    changes_on: date


def first_day(today: date) -> date:
    """The first of the month, 18 months before today's."""
    months = today.year * 12 + today.month - 1 - _MONTHS
    return date(months // 12, months % 12 + 1, 1)


def tell(today: date, *, seed: int, opening: Decimal, draws: Draws) -> Books:
    """Play every day up to yesterday. `opening` is the operating account at the start."""
    story = _Story(today, seed=seed, draws=draws)
    story.open_books(opening)
    day = story.start - timedelta(days=_WARM_UP_DAYS)
    while day < today:
        story.play(day)
        day += timedelta(days=1)
    return story.books


def is_draw_day(day: date) -> bool:
    return day.day in {10, 25}


class _Story:
    def __init__(self, today: date, *, seed: int, draws: Draws) -> None:
        self.start = first_day(today)
        self._today = today
        self._random = random.Random(seed)  # noqa: S311 - plausible books, not secrets
        self.books = Books(seed=seed)
        self._draws = draws
        self._equipment_on = self.start + timedelta(days=322)
        self._buyers = {buyer.id: buyer for buyer in profile.BUYERS}
        self._suppliers = {supplier.id: supplier for supplier in profile.SUPPLIERS}

    def open_books(self, opening: Decimal) -> None:
        loan, equipment, payroll, savings = (Decimal(n) for n in (46_000, 64_000, 4_000, 14_000))
        self.books.loan_balance = loan
        sides = [
            (profile.CHECKING, opening),
            (profile.PAYROLL_BANK, payroll),
            (profile.SAVINGS, savings),
            (profile.EQUIPMENT, equipment),
            (profile.LOAN, -loan),
            (profile.CAPITAL, loan - opening - payroll - savings - equipment),
        ]
        self.books.journal(self.start, sides, note="Opening balances")

    def play(self, day: date) -> None:
        """Before the start only what is still open on it is entered: the open items brought forward."""
        self._sell(day)
        self._receive_bills(day)
        if day < self.start:
            return
        self._counter(day)
        self._collect(day)
        if day.weekday() in {_TUESDAY, _FRIDAY} and self.books.undeposited:
            self.books.deposit_all(day)
        if day.weekday() == _THURSDAY:
            self._pay_run(day)
        self._payroll(day)
        self._card(day)
        self._calendar(day)
        self._once(day)
        self._keep_afloat(day)

    def _sell(self, day: date) -> None:
        if day.weekday() > _FRIDAY:
            return
        for number, buyer in enumerate(profile.BUYERS):
            if _falls_due(day, every=buyer.every_days, offset=number * 5):
                late = buyer.late_days + self._random.randint(-3, 5)
                pay_on = day + timedelta(days=max(3, buyer.term_days + late))
                lines = self._order(buyer, day)
                if pay_on < self.start:
                    continue
                opened = self.books.invoice(buyer, day, lines, pay_on=pay_on)
                if self._random.random() < _PARTLY_PAID:
                    opened.share = Decimal("0.6")
                elif self._random.random() < _CREDITED and day >= self.start:
                    item = lines[0]["SalesItemLineDetail"]
                    self.books.credit_memo(buyer, day, item_line(item["ItemRef"]["value"], 1, item["UnitPrice"]))

    def _order(self, buyer: Buyer, day: date) -> list[Body]:
        wanted = buyer.cents * _SEASON[day.month - 1] * self._random.uniform(0.85, 1.15)
        products = self._random.sample(profile.PRODUCTS[:12], k=self._random.randint(2, 4))
        if day.month in {11, 12} and self._random.random() < _STOLLEN_ORDERED:
            products.append(profile.PRODUCTS[12])
        share = wanted / len(products)
        lines = [item_line(i, max(1, round(share / cents)), dollars(cents)) for i, _, cents in products]
        return [*lines, item_line(profile.PRODUCTS[13][0], 1, dollars(profile.PRODUCTS[13][2]))]

    def _receive_bills(self, day: date) -> None:
        for number, supplier in enumerate(profile.SUPPLIERS):
            is_due = (
                _falls_due(day, every=supplier.every_days, offset=number * 3 + 1)
                if supplier.every_days > 0
                else supplier.every_days < 0 and day.day == -supplier.every_days
            )
            if is_due:
                self._receive_bill(supplier, day)

    def _receive_bill(self, supplier: Supplier, day: date) -> None:
        season = _SEASON[day.month - 1] if supplier.follows_sales else 1.0
        is_fixed = supplier.account_id in {profile.RENT, profile.INSURANCE, profile.SOFTWARE}
        factor = 1.0 if is_fixed else season * self._random.uniform(0.88, 1.12)
        dated = day - timedelta(days=0 if is_fixed else self._random.randint(0, 2))
        is_late = self._random.random() < _PAID_LATE
        late = self._random.randint(9, 30) if is_late else -self._random.randint(0, 3)
        pay_on = dated + timedelta(days=max(0, supplier.term_days + late))
        if pay_on < self.start:
            return
        amount = dollars(round(supplier.cents * factor))
        bill = self.books.bill(supplier, day, [expense_line(supplier.account_id, amount)], pay_on=pay_on, dated=dated)
        if is_late and amount > _WORTH_SPLITTING:
            bill.share = Decimal("0.5")
        if (
            supplier.account_id == profile.INGREDIENTS
            and self._random.random() < _DELIVERED_SHORT
            and day >= self.start
        ):
            credit = to_cents(amount * Decimal("0.08"))
            self.books.vendor_credit(bill, day, credit, account_id=profile.INGREDIENTS)

    def _counter(self, day: date) -> None:
        if day.weekday() in {_WEDNESDAY, _SATURDAY}:
            amount = dollars(round(148_000 * _SEASON[day.month - 1] * self._random.uniform(0.85, 1.2)))
            self.books.counter_sale(day, amount, tax=to_cents(amount * _TAX_RATE))

    def _collect(self, day: date) -> None:
        if day.weekday() > _FRIDAY:
            return
        paying: dict[str, list[OpenItem]] = {}
        for invoice in self.books.invoices:
            if invoice.pay_on <= day:
                paying.setdefault(invoice.party_id, []).append(invoice)
        for buyer_id, invoices in paying.items():
            self.books.receive(self._buyers[buyer_id], day, invoices)
            for invoice in invoices:
                invoice.pay_on = day + timedelta(days=24)

    def _pay_run(self, day: date) -> None:
        paying: dict[str, list[OpenItem]] = {}
        for bill in self.books.bills:
            if bill.pay_on <= day + timedelta(days=3):
                paying.setdefault(bill.party_id, []).append(bill)
        for supplier_id, bills in paying.items():
            by_card = self._suppliers[supplier_id].account_id in {profile.SOFTWARE, profile.TELEPHONE}
            self.books.pay_bills(supplier_id, day, bills, by_card=by_card)
            for bill in bills:
                bill.pay_on = day + timedelta(days=18)

    def _payroll(self, day: date) -> None:
        """Fridays every other week: net pay leaves the payroll account, the taxes on it the Wednesday after."""
        weeks, weekday = divmod(day.toordinal() - 1, 7)
        net = dollars(_NET_PAY_CENTS)
        taxes = dollars(_WITHHELD_CENTS + _EMPLOYER_TAX_CENTS)
        if weeks % 2 == 0 and weekday == _THURSDAY:
            self.books.transfer(day, net + taxes, source=profile.CHECKING, target=profile.PAYROLL_BANK)
        elif weeks % 2 == 0 and weekday == _FRIDAY and day > self.start:
            lines = [expense_line(profile.WAGES, net, "Net pay")]
            self.books.purchase(day, "Tidepool Payroll", lines, from_account=profile.PAYROLL_BANK)
            withheld, employer = dollars(_WITHHELD_CENTS), dollars(_EMPLOYER_TAX_CENTS)
            sides = [(profile.WAGES, withheld), (profile.PAYROLL_EXPENSE, employer), (profile.PAYROLL_TAX, -taxes)]
            self.books.journal(day, sides, note="Payroll taxes withheld and owed")
        elif weeks % 2 == 1 and weekday == _WEDNESDAY and day > self.start + timedelta(days=5):
            lines = [expense_line(profile.PAYROLL_TAX, taxes, "Payroll tax draft")]
            self.books.purchase(day, "Tidepool Payroll", lines, from_account=profile.PAYROLL_BANK)

    def _card(self, day: date) -> None:
        for shop, low, high, times in profile.CARD_SHOPS:
            if self._random.random() < times / 30:
                amount = dollars(self._random.randint(low, high))
                lines = [expense_line(profile.BY_NAME[shop].account_id, amount)]
                is_refund = self._random.random() < _CARD_REFUND
                self.books.purchase(day, shop, lines, from_account=profile.CARD, is_credit=is_refund)
        if day.day == _CARD_DAY and self.books.card_balance > ZERO:
            self.books.transfer(day, self.books.card_balance, source=profile.CHECKING, target=profile.CARD)

    def _calendar(self, day: date) -> None:
        books = self.books
        if day.day == _LOAN_DAY:
            interest = to_cents(books.loan_balance * Decimal("0.071") / 12)
            principal = min(_LOAN_PAYMENT - interest, books.loan_balance)
            books.loan_balance -= principal
            lines = [expense_line(profile.LOAN, principal, "Principal"), expense_line(profile.INTEREST, interest)]
            books.purchase(day, "Cascadia Community Bank", lines, from_account=profile.CHECKING)
        if day.day == _SAVINGS_DAY:
            books.transfer(day, Decimal(500), source=profile.CHECKING, target=profile.SAVINGS)
        if day.day == calendar.monthrange(day.year, day.month)[1]:
            lines = [expense_line(profile.BANK_FEES, Decimal("38.00"), "Monthly service charge")]
            books.purchase(day, "Cascadia Community Bank", lines, from_account=profile.CHECKING)
        if day.month in _TAX_MONTHS and day.day == _SALES_TAX_DAY and books.sales_tax:
            lines = [
                expense_line(profile.SALES_TAX, books.sales_tax, "Sales tax of the quarter"),
                expense_line(
                    profile.LICENSES, dollars(self._random.randint(148_000, 176_000)), "Business and occupation tax"
                ),
            ]
            books.purchase(day, "Washington Dept. of Revenue", lines, from_account=profile.CHECKING)
            books.sales_tax = ZERO
        if is_draw_day(day):
            amount = self._draws.later if day >= self._draws.changes_on else self._draws.earlier
            if amount > ZERO:
                books.journal(day, [(profile.DRAWS, amount), (profile.CHECKING, -amount)], note="Owner's draw")

    def _keep_afloat(self, day: date) -> None:
        """The reserve covers a thin week of the operating account."""
        balances = self.books.balances
        needed = _TOP_UP * max(ZERO, -((balances[profile.CHECKING] - _THIN) // _TOP_UP))
        amount = min(needed, balances[profile.SAVINGS] // _TOP_UP * _TOP_UP)
        if amount > ZERO:
            self.books.transfer(day, amount, source=profile.SAVINGS, target=profile.CHECKING)

    def _once(self, day: date) -> None:
        """The events that happen once: the new oven with its loan, money paid in advance, a credit never used."""
        books = self.books
        if day == self._equipment_on:
            borrowed = Decimal(22_000)
            books.loan_balance += borrowed
            line = {
                "Amount": borrowed,
                "DetailType": "DepositLineDetail",
                "DepositLineDetail": {"AccountRef": {"value": profile.LOAN}},
                "Description": "Equipment loan drawn",
            }
            books.post("Deposit", day, {"DepositToAccountRef": {"value": profile.CHECKING}, "Line": [line]})
            books.move_bank(day, profile.CHECKING, borrowed)
            supplier = profile.BY_NAME["Fjord Bakery Equipment"]
            lines = [expense_line(profile.EQUIPMENT, Decimal("26400.00"), "Four-deck oven, installed")]
            bill = books.bill(supplier, day, lines, pay_on=day + timedelta(days=7), dated=day)
            bill.share = Decimal("0.4")
        if day == self._today - timedelta(days=11):
            buyer = next(b for b in profile.BUYERS if b.name == "Semiahmoo Events")
            books.receive(buyer, day, [], extra=Decimal("1500.00"))
        if day == self._today - timedelta(days=6):
            supplier = profile.BY_NAME["Meridian Safety Supply"]
            unused = OpenItem("", supplier.id, ZERO, day)
            books.vendor_credit(unused, day, Decimal("84.50"), account_id=supplier.account_id)


def _falls_due(day: date, *, every: int, offset: int) -> bool:
    """Every so many days, counted from a fixed day; a weekend's turn falls on the Monday."""
    if every <= 0 or day.weekday() > _FRIDAY:
        return False
    back = (day.toordinal() + offset) % every
    return back == 0 or (day.weekday() == _MONDAY and back <= _WEEKEND < every)
