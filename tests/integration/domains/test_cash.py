from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domains.ap.payment_service import PaymentService
from domains.cash.cash_service import CashService
from domains.cash.models import AccountType
from domains.core.movements import CashAccount
from tests.integration.domains.books import Books
from tests.unit.domains.bodies import (
    make_account,
    make_bill_payment,
    make_deposit,
    make_deposit_line,
    make_expense_line,
    make_journal_entry,
    make_journal_line,
    make_purchase,
    make_transfer,
)

SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)
CHECKING, SAVINGS, CARD, SUPPLIES, LOAN, FEES = "35", "36", "41", "7", "90", "65"


@pytest.fixture
async def cash(books: Books) -> CashService:
    await books.put(
        "Account",
        make_account(CHECKING),
        make_account(SAVINGS, Name="Savings", AccountSubType="Savings"),
        make_account(CARD, Name="Card", AccountType="Credit Card", AccountSubType="CreditCard", CurrentBalance=-157),
        make_account(
            SUPPLIES, Name="Supplies", AccountType="Expense", Active=False, CurrentBalance=None, CurrencyRef=None
        ),
    )
    return CashService(books.business_id, books.qbo)


async def moved(cash: CashService) -> list[tuple[Any, ...]]:
    """(account, amount, counter account) of each movement."""
    movements = (await cash.list_movements(SINCE, UNTIL)).value
    return sorted(
        ((one.account_id, one.amount, one.counter_account_id) for one in movements),
        key=lambda one: (one[0], one[1], one[2] or ""),
    )


async def test_the_chart_is_given_whole(cash: CashService) -> None:
    chart = (await cash.get_cash_accounts(home_currency="CAD")).value
    assert chart == [
        CashAccount(CARD, "Card", "Credit Card", "CreditCard", Decimal(-157)),
        CashAccount(CHECKING, "Checking", "Bank", "Checking", Decimal(1201)),
        CashAccount(SAVINGS, "Savings", "Bank", "Savings", Decimal(1201)),
        CashAccount(SUPPLIES, "Supplies", "Expense", "Checking", Decimal(0), is_active=False, currency="CAD"),
    ]


async def test_accounts_are_listed_by_type_and_name(cash: CashService) -> None:
    banks = (await cash.list_accounts(account_type=AccountType.BANK)).value
    assert [account.name for account in banks.items] == ["Checking", "Savings"]
    assert [account.name for account in (await cash.list_accounts(search="SAV")).value.items] == ["Savings"]


async def test_accounts_to_choose_from_are_active_and_in_the_order_of_their_types(
    cash: CashService, books: Books
) -> None:
    await books.put("Account", make_account("37", Name="Aged", Active=False))
    choices = await cash.list_choices([AccountType.BANK, AccountType.CREDIT_CARD])
    assert [(one.name, one.balance) for one in choices.value] == [
        ("Checking", Decimal(1201)), ("Savings", Decimal(1201)), ("Card", Decimal(-157)),
    ]  # fmt: skip
    assert [one.name for one in (await cash.list_choices([AccountType.CREDIT_CARD])).value] == ["Card"]


async def test_a_purchase_moves_a_line_at_a_time_and_what_tax_adds(books: Books, cash: CashService) -> None:
    item = {"Amount": 5, "DetailType": "ItemBasedExpenseLineDetail", "ItemBasedExpenseLineDetail": {}}
    note = {"DetailType": "DescriptionOnly", "Description": "thanks"}
    lines = [make_expense_line(70, account=SUPPLIES), item, note]
    await books.put("Purchase", make_purchase("1", TotalAmt=Decimal("80.5"), Line=lines))
    assert await moved(cash) == [
        (CHECKING, Decimal(-70), SUPPLIES),
        (CHECKING, Decimal("-5.5"), None),
        (CHECKING, Decimal(-5), None),
    ]


async def test_a_character_zero_fails_no_query_of_a_period(books: Books, cash: CashService) -> None:
    await books.put(
        "Purchase",
        make_purchase("1", TotalAmt=70, Line=[make_expense_line(70, account=SUPPLIES) | {"Description": "a\u0000b"}]),
    )
    [movement] = (await cash.list_movements(SINCE, UNTIL)).value
    assert (movement.amount, movement.memo) == (Decimal(-70), "a\ufffdb")


async def test_trade_is_told_where_no_account_is(books: Books, cash: CashService) -> None:
    """Items bought, receipts banked and bills paid need no account to be known as trade; added tax does."""
    item = {"Amount": 5, "DetailType": "ItemBasedExpenseLineDetail", "ItemBasedExpenseLineDetail": {}}
    receipt = {"Amount": 100, "LinkedTxn": [{"TxnId": "1", "TxnType": "Payment", "TxnLineId": "0"}]}
    await books.put("Purchase", make_purchase("1", TotalAmt=6, Line=[item]))
    await books.put("Deposit", make_deposit("1", TotalAmt=600, Line=[receipt, make_deposit_line(500, account=LOAN)]))
    await books.put("BillPayment", make_bill_payment("1"))
    payments = PaymentService(books.business_id, books.qbo)
    movements = (await cash.list_movements(SINCE, UNTIL)).value
    movements += (await payments.list_movements(SINCE, UNTIL)).value
    told = sorted((one.source, abs(one.amount), one.is_trade) for one in movements)
    assert told == [
        ("BillPayment", Decimal(100), True),
        ("Deposit", Decimal(100), True),
        ("Deposit", Decimal(500), False),
        ("Purchase", Decimal(1), False),
        ("Purchase", Decimal(5), True),
    ]


async def test_a_refund_comes_back(books: Books, cash: CashService) -> None:
    await books.put("Purchase", make_purchase("1", Credit=True, AccountRef={"value": CARD}, PaymentType="CreditCard"))
    assert await moved(cash) == [(CARD, Decimal(80), SUPPLIES)]


async def test_a_card_paid_by_cheque_moves_both_accounts(books: Books, cash: CashService) -> None:
    await books.put("Purchase", make_purchase("1", Line=[make_expense_line(80, account=CARD)]))
    assert await moved(cash) == [(CHECKING, Decimal(-80), CARD), (CARD, Decimal(80), CHECKING)]


async def test_a_deposit_tells_direct_lines_receipts_and_cash_back_apart(books: Books, cash: CashService) -> None:
    receipt = {"Amount": 100, "LinkedTxn": [{"TxnId": "1", "TxnType": "Payment", "TxnLineId": "0"}]}
    back = {"AccountRef": {"value": SAVINGS}, "Amount": 30, "Memo": "to savings"}
    lines = [receipt, make_deposit_line(500, account=LOAN)]
    await books.put("Deposit", make_deposit("1", TotalAmt=570, Line=lines, CashBack=back))
    assert await moved(cash) == [
        (CHECKING, Decimal(-30), SAVINGS),
        (CHECKING, Decimal(100), None),
        (CHECKING, Decimal(500), LOAN),
        (SAVINGS, Decimal(30), CHECKING),
    ]
    assert sum(amount for account, amount, _ in await moved(cash) if account == CHECKING) == 570


async def test_a_transfer_moves_both_accounts(books: Books, cash: CashService) -> None:
    await books.put("Transfer", make_transfer("1"))
    assert await moved(cash) == [(CHECKING, Decimal(250), SAVINGS), (SAVINGS, Decimal(-250), CHECKING)]


async def test_a_journal_entrys_money_lines_take_the_largest_line_opposite(books: Books, cash: CashService) -> None:
    lines = [
        make_journal_line("Credit", 100, account=CHECKING),
        make_journal_line("Debit", 30, account=FEES),
        make_journal_line("Debit", 70, account=SUPPLIES),
        {"DetailType": "DescriptionOnly", "Description": "March"},
    ]
    await books.put("JournalEntry", make_journal_entry("1", Line=lines))
    assert await moved(cash) == [(CHECKING, Decimal(-100), SUPPLIES)]


async def test_voids_deletions_and_other_days_move_nothing(books: Books, cash: CashService) -> None:
    await books.put(
        "Transfer", make_transfer("1", Amount=0), make_transfer("2", TxnDate="2026-04-01"), make_transfer("3")
    )
    await books.put("Purchase", make_purchase("1", TotalAmt=0, Line=[]), make_purchase("2", TotalAmt=0, Line=None))
    await books.delete("Transfer", "3")
    assert await moved(cash) == []


async def test_foreign_amounts_are_moved_in_home_currency(books: Books, cash: CashService) -> None:
    await books.put("Transfer", make_transfer("1", Amount=Decimal("33.33"), ExchangeRate=Decimal("1.1")))
    assert {amount for _, amount, _ in await moved(cash)} == {Decimal("36.66"), Decimal("-36.66")}


async def test_a_bill_paid_by_cheque_leaves_the_bank_and_one_by_card_does_not(books: Books) -> None:
    by_card = {"PayType": "CreditCard", "CreditCardPayment": {"CCAccountRef": {"value": CARD}}, "CheckPayment": None}
    await books.put(
        "BillPayment", make_bill_payment("1"), make_bill_payment("2", **by_card), make_bill_payment("3", TotalAmt=0)
    )
    payments = PaymentService(books.business_id, books.qbo)
    movements = (await payments.list_movements(SINCE, UNTIL)).value
    assert [(one.account_id, one.amount, one.external_id) for one in movements] == [(CHECKING, Decimal(-100), "1")]
    assert len((await payments.list_payments(SINCE, UNTIL)).value) == 3


async def test_movements_carry_who_why_and_which(books: Books, cash: CashService) -> None:
    line = {**make_expense_line(80, account=SUPPLIES), "Description": "two tins"}
    await books.put("Purchase", make_purchase("1", Line=[line]), make_purchase("2"))
    movements = (await cash.list_movements(SINCE, UNTIL)).value
    assert [(m.on, m.counterparty, m.source, m.external_id, m.memo) for m in movements] == [
        (date(2026, 3, 9), "Harbor Supply", "Purchase", "1", "two tins"),
        (date(2026, 3, 9), "Harbor Supply", "Purchase", "2", "paint"),
    ]
