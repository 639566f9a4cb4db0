"""What a payment of bills would be, and whether the books as we know them allow it. Pure: rows in, a plan or a refusal out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from domains.ap.errors import BillNotFound
from domains.ap.models import PayType
from domains.ap.pay_bills import AppliedCredit, PaidBill, PayBills
from domains.ap.payment_errors import (
    AccountUnusable,
    BillListedTwice,
    BillPaidAlready,
    BooksClosed,
    CreditNotFound,
    CreditsExceedPayment,
    CreditUnusable,
    MoreThanOpen,
    PaidAlike,
    VendorInactive,
    money,
)
from infra.money import ZERO


class Payable(NamedTuple):
    """An open bill and what its vendor's row says. `vendor_is_active` is None where the mirror has no such vendor."""

    id: UUID
    external_id: str
    doc_number: str | None
    vendor_external_id: str
    vendor_name: str | None
    total: Decimal
    balance: Decimal
    currency: str | None
    exchange_rate: Decimal | None
    due_on: date | None
    version: int
    rail_version: int | None
    vendor_is_active: bool | None

    @property
    def words(self) -> str:
        number = f"Bill {self.doc_number}" if self.doc_number else f"The bill {self.external_id}"
        return f"{number} of {self.vendor}"

    @property
    def vendor(self) -> str:
        return self.vendor_name or f"vendor {self.vendor_external_id}"


class Credit(NamedTuple):
    """A vendor credit. `balance` is None where the ledger does not tell what is left of it."""

    id: UUID
    external_id: str
    doc_number: str | None
    vendor_external_id: str
    balance: Decimal | None
    currency: str | None
    version: int

    @property
    def words(self) -> str:
        return f"Vendor credit {self.doc_number or self.external_id}"


class AlikePayment(NamedTuple):
    """A payment to the same vendor, of the same amount, lately."""

    vendor_external_id: str
    total: Decimal
    external_id: str
    paid_on: date


@dataclass(frozen=True)
class PayingAccount:
    """The bank account or card that pays. `currency` is the home currency unless it has its own."""

    external_id: str
    name: str
    pay_type: PayType
    currency: str


@dataclass(frozen=True)
class WantedBill:
    """`amount` None: all that is open."""

    bill_id: UUID
    amount: Decimal | None = None


@dataclass(frozen=True)
class WantedCredit:
    credit_id: UUID
    amount: Decimal


@dataclass(frozen=True)
class WantedPayment:
    """Bills of one vendor that one payment settles."""

    bills: Sequence[WantedBill]
    account: PayingAccount
    paid_on: date
    credits: Sequence[WantedCredit] = ()
    check_number: str | None = None
    is_similar_confirmed: bool = False


@dataclass(frozen=True)
class BooksRules:
    """`closed_on`: nothing dated then or before may be recorded any more."""

    home_currency: str
    closed_on: date | None = None


@dataclass(frozen=True)
class PlannedPayment:
    """A payment that can be asked for. Amounts are in `currency`; `exchange_rate` is home currency for one unit, None at home."""

    vendor_external_id: str
    vendor: str
    currency: str
    exchange_rate: Decimal | None
    account: PayingAccount
    paid_on: date
    lines: Sequence[tuple[Payable, Decimal]]
    credits: Sequence[tuple[Credit, Decimal]]
    check_number: str | None
    alike: AlikePayment | None = None

    @property
    def settled(self) -> Decimal:
        """What comes off the bills."""
        return sum((amount for _, amount in self.lines), ZERO)

    @property
    def cash(self) -> Decimal:
        """What leaves the account."""
        return self.settled - sum((amount for _, amount in self.credits), ZERO)

    def meant(self, *, home_currency: str) -> PayBills:
        """In QuickBooks' ids, as the engine takes it."""
        return PayBills(
            vendor=self.vendor_external_id,
            account=self.account.external_id,
            pay_type=self.account.pay_type,
            paid_on=self.paid_on,
            currency=None if self.currency == home_currency else self.currency,
            bills=tuple(
                PaidBill(bill=bill.external_id, amount=amount, total=bill.total) for bill, amount in self.lines
            ),
            credits=tuple(AppliedCredit(credit=credit.external_id, amount=amount) for credit, amount in self.credits),
            check_number=self.check_number,
        )

    def facts(self) -> dict[str, Any]:
        """What the decision rested on, for the log."""
        seen = [
            {
                "bill": bill.external_id,
                "open": bill.balance,
                "version": bill.version,
                "due_on": bill.due_on,
                "pays": amount,
            }
            for bill, amount in self.lines
        ]
        facts: dict[str, Any] = {"vendor": self.vendor, "bills": seen, "account": self.account.name, "cash": self.cash}
        if self.alike is not None:
            facts["confirmed_similar_to"] = {"payment": self.alike.external_id, "on": self.alike.paid_on}
        return facts


def plan(
    wanted: WantedPayment,
    *,
    bills: Mapping[UUID, Payable],
    credits_left: Mapping[UUID, Credit],
    alike: Sequence[AlikePayment],
    rules: BooksRules,
) -> PlannedPayment:
    """The payment, if nothing that we know forbids it. Only QuickBooks itself, asked just before, has the last word.

    Raises:
        BillNotFound, CreditNotFound: one is not there.
        PaymentRefused: each with its reason. Approvals and limits are `releases.refusal_to_pay`'s.
    """
    if rules.closed_on is not None and wanted.paid_on <= rules.closed_on:
        raise BooksClosed(on=wanted.paid_on, closed_on=rules.closed_on)
    lines = _lines(wanted.bills, bills, rules)
    first = lines[0][0]
    currency = first.currency or rules.home_currency
    if wanted.account.currency not in {currency, rules.home_currency}:
        raise AccountUnusable(wanted.account.name, f"it is in {wanted.account.currency}, and the bill in {currency}")
    planned = PlannedPayment(
        vendor_external_id=first.vendor_external_id,
        vendor=first.vendor,
        currency=currency,
        exchange_rate=first.exchange_rate if currency != rules.home_currency else None,
        account=wanted.account,
        paid_on=wanted.paid_on,
        lines=lines,
        credits=_credits(wanted.credits, credits_left, bill=first, currency=currency, home=rules.home_currency),
        check_number=wanted.check_number,
    )
    if planned.cash < ZERO:
        raise CreditsExceedPayment(applied=planned.settled - planned.cash, amount=planned.settled, currency=currency)
    return _unlike(planned, alike, is_confirmed=wanted.is_similar_confirmed)


def _lines(
    wanted: Sequence[WantedBill], bills: Mapping[UUID, Payable], rules: BooksRules
) -> list[tuple[Payable, Decimal]]:
    lines: dict[UUID, tuple[Payable, Decimal]] = {}
    for one in wanted:
        bill = bills.get(one.bill_id)
        if bill is None:
            raise BillNotFound(one.bill_id)
        if one.bill_id in lines:
            raise BillListedTwice(one.bill_id)
        if bill.vendor_is_active is False:
            raise VendorInactive(bill.vendor)
        if bill.balance <= ZERO:
            raise BillPaidAlready(bill.words)
        amount = bill.balance if one.amount is None else one.amount
        if amount > bill.balance:
            currency = bill.currency or rules.home_currency
            raise MoreThanOpen(bill.words, amount=amount, open_amount=bill.balance, currency=currency)
        lines[one.bill_id] = (bill, amount)
    return list(lines.values())


def _credits(
    wanted: Sequence[WantedCredit], left: Mapping[UUID, Credit], *, bill: Payable, currency: str, home: str
) -> list[tuple[Credit, Decimal]]:
    found: dict[UUID, tuple[Credit, Decimal]] = {}
    for one in wanted:
        credit = left.get(one.credit_id)
        if credit is None:
            raise CreditNotFound(one.credit_id)
        if one.credit_id in found:
            raise CreditUnusable(credit.words, "it is listed twice")
        if credit.vendor_external_id != bill.vendor_external_id:
            raise CreditUnusable(credit.words, f"it is another vendor's, not of {bill.vendor}")
        if (credit.currency or home) != currency:
            raise CreditUnusable(credit.words, f"it is not in {currency}")
        if credit.balance is not None and one.amount > credit.balance:
            raise CreditUnusable(credit.words, f"only {money(credit.balance, currency)} of it is left")
        found[one.credit_id] = (credit, one.amount)
    return list(found.values())


def _unlike(planned: PlannedPayment, alike: Sequence[AlikePayment], *, is_confirmed: bool) -> PlannedPayment:
    same = next(
        (one for one in alike if (one.vendor_external_id, one.total) == (planned.vendor_external_id, planned.cash)),
        None,
    )
    if same is None:
        return planned
    if not is_confirmed:
        raise PaidAlike(
            planned.vendor, amount=same.total, currency=planned.currency, on=same.paid_on, payment=same.external_id
        )
    return replace(planned, alike=same)
