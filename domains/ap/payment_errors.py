"""Why a payment is not taken, in words that a bookkeeper can act on. `code` names the reason for ever, for programs."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from infra.errors import Conflict, Forbidden, InvalidInput, NotFound


def money(amount: Decimal, currency: str) -> str:
    """`1,250.00 USD`."""
    return f"{amount:,.2f} {currency}"


class PaymentRefused(Conflict):
    """The books, as we know them, forbid it. Nothing was recorded."""

    code = "refused"


class BillPaidAlready(PaymentRefused):
    code = "already_paid"

    def __init__(self, bill: str) -> None:
        super().__init__(f"{bill} is paid already: nothing is open on it.")


class MoreThanOpen(PaymentRefused):
    code = "more_than_open"

    def __init__(self, bill: str, *, amount: Decimal, open_amount: Decimal, currency: str) -> None:
        super().__init__(
            f"{money(amount, currency)} is more than what is open on {bill}: {money(open_amount, currency)}. Pay that or less."
        )


class BillListedTwice(PaymentRefused):
    code = "listed_twice"

    def __init__(self, bill_id: UUID) -> None:
        super().__init__(f"Bill {bill_id} is in this list twice. It is paid at most once; give one amount for it.")


class VendorInactive(PaymentRefused):
    code = "vendor_inactive"

    def __init__(self, vendor: str) -> None:
        super().__init__(f"{vendor} is inactive in QuickBooks. Make the vendor active there first, or do not pay.")


class CreditNotFound(NotFound):
    code = "credit_not_found"

    def __init__(self, credit_id: UUID) -> None:
        super().__init__(f"There is no vendor credit {credit_id}, or it is deleted.")


class CreditUnusable(PaymentRefused):
    code = "credit_unusable"

    def __init__(self, credit: str, why: str) -> None:
        super().__init__(f"{credit} cannot be applied: {why}.")


class CreditsExceedPayment(PaymentRefused):
    code = "credits_exceed_payment"

    def __init__(self, *, applied: Decimal, amount: Decimal, currency: str) -> None:
        super().__init__(
            f"The credits ({money(applied, currency)}) are more than the amount to settle ({money(amount, currency)}). "
            "Apply less of them."
        )


class AccountUnusable(PaymentRefused):
    code = "account_unusable"

    def __init__(self, account: str, why: str) -> None:
        super().__init__(f"{account} cannot pay bills: {why}.")


class BooksClosed(PaymentRefused):
    code = "books_closed"

    def __init__(self, *, on: date, closed_on: date) -> None:
        super().__init__(
            f"The books are closed through {closed_on.isoformat()}, so no payment can be dated {on.isoformat()}. Choose a later date, "
            "or have the closing date moved in QuickBooks."
        )


class DayTooFar(InvalidInput):
    code = "day_too_far"

    def __init__(self, days: int) -> None:
        super().__init__(f"A payment can be scheduled for {days} days ahead at most.")


class DayReversed(InvalidInput):
    code = "day_reversed"

    def __init__(self) -> None:
        super().__init__("A payment is scheduled for a day after today; leave `on` out to pay now.")


class PaidAlike(PaymentRefused):
    """The same vendor got, or is about to get, the same amount: it may be the same bill twice. `payment`, `on`: the one recorded."""

    code = "confirm_similar"

    def __init__(
        self, vendor: str, *, amount: Decimal, currency: str, on: date | None = None, payment: str | None = None
    ) -> None:
        before = (
            f"was paid {money(amount, currency)} on {on.isoformat()} already (payment {payment})"
            if on is not None
            else f"is being paid {money(amount, currency)} by another payment that is not finished"
        )
        super().__init__(
            f"{vendor} {before}. If this is another payment, send it again with confirm_similar: true; "
            "the log keeps who confirmed it."
        )


class BillBeingPaid(PaymentRefused):
    """`intent_id` is the payment that has it."""

    code = "being_paid"

    def __init__(self, what: str, *, intent_id: UUID) -> None:
        self.intent_id = intent_id
        super().__init__(f"{what} is in a payment already that is not finished. See that one first: {intent_id}.")


class AboveLimit(Forbidden):
    code = "above_limit"

    def __init__(self, *, amount: Decimal, limit: Decimal, currency: str) -> None:
        super().__init__(
            f"This is {money(amount, currency)}, and you may approve and pay up to {money(limit, currency)}. "
            "Somebody with a higher limit has to do it."
        )


class PaymentNotFound(NotFound):
    code = "payment_not_found"

    def __init__(self, payment_id: UUID) -> None:
        self.payment_id = payment_id
        super().__init__(f"There is no payment {payment_id}.")


class NotToBeExecuted(PaymentRefused):
    code = "not_to_be_executed"

    def __init__(self, state_words: str) -> None:
        super().__init__(f"This payment does not wait to be executed. {state_words}")


class NothingToVoid(PaymentRefused):
    code = "nothing_to_void"

    def __init__(self, state_words: str) -> None:
        super().__init__(f"Only a payment that is recorded in QuickBooks can be voided. {state_words}")
