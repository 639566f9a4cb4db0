"""What ap, ar and cash hand to the runway: money entering or leaving an account, and the accounts themselves.

The domains may not know one another, so this is the one shape they all speak; the runway joins it.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class CashMovement:
    """One posting to a bank, card or clearing account, with the account on its other side.

    A document with several lines gives one movement a line, all with the same `source` and `external_id`, so that a
    loan in a deposit can be told from the sales beside it. A transfer gives two: one for each of its accounts.

    Attributes:
        on: transaction date in the company's zone.
        amount: home currency; positive came into the account, negative left it.
        account_id: the rail's id of the account that moved.
        counter_account_id: the account on the other side; None when the document does not tell one.
        source: the rail's kind of document, such as Purchase, BillPayment, Deposit, Receipt, Transfer, JournalEntry.
        external_id: the document's id, unique within its source.
        is_trade: the document says so without naming the other account: it pays a bill, collects an invoice, sells or
            buys items, or banks what was collected.
    """

    on: date
    amount: Decimal
    account_id: str
    counter_account_id: str | None
    counterparty: str | None
    source: str
    external_id: str
    memo: str | None = None
    is_trade: bool = False


@dataclass(frozen=True)
class CashAccount:
    """An account of the chart as the runway sees it: cash, card or line; any other serves as a counter account.

    Attributes:
        account_type: the ledger's type, in QBO's words: Bank, Credit Card, Other Current Asset, Equity …
        account_subtype: in QBO's words too: Checking, TrustAccounts, UndepositedFunds …
        balance: in `currency`, without sub-accounts, as the ledger signs it: assets positive, debts negative.
        is_operating: switched on for the runway by the owner. Client and earmarked money stays out all the same.
    """

    account_id: str
    name: str
    account_type: str
    account_subtype: str | None
    balance: Decimal
    is_active: bool = True
    currency: str = "USD"
    is_operating: bool = True
