"""What a payment would be, and every reason why it is not taken."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.errors import BillNotFound
from domains.ap.models import PayType
from domains.ap.payable_queries import days_around
from domains.ap.paying import (
    AlikePayment,
    BooksRules,
    Credit,
    Payable,
    PayingAccount,
    PlannedPayment,
    WantedBill,
    WantedCredit,
    WantedPayment,
    plan,
)
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
)
from infra.ids import new_id

TODAY = date(2026, 3, 15)
CHECKING = PayingAccount("35", "Checking", PayType.CHECK, "USD")
RULES = BooksRules(home_currency="USD")


def make_bill(balance: str = "120.50", **given: Any) -> Payable:
    bill = Payable(
        id=new_id(),
        external_id="145",
        doc_number="2231",
        vendor_external_id="31",
        vendor_name="Harbor Supply",
        total=Decimal(200),
        balance=Decimal(balance),
        currency="USD",
        exchange_rate=None,
        due_on=TODAY,
        version=3,
        rail_version=1,
        vendor_is_active=True,
    )
    return bill._replace(**given)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (TODAY, date(2026, 3, 8), date(2026, 3, 22)),
        (date.min, date.min, date(1, 1, 8)),
        (date.max, date(9999, 12, 24), date.max),
    ],
)
def test_a_payment_of_any_day_has_days_around_it(day: date, first: date, last: date) -> None:
    assert days_around(day) == (first, last)


def make_credit(balance: str | None = "50", **given: Any) -> Credit:
    return Credit(
        new_id(), "77", "C-7", "31", None if balance is None else Decimal(balance), "USD", 1
    )._replace(**given)  # fmt: skip


def planned(
    bills: Sequence[Payable],
    *,
    amounts: Sequence[str | None] | None = None,
    credits_given: Sequence[tuple[Credit, str]] = (),
    alike: Sequence[AlikePayment] = (),
    rules: BooksRules = RULES,
    account: PayingAccount = CHECKING,
    **given: Any,
) -> PlannedPayment:
    asked = [None if amount is None else Decimal(amount) for amount in amounts or [None] * len(bills)]
    wanted = WantedPayment(
        [WantedBill(bill.id, amount) for bill, amount in zip(bills, asked, strict=True)],
        account,
        TODAY,
        credits=[WantedCredit(credit.id, Decimal(amount)) for credit, amount in credits_given],
    )
    return plan(
        replace(wanted, **given),
        bills={bill.id: bill for bill in bills},
        credits_left={credit.id: credit for credit, _ in credits_given},
        alike=alike,
        rules=rules,
    )


def test_all_that_is_open_is_paid_unless_an_amount_is_given() -> None:
    assert planned([make_bill()]).cash == Decimal("120.50")
    assert planned([make_bill()], amounts=["20.25"]).cash == Decimal("20.25")


def test_several_bills_and_credits_make_one_payment() -> None:
    two = planned([make_bill(), make_bill("79.50", external_id="146")], credits_given=[(make_credit(), "50")])
    assert (two.settled, two.cash) == (Decimal(200), Decimal(150))


def test_credits_alone_may_settle_a_bill() -> None:
    assert planned([make_bill("50")], credits_given=[(make_credit(), "50")]).cash == 0


def test_what_is_not_there_or_not_open_is_not_paid() -> None:
    there, absent = make_bill(), make_bill()
    with pytest.raises(BillNotFound):
        plan(
            WantedPayment([WantedBill(absent.id)], CHECKING, TODAY),
            bills={there.id: there},
            credits_left={},
            alike=[],
            rules=RULES,
        )
    with pytest.raises(BillPaidAlready, match=r"Bill 2231 of Harbor Supply is paid already"):
        planned([make_bill("0")])
    with pytest.raises(BillListedTwice, match="twice"):
        planned([there, there])


def test_no_more_than_is_open_is_paid() -> None:
    with pytest.raises(MoreThanOpen, match=r"120\.51 USD is more than what is open on Bill 2231.*120\.50 USD"):
        planned([make_bill()], amounts=["120.51"])


def test_an_inactive_vendor_is_not_paid_and_an_unknown_one_is_quickbooks_to_judge() -> None:
    with pytest.raises(VendorInactive, match="Make the vendor active"):
        planned([make_bill(vendor_is_active=False)])
    assert planned([make_bill(vendor_is_active=None)]).cash == Decimal("120.50")


@pytest.mark.parametrize(
    ("credit", "amount", "why"),
    [
        (make_credit("10"), "10.01", "only 10.00 USD of it is left"),
        (make_credit(vendor_external_id="32"), "1", "another vendor's"),
        (make_credit(currency="EUR"), "1", "not in USD"),
    ],
)
def test_a_credit_that_does_not_fit_is_refused(credit: Credit, amount: str, why: str) -> None:
    with pytest.raises(CreditUnusable, match=why):
        planned([make_bill()], credits_given=[(credit, amount)])


def test_credits_are_there_once_and_settle_no_more_than_the_bills() -> None:
    credit = make_credit(None)
    with pytest.raises(CreditUnusable, match="listed twice"):
        planned([make_bill()], credits_given=[(credit, "1"), (credit, "1")])
    with pytest.raises(CreditsExceedPayment, match=r"121\.00 USD.*120\.50 USD"):
        planned([make_bill()], credits_given=[(credit, "121")])
    with pytest.raises(CreditNotFound):
        planned([make_bill()], credits=[WantedCredit(new_id(), Decimal(1))])


def test_an_account_pays_in_its_own_currency_or_from_home() -> None:
    euros = PayingAccount("36", "Euro account", PayType.CHECK, "EUR")
    with pytest.raises(AccountUnusable, match="in EUR, and the bill in USD"):
        planned([make_bill()], account=euros)
    abroad = make_bill(currency="EUR", exchange_rate=Decimal("1.1"))
    assert planned([abroad], account=euros).exchange_rate == Decimal("1.1")
    assert planned([abroad]).currency == "EUR"


def test_closed_books_take_no_payment() -> None:
    with pytest.raises(BooksClosed, match="closed through 2026-03-15"):
        planned([make_bill()], rules=replace(RULES, closed_on=TODAY))
    assert planned([make_bill()], rules=replace(RULES, closed_on=date(2026, 3, 14))).cash


def test_the_same_amount_to_the_same_vendor_is_confirmed_first_and_the_log_keeps_that() -> None:
    alike = [AlikePayment("31", Decimal("120.50"), "160", date(2026, 3, 12))]
    with pytest.raises(PaidAlike, match=r"paid 120\.50 USD on 2026-03-12 already \(payment 160\).*confirm_similar"):
        planned([make_bill()], alike=alike)
    confirmed = planned([make_bill()], alike=alike, is_similar_confirmed=True)
    assert confirmed.facts()["confirmed_similar_to"]["payment"] == "160"
    assert "confirmed_similar_to" not in planned([make_bill("99")], alike=alike).facts()
    assert planned([make_bill(vendor_external_id="32")], alike=alike).alike is None
