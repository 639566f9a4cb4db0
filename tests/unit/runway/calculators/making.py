"""Small books for the calculators' tests. T is a Friday; money is in dollars."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domains.core.movements import CashAccount, CashMovement
from runway.calculators.figures import Basis
from runway.calculators.runway import RunwayInputs

T = date(2025, 11, 21)
NOW = datetime(2025, 11, 21, 15, tzinfo=UTC)
BASIS = Basis(as_of=T, source="qbo")


def make_account(account_id: str, account_type: str = "Bank", subtype: str | None = None, **more: Any) -> CashAccount:
    fields: dict[str, Any] = {"name": f"Account {account_id}", "balance": Decimal(0)} | more
    return CashAccount(account_id=account_id, account_type=account_type, account_subtype=subtype, **fields)


CHECKING = make_account("checking", subtype="Checking", balance=Decimal(10000))
SAVINGS = make_account("savings", subtype="Savings")
TRUST = make_account("trust", subtype="TrustAccounts", balance=Decimal(5000))
PAYROLL_TAX = make_account("payroll-tax", name="Payroll Tax Reserve", balance=Decimal(700))
SWITCHED_OFF = make_account("off", is_operating=False)
CARD = make_account("card", "Credit Card", "CreditCard", balance=Decimal("-157.72"))
CHART = (
    CHECKING,
    SAVINGS,
    TRUST,
    PAYROLL_TAX,
    SWITCHED_OFF,
    make_account("closed", is_active=False),
    CARD,
    make_account("undeposited", "Other Current Asset", "UndepositedFunds", balance=Decimal("2062.52")),
    make_account("line", "Other Current Liability", "LineOfCredit", balance=Decimal(-4000)),
    make_account("loan", "Long Term Liability", "NotesPayable"),
    make_account("sales-tax", "Other Current Liability", "SalesTaxPayable"),
    make_account("payroll-liability", "Other Current Liability", "PayrollTaxPayable"),
    make_account("equity", "Equity", "OwnersEquity"),
    make_account("opening", "Equity", "OpeningBalanceEquity"),
    make_account("truck", "Fixed Asset", "Vehicles"),
    make_account("gain", "Other Income", "GainLossOnSaleOfFixedAssets"),
    make_account("shares", "Other Current Asset", "Investment_Other"),
    make_account("rent", "Expense", "RentOrLeaseOfBuildings"),
    make_account("sales", "Income", "SalesOfProductIncome"),
)


def make_movement(amount: Decimal | int | str, days_ago: int = 1, **more: Any) -> CashMovement:
    amount = Decimal(amount)
    fields: dict[str, Any] = {
        "account_id": "checking",
        "counter_account_id": "sales" if amount > 0 else "rent",
        "counterparty": "Acme",
        "source": "Deposit" if amount > 0 else "Purchase",
        "external_id": f"{days_ago}/{amount}",
    }
    return CashMovement(on=T - timedelta(days=days_ago), amount=amount, **fields | more)


def make_transfer(amount: Decimal | int, days_ago: int = 1, *, origin: str, target: str) -> list[CashMovement]:
    """Both sides of a transfer."""
    common: dict[str, Any] = {"days_ago": days_ago, "source": "Transfer", "external_id": f"t{days_ago}/{amount}"}
    return [
        make_movement(-amount, account_id=origin, counter_account_id=target, **common),
        make_movement(amount, account_id=target, counter_account_id=origin, **common),
    ]


def daily_rent(amount: Decimal | int | str, days: int) -> list[CashMovement]:
    """Steady outflow on each of the `days` complete days before T, so that the history is `days` long."""
    return [make_movement(-Decimal(amount), days_ago=ago) for ago in range(1, days + 1)]


def make_inputs(movements: Sequence[CashMovement], cash: Decimal | int | str = 10000, **more: Any) -> RunwayInputs:
    chart = (make_account("checking", subtype="Checking", balance=Decimal(cash)), *CHART[1:])
    fields: dict[str, Any] = {"basis": BASIS, "accounts": chart, "synced_at": NOW, "now": NOW} | more
    return RunwayInputs(movements=movements, **fields)


def whole(value: Decimal | None) -> int | None:
    """A whole amount as an int, to compare with plain numbers; fails on cents."""
    assert value is None or value == int(value)
    return None if value is None else int(value)


def wholes(*values: Decimal | None) -> list[int | None]:
    return [whole(value) for value in values]
