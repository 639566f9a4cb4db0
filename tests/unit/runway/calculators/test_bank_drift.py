from decimal import Decimal

from runway.calculators.bank_drift import BankAccount, drifts
from tests.unit.runway.calculators.making import BASIS, wholes


def test_what_is_under_way_is_no_drift_and_the_rest_is() -> None:
    """1000 at the bank, 200 on its way in and 50 and 30 on their way out make 1120; the books say 1100."""
    account = BankAccount(
        "a",
        Decimal(1100),
        Decimal(1000),
        deposits_in_transit=[Decimal(200)],
        uncleared_payments=[Decimal(50), Decimal(30)],
    )
    (got,) = drifts([account], basis=BASIS)
    assert (wholes(got.adjusted_bank.value, got.drift.value), got.drift.n) == ([1120, -20], 3)


def test_each_account_stands_alone_and_an_unconnected_one_says_so() -> None:
    accounts = [
        BankAccount("b", Decimal(10), Decimal(15)),
        BankAccount("a", Decimal(15), Decimal(10)),
        BankAccount("c", Decimal(1), None),
    ]
    got = drifts(accounts, basis=BASIS)
    assert wholes(*(item.drift.value for item in got)) == [5, -5, None]
    assert got[2].drift.reason == "The bank is not connected"
