from decimal import Decimal

import pytest

from domains.core.movements import CashAccount
from domains.core.rates import HomeRate
from runway.calculators.cash import CashExclusion, CashRules, cash_position, exclusion_of
from tests.unit.runway.calculators.making import BASIS, CHART, T, make_account

RULES = CashRules()


def test_only_operating_bank_accounts_are_cash() -> None:
    position = cash_position(CHART, BASIS, rules=RULES)
    assert (position.cash.value, position.cash.unit, position.cash.n) == (Decimal(10000), "USD", 2)
    assert [account.account_id for account in position.counted] == ["checking", "savings"]


def test_each_exclusion_is_listed_and_noted() -> None:
    position = cash_position(CHART, BASIS, rules=RULES)
    assert [(item.account.account_id, item.why) for item in position.excluded] == [
        ("trust", CashExclusion.CLIENT_MONEY),
        ("payroll-tax", CashExclusion.PAYROLL_TAX),
        ("off", CashExclusion.SWITCHED_OFF),
    ]
    assert "Payroll Tax Reserve (payroll tax)" in (position.cash.note or "")


def test_undeposited_funds_and_debt_stand_apart() -> None:
    position = cash_position(CHART, BASIS, rules=RULES)
    assert position.undeposited.value == Decimal("2062.52")
    assert position.credit_owed.value == Decimal("4157.72")
    assert [(item.account.account_id, item.owed) for item in position.credit] == [
        ("card", Decimal("157.72")),
        ("line", Decimal(4000)),
    ]


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (make_account("1", subtype="TrustAccounts"), CashExclusion.CLIENT_MONEY),
        (make_account("1", subtype="RentsHeldInTrust"), CashExclusion.CLIENT_MONEY),
        (make_account("1", subtype="OtherEarMarkedBankAccounts"), CashExclusion.RESTRICTED),
        (make_account("1", name="IOLTA - Smith"), CashExclusion.CLIENT_MONEY),
        (make_account("1", name="Client Funds"), CashExclusion.CLIENT_MONEY),
        (make_account("1", name="Escrow 22"), CashExclusion.CLIENT_MONEY),
        (make_account("1", name="PAYROLL TAXES"), CashExclusion.PAYROLL_TAX),
        (make_account("1", name="Grant (restricted)"), CashExclusion.RESTRICTED),
        (make_account("1", is_operating=False), CashExclusion.SWITCHED_OFF),
        (make_account("1", is_active=False), CashExclusion.INACTIVE),
        (make_account("1", name="Payroll checking"), None),
        (make_account("1", name="Truist operating"), None),
        (make_account("1", name="SunTrust 0042"), None),
        (make_account("1", name="Client lunches"), None),
    ],
)
def test_which_bank_accounts_are_left_out(account: CashAccount, why: CashExclusion | None) -> None:
    assert exclusion_of(account, RULES) is why


def test_the_owner_overrules_name_and_switch() -> None:
    account = make_account("1", name="Northern Trust Checking", is_operating=False)
    assert exclusion_of(account, CashRules(always_counted=frozenset({"1"}))) is None


def test_an_empty_closed_account_is_not_listed_but_one_with_money_is() -> None:
    closed = [make_account("1", is_active=False), make_account("2", is_active=False, balance=Decimal(5))]
    position = cash_position(closed, BASIS, rules=RULES)
    assert [item.account.account_id for item in position.excluded] == ["2"]


def test_no_bank_account_is_unknown_cash_not_zero() -> None:
    figure = cash_position([make_account("1", "Income")], BASIS, rules=RULES).cash
    assert (figure.value, figure.reason) == (None, "No bank account counts as operating cash")


def test_unlike_currencies_are_never_added() -> None:
    accounts = [
        make_account("1", balance=Decimal(100)),
        make_account("2", name="Berlin", balance=Decimal(50), currency="EUR"),
    ]
    position = cash_position(accounts, BASIS, rules=RULES)
    blocked = position.cash
    assert (blocked.value, blocked.reason) == (None, "No exchange rate for Berlin (EUR)")
    assert position.unrated == ("Berlin (EUR)",)
    rated = cash_position(accounts, BASIS, rules=CashRules(rates={"EUR": HomeRate("EUR", Decimal("1.1000"), T)})).cash
    assert (rated.value, rated.note) == (Decimal(155), f"EUR at 1.1 as of {T}")


def test_of_a_chart_that_was_not_read_nothing_is_known() -> None:
    position = cash_position([], BASIS, rules=RULES)
    figures = (position.cash, position.undeposited, position.credit_owed)
    assert {(one.value, one.reason) for one in figures} == {(None, "The chart of accounts was not read yet")}
