"""An account that is not what it was when it was chosen: the refusal that QuickBooks would give without a reason."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.models import PayType
from domains.ap.pay_bills import PaidBill, PayBills
from domains.ar.receive_payment import PaidInvoice, ReceivePayment
from domains.cash.models import Account
from runway.orchestrators.last_word import unfit_to_pay, unfit_to_receive

DAY = date(2026, 3, 15)


def account(**given: Any) -> Account:
    told = {"external_id": "35", "name": "Checking", "account_type": "Bank", "currency": "USD", "is_active": True}
    return Account(**{**told, **given})


def payment(currency: str | None = None) -> PayBills:
    bills = (PaidBill(bill="145", amount=Decimal(40)),)
    return PayBills(vendor="31", account="35", pay_type=PayType.CHECK, paid_on=DAY, currency=currency, bills=bills)


def receipt(currency: str | None = None) -> ReceivePayment:
    invoices = (PaidInvoice(invoice="98", amount=Decimal(40)),)
    return ReceivePayment(customer="7", received_on=DAY, currency=currency, invoices=invoices, deposit_to="35")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "no longer in QuickBooks"),
        (account(account_type="Income"), "Checking cannot pay bills: it is of type Income"),
        (account(is_active=False), "it is inactive in QuickBooks"),
        (account(currency="EUR"), "it is in EUR, and the bill in USD"),
        (account(account_type="Credit Card"), "has become one of type Credit Card since this was asked for, so start again"),
    ],
)  # fmt: skip
def test_an_account_that_can_pay_no_more(now: Account | None, words: str) -> None:
    refusal = unfit_to_pay(now, payment(), home_currency="USD")
    assert refusal is not None
    assert words in str(refusal)


@pytest.mark.parametrize(
    ("now", "currency"), [(account(), None), (account(currency=None), None), (account(), "EUR"), (account(currency="EUR"), "EUR")]
)  # fmt: skip
def test_an_account_in_home_currency_or_in_that_of_the_document_does(now: Account, currency: str | None) -> None:
    assert unfit_to_pay(now, payment(currency), home_currency="USD") is None
    assert unfit_to_receive(now, receipt(currency), home_currency="USD") is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "there is no such account"),
        (account(account_type="Expense"), "it is of type Expense"),
        (account(is_active=False), "it is inactive in QuickBooks"),
        (account(currency="EUR"), "it is in EUR, and the invoice in USD"),
    ],
)
def test_an_account_that_takes_no_customers_payment(now: Account | None, words: str) -> None:
    refusal = unfit_to_receive(now, receipt(), home_currency="USD")
    assert refusal is not None
    assert words in str(refusal)
