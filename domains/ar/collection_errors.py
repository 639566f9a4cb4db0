"""Why nobody is reminded, or no customer's payment is recorded, in words that a bookkeeper can act on."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from infra.errors import Conflict, InvalidInput


class CollectionRefused(Conflict):
    """The books, as we know them, forbid it. Nothing was sent or recorded."""

    code = "refused"


class InvoicePaidAlready(CollectionRefused):
    code = "already_paid"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"{invoice} is paid already: nothing is open on it.")


class MoreThanOwed(CollectionRefused):
    code = "more_than_open"

    def __init__(self, invoice: str, *, amount: Decimal, open_amount: Decimal, currency: str) -> None:
        super().__init__(
            f"{amount:,.2f} {currency} is more than what is open on {invoice}: {open_amount:,.2f} {currency}. Record that or less; what "
            "the customer paid beyond it is entered in QuickBooks."
        )


class NoAddress(CollectionRefused):
    code = "no_address"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"{invoice} has no e-mail address. Give one, or write it on the invoice in QuickBooks.")


class ReceiptInClosedBooks(CollectionRefused):
    code = "books_closed"

    def __init__(self, *, on: date, closed_on: date) -> None:
        super().__init__(
            f"The books are closed through {closed_on.isoformat()}, so nothing can be dated {on.isoformat()}. Choose a later date, or "
            "have the closing date moved in QuickBooks."
        )


class NotReceivedYet(InvalidInput):
    code = "not_received_yet"

    def __init__(self, on: date) -> None:
        super().__init__(f"{on.isoformat()} is still to come. A payment is recorded once it is there.")


class DepositAccountUnusable(CollectionRefused):
    code = "account_unusable"

    def __init__(self, account: str, why: str) -> None:
        super().__init__(f"{account} cannot take a customer's payment: {why}.")


class InvoiceBusy(CollectionRefused):
    """`intent_id` is the action that has it."""

    code = "in_use"

    def __init__(self, invoice: str, *, intent_id: UUID) -> None:
        self.intent_id = intent_id
        super().__init__(
            f"The same is being done for {invoice} already and is not finished. See that one first: {intent_id}."
        )
